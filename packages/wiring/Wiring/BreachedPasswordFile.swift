import Glibc
import Logging
import MailCrypto

/// A list of passwords that are known to attackers: one SHA-1 in hexadecimal a line, sorted, with anything after it,
/// as Have I Been Pwned offers for download.
///
/// Looked up by halving the file, a few dozen short reads, so that the list of 40 GB needs no memory.
struct BreachedPasswordFile: Sendable {
    /// Octets of a line that are read: 40 digits, a colon, a count.
    private static let longestLine = 80
    private let path: String

    /// nil when the file cannot be read.
    init?(path: String) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        close(file)
        self.path = path
    }

    /// Blocks on the disk.
    ///
    /// A file that has become unreadable refuses nobody's password and is logged.
    func contains(_ password: String) -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            Logger(label: "auth").error("the list of breached passwords cannot be read")
            return false
        }
        defer { close(file) }
        let hex = Array("0123456789ABCDEF".utf8)
        let wanted = SHA1.hash(Array(password.utf8)).flatMap { [hex[Int($0 >> 4)], hex[Int($0 & 15)]] }
        // The line sought begins in low..<high.
        var (low, high) = (Int64(0), Int64(lseek(file, 0, SEEK_END)))
        while low < high {
            let middle = low + (high - low) / 2
            let (start, line) = Self.line(from: middle, in: file)
            guard let line, start < high else {
                high = middle
                continue
            }
            let found = line.prefix(wanted.count).map { (97...102).contains($0) ? $0 & 0xDF : $0 }
            if found == wanted { return true }
            if found.lexicographicallyPrecedes(wanted) { low = start + 1 } else { high = middle }
        }
        return false
    }

    /// The first line that begins at the place or after it; where it begins.
    private static func line(from place: Int64, in file: Int32) -> (start: Int64, line: [UInt8]?) {
        var bytes = [UInt8](repeating: 0, count: 2 * longestLine)
        // The octet before tells whether a line begins at the place itself.
        let start = place == 0 ? 0 : place - 1
        let count = pread(file, &bytes, bytes.count, off_t(start))
        guard count > 0 else { return (place, nil) }
        let read = bytes[..<count]
        if place == 0 { return (0, Array(read.prefix { $0 != 10 })) }
        guard let end = read.firstIndex(of: 10), end + 1 < count else { return (place, nil) }
        return (start + Int64(end) + 1, Array(read[(end + 1)...].prefix { $0 != 10 }))
    }
}
