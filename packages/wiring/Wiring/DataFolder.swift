import Glibc

/// The folder of a one-machine store: database, blobs, spool, keys and the development certificate.
///
/// Everything in it is readable by its owner only.
package struct DataFolder: Sendable {
    package let path: String

    package var blobs: String { "\(path)/blobs" }
    package var spool: String { "\(path)/spool" }
    package var keys: String { "\(path)/keys" }
    package var certificate: String { "\(path)/tls/certificate.pem" }
    package var certificateKey: String { "\(path)/tls/key.pem" }
    /// By which an authority knows us.
    package var authorityKey: String { "\(path)/tls/authority-account.der" }

    /// Makes what is missing.
    ///
    /// The error's line names the path and the cause.
    package init(preparing path: String) throws(StartupError) {
        self.path = path
        for folder in [path, blobs, spool, keys, "\(path)/tls"] {
            try Self.makeFolder(folder)
        }
        guard access(path, R_OK | W_OK | X_OK) == 0 else {
            throw StartupError("the data folder \(path) is not writable: \(Self.cause())")
        }
    }

    /// The folder as it is, for who only looks.
    init(existing path: String) { self.path = path }

    /// Takes the folder for the one process that serves from it, until that process ends.
    package func lockForServing() throws(StartupError) {
        let lock = open("\(path)/serving.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw StartupError("cannot open \(path)/serving.lock: \(Self.cause())") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw StartupError("another server is running on the data folder \(path)")
        }
    }

    /// Removes what an ended process left half received; nothing there was acknowledged.
    package func clearSpool() {
        guard let folder = opendir(spool) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { unlink("\(spool)/\(name)") }
        }
    }

    /// The octets of a small file; nil when there is none.
    package func read(_ file: String) throws(StartupError) -> [UInt8]? {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw StartupError("cannot read \(file): \(Self.cause())")
        }
        defer { close(descriptor) }
        var content = [UInt8](repeating: 0, count: 1 << 20)
        let count = Glibc.read(descriptor, &content, content.count)
        guard count >= 0 else { throw StartupError("cannot read \(file): \(Self.cause())") }
        return Array(content[..<count])
    }

    /// Writes a small file durably, readable by its owner only; a file of that name is replaced at once or not at all.
    package func write(_ content: [UInt8], to file: String) throws(StartupError) {
        let temporary = try writeTemporary(content, beside: file)
        guard rename(temporary, file) == 0 else { throw StartupError("cannot write \(file): \(Self.cause())") }
    }

    /// Like `write`, but a file that another process made meanwhile stays.
    package func create(_ content: [UInt8], at file: String) throws(StartupError) {
        let temporary = try writeTemporary(content, beside: file)
        defer { unlink(temporary) }
        guard link(temporary, file) == 0 || errno == EEXIST else {
            throw StartupError("cannot write \(file): \(Self.cause())")
        }
    }

    private func writeTemporary(_ content: [UInt8], beside file: String) throws(StartupError) -> String {
        let temporary = "\(file).\(getpid())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StartupError("cannot write \(temporary): \(Self.cause())") }
        let written = Glibc.write(descriptor, content, content.count)
        let synced = fsync(descriptor)
        close(descriptor)
        guard written == content.count, synced == 0 else {
            defer { unlink(temporary) }
            throw StartupError("cannot write \(temporary): \(Self.cause())")
        }
        return temporary
    }

    private static func makeFolder(_ folder: String) throws(StartupError) {
        let parents = folder.split(separator: "/", omittingEmptySubsequences: false)
        for count in 1...parents.count {
            let part = parents[..<count].joined(separator: "/")
            guard !part.isEmpty, mkdir(part, 0o700) != 0, errno != EEXIST else { continue }
            // Ancestors of the mount may be unreadable; what counts is the folder itself.
            guard count == parents.count else { continue }
            throw StartupError("cannot make the folder \(folder): \(cause())")
        }
        guard let opened = opendir(folder) else { throw StartupError("cannot use the folder \(folder): \(cause())") }
        closedir(opened)
    }

    private static func cause() -> String { String(cString: strerror(errno)) }
}
