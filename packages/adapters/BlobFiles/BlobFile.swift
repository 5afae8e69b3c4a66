import Glibc
import MailCrypto
import MailModel

/// One blob's file.
///
/// Every method blocks.
struct BlobFile {
    let folder: String
    let hash: BlobHash

    private var name: String { hash.description }
    private var first: String { "\(folder)/\(name.prefix(2))" }
    private var second: String { "\(first)/\(name.dropFirst(2).prefix(2))" }
    private var plain: String { "\(second)/\(name)" }
    private var deflated: String { plain + ".z" }

    private func failure(_ doing: String) -> BlobFault { .failed("\(doing): \(String(cString: strerror(errno)))") }

    // MARK: - Putting

    func write(_ bytes: [UInt8]) -> Result<Void, BlobFault> {
        if let done = renewed(size: bytes.count) { return done }
        if bytes.count <= BlobFiles.compressionLimit, let packed = ChunkedDeflate.pack(bytes) {
            return store(at: deflated) { descriptor in FileOctets.writeAll(packed, to: descriptor) }
        }
        return store(at: plain) { descriptor in FileOctets.writeAll(bytes, to: descriptor) }
    }

    func write(copying path: String, size: Int) -> Result<Void, BlobFault> {
        if let done = renewed(size: size) { return done }
        let source = open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { return .failure(failure("open spool")) }
        defer { close(source) }
        if size <= BlobFiles.compressionLimit {
            guard let bytes = FileOctets.readAll(source, size: size) else { return .failure(failure("read spool")) }
            return write(bytes)
        }
        return store(at: plain) { descriptor in
            var copied = 0
            let isRead = FileOctets.forEachChunk(of: source) { chunk in
                copied += chunk.count
                return FileOctets.writeAll(chunk, to: descriptor)
            }
            return isRead && copied == size
        }
    }

    /// Putting what is there already keeps it from the sweep: its time is renewed, under a lock that the sweep respects.
    ///
    /// nil when it is not there, or not whole.
    private func renewed(size: Int) -> Result<Void, BlobFault>? {
        for path in [plain, deflated] {
            let descriptor = open(path, O_RDWR | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            guard flock(descriptor, LOCK_SH) == 0 else { return .failure(failure("lock")) }
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { return .failure(failure("stat")) }
            // Swept between the two calls.
            guard status.st_nlink > 0 else { continue }
            let isWhole = path == plain ? Int(status.st_size) == size : ChunkedDeflate.size(in: descriptor) == size
            guard isWhole else { continue }
            guard futimens(descriptor, nil) == 0 else { return .failure(failure("renew")) }
            // Whoever wrote it may not have come to this yet.
            return syncFolders()
        }
        return nil
    }

    /// Durable when it returns: file synced, renamed, folders synced.
    private func store(at path: String, _ fill: (Int32) -> Bool) -> Result<Void, BlobFault> {
        for folder in [first, second] where mkdir(folder, 0o700) != 0 && errno != EEXIST {
            return .failure(failure("mkdir"))
        }
        let temporary = "\(path).\(getpid()).\(UInt64.random(in: 0 ... .max)).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return .failure(failure("open")) }
        let isFilled = fill(descriptor) && fsync(descriptor) == 0
        close(descriptor)
        guard isFilled, rename(temporary, path) == 0 else {
            let fault = failure("write")
            unlink(temporary)
            return .failure(fault)
        }
        return syncFolders()
    }

    private func syncFolders() -> Result<Void, BlobFault> {
        for folder in [second, first, self.folder] {
            let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard handle >= 0 else { return .failure(failure("open folder")) }
            defer { close(handle) }
            guard fsync(handle) == 0 else { return .failure(failure("sync folder")) }
        }
        return .success(())
    }

    // MARK: - Reading

    func read(_ range: Range<Int>) -> Result<[UInt8], BlobFault> {
        opened { descriptor, isDeflated in
            if isDeflated {
                guard let bytes = ChunkedDeflate.unpack(from: descriptor, range: range) else {
                    return .failure(.damaged(name))
                }
                return .success(bytes)
            }
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { return .failure(failure("stat")) }
            let range = range.clamped(to: 0..<Int(status.st_size))
            guard let bytes = FileOctets.readAll(descriptor, size: range.count, from: range.lowerBound) else {
                return .failure(failure("read"))
            }
            return .success(bytes)
        }
    }

    func verify() -> Result<Void, BlobFault> {
        opened { descriptor, isDeflated in
            var digest = IncrementalSHA256()
            if isDeflated {
                guard let size = ChunkedDeflate.size(in: descriptor) else { return .failure(.damaged(name)) }
                for start in stride(from: 0, to: size, by: 1 << 20) {
                    guard let bytes = ChunkedDeflate.unpack(from: descriptor, range: start..<(start + 1 << 20)) else {
                        return .failure(.damaged(name))
                    }
                    digest.update(bytes)
                }
            } else {
                guard
                    FileOctets.forEachChunk(
                        of: descriptor,
                        {
                            digest.update($0)
                            return true
                        }
                    )
                else { return .failure(failure("read")) }
            }
            return digest.finish() == hash.bytes ? .success(()) : .failure(.damaged(name))
        }
    }

    private func opened<Value>(
        _ body: (Int32, _ isDeflated: Bool) -> Result<Value, BlobFault>
    ) -> Result<Value, BlobFault> {
        for (path, isDeflated) in [(plain, false), (deflated, true)] {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                if errno == ENOENT { continue }
                return .failure(failure("open"))
            }
            defer { close(descriptor) }
            return body(descriptor, isDeflated)
        }
        return .failure(.missing)
    }

    // MARK: - Removing

    func remove() -> Result<Void, BlobFault> {
        let done = [unlink(plain), unlink(deflated)]
        return done.contains(0) ? .success(()) : .failure(.missing)
    }

    /// Whether it was removed.
    ///
    /// A `put` of the same bytes either comes before, and is seen, or after, and writes anew.
    func remove(ifPutBefore seconds: Int64) -> Result<Bool, BlobFault> {
        var isRemoved = false
        for path in [plain, deflated] {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            guard flock(descriptor, LOCK_EX) == 0 else { return .failure(failure("lock")) }
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { return .failure(failure("stat")) }
            guard status.st_mtim.tv_sec < seconds, status.st_nlink > 0 else { continue }
            guard unlink(path) == 0 else { return .failure(failure("unlink")) }
            isRemoved = true
        }
        return .success(isRemoved)
    }
}
