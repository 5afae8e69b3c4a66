import Glibc
import MailCrypto

/// Hashes a spool file in pieces.
enum SpoolDigest {
    /// nil when the file cannot be read to its end, or has another size.
    static func sha256(ofFile path: String, size: Int) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var digest = IncrementalSHA256()
        var total = 0
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { chunk.deallocate() }
        while true {
            let count = Glibc.read(descriptor, chunk.baseAddress, chunk.count)
            guard count >= 0 else { return nil }
            if count == 0 { break }
            total += count
            digest.update(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
        }
        return total == size ? digest.finish() : nil
    }
}
