import ByteParsing
import Glibc
import MailCrypto

/// Writes a backup, entry by entry.
///
/// Every method blocks.
struct BackupWriter: ~Copyable {
    private let path: String
    private let descriptor: Int32
    private var manifest = "\(BackupLayout.manifestTitle)\n"

    init(path: String) throws(BackupFault) {
        self.path = path
        unlink(path)
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("cannot write \(path)") }
    }

    deinit { close(descriptor) }

    /// Every regular file below the folder, save what is half written.
    mutating func add(folder: String, as name: String) throws(BackupFault) {
        for entry in try FileTree.entries(of: folder) where !entry.name.utf8.starts(with: ".".utf8) {
            let source = "\(folder)/\(entry.name)"
            if entry.isFolder {
                try add(folder: source, as: "\(name)/\(entry.name)")
            } else if !entry.name.utf8.suffix(4).elementsEqual(".new".utf8) {
                try add(file: source, as: "\(name)/\(entry.name)")
            }
        }
    }

    mutating func add(file: String, as name: String) throws(BackupFault) {
        let source = open(file, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw .system("cannot read \(file)") }
        defer { close(source) }
        var status = stat()
        guard fstat(source, &status) == 0 else { throw .system("cannot read \(file)") }
        let size = Int(status.st_size)
        try begin(name, size: size)
        var digest = IncrementalSHA256()
        var left = size
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { chunk.deallocate() }
        while left > 0 {
            let count = Glibc.read(source, chunk.baseAddress, min(left, chunk.count))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw count < 0
                    ? .system("cannot read \(file)") : BackupFault("\(file) became shorter while it was read")
            }
            let piece = UnsafeRawBufferPointer(rebasing: chunk[..<count])
            digest.update(piece)
            try write(piece)
            left -= count
        }
        try pad(size)
        manifest += "\(Hexadecimal.text(digest.finish())) \(size) \(name)\n"
    }

    /// The manifest, the end of the archive, and everything on stable storage.
    consuming func finish() throws(BackupFault) {
        let text = Array(manifest.utf8)
        try begin(BackupLayout.manifest, size: text.count)
        try write(text)
        try pad(text.count)
        try write([UInt8](repeating: 0, count: TarHeader.block * 2))
        guard fsync(descriptor) == 0 else { throw .system("cannot write \(path)") }
    }

    private func begin(_ name: String, size: Int) throws(BackupFault) {
        guard let header = TarHeader(name: name, size: size).encoded else {
            throw BackupFault("the name \(name) is too long for a backup")
        }
        try write(header)
    }

    private func pad(_ size: Int) throws(BackupFault) {
        let count = TarHeader.padding(after: size)
        if count > 0 { try write([UInt8](repeating: 0, count: count)) }
    }

    private func write(_ bytes: [UInt8]) throws(BackupFault) {
        // A closure would lose the type of the error.
        let isWritten = bytes.withUnsafeBytes { FileTree.writeAll($0, to: descriptor) }
        guard isWritten else { throw .system("cannot write \(path)") }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(BackupFault) {
        guard FileTree.writeAll(bytes, to: descriptor) else { throw .system("cannot write \(path)") }
    }
}
