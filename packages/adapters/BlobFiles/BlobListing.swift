import Glibc
import MailModel

/// The blobs of a folder in ascending order.
enum BlobListing {
    /// Removes, on its way, what a process that ended left half written.
    static func hashes(in folder: String, after: String?, limit: Int, olderThan: Timestamp) -> [BlobHash] {
        var found: [BlobHash] = []
        let after = after ?? ""
        for first in names(folder) where first.utf8.count == 2 && first >= after.prefix(2) {
            for second in names("\(folder)/\(first)") where second.utf8.count == 2 && first + second >= after.prefix(4)
            {
                for file in names("\(folder)/\(first)/\(second)") {
                    let path = "\(folder)/\(first)/\(second)/\(file)"
                    var status = stat()
                    guard stat(path, &status) == 0, status.st_mtim.tv_sec < olderThan.seconds else { continue }
                    if file.utf8.suffix(4).elementsEqual(".new".utf8) { unlink(path) }
                    guard let hash = hash(file), hash.description > after, hash != found.last else { continue }
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
        let bytes = stride(from: 0, to: 64, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
        }
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
