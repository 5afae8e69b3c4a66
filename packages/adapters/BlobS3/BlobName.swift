import MailModel

/// An object's name: `aa/HASH-DAY`, DAY the number of the day of its put in ten digits.
///
/// S3 cannot remove an object on the condition that nobody has put it again. Here nobody needs it to: a put writes only
/// under the present day's name, and a sweep removes only names of days that are over.
struct BlobName: Hashable {
    let hash: BlobHash
    let day: Int64

    /// Clocks of processes may differ by so much.
    private static let skew: Int64 = 900

    init(_ hash: BlobHash, putAt now: Timestamp, dayLength: Int64) {
        self.hash = hash
        day = now.seconds / dayLength
    }

    static func folder(of hash: BlobHash) -> String { "\(hash.description.prefix(2))/" }
    static func start(of hash: BlobHash) -> String { "\(folder(of: hash))\(hash)" }

    var text: String {
        let digits = "\(day)"
        return "\(Self.start(of: hash))-\(String(repeating: "0", count: max(0, 10 - digits.utf8.count)))\(digits)"
    }

    /// nil for an object that is none of ours.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 78, bytes[2] == UInt8(ascii: "/"), bytes[67] == UInt8(ascii: "-"),
            let day = Int64(String(decoding: bytes[68...], as: UTF8.self)), day >= 0
        else { return nil }
        let octets = stride(from: 3, to: 67, by: 2).compactMap {
            UInt8(String(decoding: bytes[$0...($0 + 1)], as: UTF8.self), radix: 16)
        }
        guard let hash = BlobHash(bytes: octets) else { return nil }
        (self.hash, self.day) = (hash, day)
    }

    /// Whether no process can put under this name after that moment.
    func isOver(at moment: Timestamp, dayLength: Int64) -> Bool {
        (day + 1) * dayLength + min(Self.skew, dayLength) <= moment.seconds
    }
}
