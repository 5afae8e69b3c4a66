/// `application/x-www-form-urlencoded`, as queries and bodies of OAuth have it (RFC 6749 appendix B).
package enum QueryText {
    package static func encoded(_ fields: [(name: String, value: String)]) -> String {
        fields.map { "\(encoded($0.name))=\(encoded($0.value))" }.joined(separator: "&")
    }

    /// RFC 3986 §2.3: all but unreserved characters as `%XX`.
    package static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The address with more in its query.
    package static func appended(_ fields: [(name: String, value: String)], to address: String) -> String {
        address + (address.utf8.contains(UInt8(ascii: "?")) ? "&" : "?") + encoded(fields)
    }
}
