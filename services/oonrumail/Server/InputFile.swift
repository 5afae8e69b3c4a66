import Glibc

/// Reads what a command is given as a file or on standard input (`-`).
enum InputFile {
    static func read(_ file: String, atMost limit: Int) throws -> [UInt8] {
        let descriptor = file == "-" ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(errno == ENOENT ? .notFound : .failure, "\(file) cannot be opened")
        }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw CommandFailure(.failure, "\(file) cannot be read") }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= limit else { throw CommandFailure(.failure, "\(file) is larger than \(limit) octets") }
        }
    }
}
