import CZlib
import Glibc
import MailCrypto
import MailModel

/// One blob's file. Every method blocks.
struct BlobFile {
    let folder: String
    let hash: BlobHash

    private var name: String { hash.description }
    private var first: String { "\(folder)/\(name.prefix(2))" }
    private var second: String { "\(first)/\(name.dropFirst(2).prefix(2))" }
    private var plain: String { "\(second)/\(name)" }
    private var deflated: String { plain + ".z" }

    private func failure(_ doing: String) -> BlobFault { .failed("\(doing): \(String(cString: strerror(errno)))") }

    private var isThere: Bool { access(plain, F_OK) == 0 || access(deflated, F_OK) == 0 }

    /// Being put again keeps it from the sweep: its time is renewed.
    private func renewed() -> Result<Void, BlobFault>? {
        guard isThere else { return nil }
        return utimes(plain, nil) == 0 || utimes(deflated, nil) == 0 ? .success(()) : nil
    }

    func write(_ bytes: [UInt8]) -> Result<Void, BlobFault> {
        if let done = renewed() { return done }
        if bytes.count <= BlobFiles.compressionLimit, let packed = Self.deflate(bytes) {
            return store(at: deflated) { descriptor in Self.writeAll(packed, to: descriptor) }
        }
        return store(at: plain) { descriptor in Self.writeAll(bytes, to: descriptor) }
    }

    func write(copying path: String, size: Int) -> Result<Void, BlobFault> {
        if let done = renewed() { return done }
        let source = open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { return .failure(failure("open spool")) }
        defer { close(source) }
        if size <= BlobFiles.compressionLimit {
            guard let bytes = Self.readAll(source, size: size) else { return .failure(failure("read spool")) }
            return write(bytes)
        }
        return store(at: plain) { descriptor in
            let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
            defer { chunk.deallocate() }
            while true {
                let count = Glibc.read(source, chunk.baseAddress, chunk.count)
                guard count >= 0 else { return false }
                guard count > 0 else { return true }
                guard Self.writeAll(UnsafeRawBufferPointer(rebasing: chunk[..<count]), to: descriptor) else { return false }
            }
        }
    }

    /// Durable when it returns: file synced, renamed, folder synced.
    private func store(at path: String, _ fill: (Int32) -> Bool) -> Result<Void, BlobFault> {
        for folder in [first, second] where mkdir(folder, 0o700) != 0 && errno != EEXIST { return .failure(failure("mkdir")) }
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
        for folder in [second, first, self.folder] {
            let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard handle >= 0 else { return .failure(failure("open folder")) }
            defer { close(handle) }
            guard fsync(handle) == 0 else { return .failure(failure("sync folder")) }
        }
        return .success(())
    }

    func read(_ range: Range<Int>) -> Result<[UInt8], BlobFault> {
        let descriptor = open(plain, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return readDeflated(range) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .failure(failure("stat")) }
        let range = range.clamped(to: 0..<Int(status.st_size))
        guard let bytes = Self.readAll(descriptor, size: range.count, from: range.lowerBound) else { return .failure(failure("read")) }
        return .success(bytes)
    }

    private func readDeflated(_ range: Range<Int>) -> Result<[UInt8], BlobFault> {
        let descriptor = open(deflated, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(errno == ENOENT ? .missing : failure("open")) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, let packed = Self.readAll(descriptor, size: Int(status.st_size)) else {
            return .failure(failure("read"))
        }
        guard let bytes = Self.inflate(packed) else { return .failure(.damaged(name)) }
        return .success(Array(bytes[range.clamped(to: 0..<bytes.count)]))
    }

    func verify() -> Result<Void, BlobFault> {
        switch read(0..<Int.max) {
        case .failure(let fault): .failure(fault)
        case .success(let bytes): SHA256.hash(bytes) == hash.bytes ? .success(()) : .failure(.damaged(name))
        }
    }

    func remove() -> Result<Void, BlobFault> {
        let done = [unlink(plain), unlink(deflated)]
        return done.contains(0) ? .success(()) : .failure(.missing)
    }

    // MARK: - Octets

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)  // Not empty here.
            guard count > 0 else { return false }
            offset += count
        }
        return true
    }

    private static func readAll(_ descriptor: Int32, size: Int, from start: Int = 0) -> [UInt8]? {
        var isComplete = true
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
            while initialized < size {
                let count = pread(descriptor, buffer.baseAddress! + initialized, size - initialized, start + initialized)
                guard count > 0 else {
                    isComplete = false
                    return
                }
                initialized += count
            }
        }
        return isComplete ? bytes : nil
    }

    private static func deflate(_ plain: [UInt8]) -> [UInt8]? {
        var length = compressBound(UInt(plain.count))
        var packed = [UInt8](repeating: 0, count: Int(length))
        guard compress2(&packed, &length, plain, UInt(plain.count), 1) == Z_OK, Int(length) < plain.count * 9 / 10 else { return nil }
        return (0..<8).map { UInt8(truncatingIfNeeded: plain.count >> ((7 - $0) * 8)) } + packed[..<Int(length)]
    }

    private static func inflate(_ packed: [UInt8]) -> [UInt8]? {
        guard packed.count > 8 else { return nil }
        let size = packed[..<8].reduce(0) { $0 << 8 | Int($1) }
        guard size >= 0, size <= BlobFiles.compressionLimit else { return nil }
        var length = UInt(size)
        var plain = [UInt8](repeating: 0, count: size)
        guard uncompress(&plain, &length, Array(packed[8...]), UInt(packed.count - 8)) == Z_OK, Int(length) == size else { return nil }
        return plain
    }
}

/// The blobs of a folder in ascending order.
enum BlobListing {
    static func hashes(in folder: String, after: String?, limit: Int, olderThan: Timestamp) -> [BlobHash] {
        var found: [BlobHash] = []
        let after = after ?? ""
        for first in names(folder) where first.utf8.count == 2 && first >= after.prefix(2) {
            for second in names("\(folder)/\(first)") where second.utf8.count == 2 && first + second >= after.prefix(4) {
                for file in names("\(folder)/\(first)/\(second)") {
                    var status = stat()
                    guard let hash = hash(file), hash.description > after, stat("\(folder)/\(first)/\(second)/\(file)", &status) == 0,
                        status.st_mtim.tv_sec < olderThan.seconds
                    else { continue }
                    found.append(hash)
                    if found.count == limit { return found }
                }
            }
        }
        return found
    }

    private static func hash(_ file: String) -> BlobHash? {
        var digits = Array(file.utf8)
        if digits.count == 66, digits.suffix(2) == [46, 122] { digits.removeLast(2) }
        guard digits.count == 64 else { return nil }
        let bytes = stride(from: 0, to: 64, by: 2).compactMap { UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16) }
        return BlobHash(bytes: bytes)
    }

    private static func names(_ folder: String) -> [String] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        var found: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.utf8.starts(with: [46]) { found.append(name) }
        }
        return found.sorted()
    }
}
