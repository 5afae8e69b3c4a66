import MailModel

/// Domain names between text and wire form (RFC 1035 §3.1).
enum DNSName {
    static let maximumLength = 253

    /// Labels of 1 to 63 octets without controls and spaces; a final dot may be there.
    static func isValid(_ name: String) -> Bool {
        let bytes = name.utf8.last == 46 ? Array(name.utf8.dropLast()) : Array(name.utf8)
        guard !bytes.isEmpty, bytes.count <= maximumLength else { return false }
        return bytes.split(separator: 46, omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count) && label.allSatisfy { $0 > 32 && $0 < 127 }
        }
    }

    /// An uncompressed name as lower-case text without the final dot; nil when it is no name, or holds octets that text cannot.
    static func text(_ wire: ArraySlice<UInt8>) -> String? {
        var labels: [String] = []
        var rest = wire
        while let length = rest.popFirst() {
            if length == 0 { return labels.joined(separator: ".") }
            guard length <= 63, rest.count >= length else { return nil }
            let label = rest.prefix(Int(length))
            guard label.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 46 }) else { return nil }
            labels.append(EmailAddress.lowercased(String(decoding: label, as: UTF8.self)))
            rest = rest.dropFirst(Int(length))
        }
        return nil
    }

    /// RFC 1035 §3.5, RFC 3596 §2.5.
    static func reverse(_ address: IPAddress) -> String {
        if address.isIPv4 {
            return address.bytes.reversed().map { "\($0)" }.joined(separator: ".") + ".in-addr.arpa"
        }
        let digits = Array("0123456789abcdef".unicodeScalars)
        let nibbles = address.bytes.reversed().flatMap { [digits[Int($0 & 15)], digits[Int($0 >> 4)]] }
        return nibbles.map { String($0) }.joined(separator: ".") + ".ip6.arpa"
    }
}
