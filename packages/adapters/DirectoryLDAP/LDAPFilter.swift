package import MailModel

/// A search filter (RFC 4515) with places for an address.
///
/// What is put in is escaped, so that it is a value and nothing else, whatever it holds.
package struct LDAPFilter: Hashable, Sendable {
    /// Octets.
    package static let longest = 2_000

    private enum Part: Hashable, Sendable {
        case text([UInt8])
        case address, local, domain
    }

    private let parts: [Part]

    /// nil when its parentheses do not match, it has a place that is unknown, or an octet that does not belong there.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (3...Self.longest).contains(bytes.count), bytes.first == UInt8(ascii: "("), Self.isBalanced(bytes),
            !bytes.contains(where: { $0 < 32 || $0 == 127 })
        else { return nil }
        var parts: [Part] = []
        var rest = bytes[...]
        while let start = rest.firstIndex(of: UInt8(ascii: "{")) {
            guard let end = rest[start...].firstIndex(of: UInt8(ascii: "}")) else { return nil }
            parts.append(.text(Array(rest[..<start])))
            switch String(decoding: rest[(start + 1)..<end], as: UTF8.self) {
            case "address": parts.append(.address)
            case "local": parts.append(.local)
            case "domain": parts.append(.domain)
            default: return nil
            }
            rest = rest[(end + 1)...]
        }
        parts.append(.text(Array(rest)))
        self.parts = parts
    }

    /// Whether it asks for one person.
    package var namesPerson: Bool { parts.contains(.address) || parts.contains(.local) }

    package func text(for address: EmailAddress) -> String {
        text(local: Self.escaped(address.localPart), domain: Self.escaped(address.domain))
    }

    /// For everybody of a domain: the local part is any.
    package func text(everybodyOf domain: String) -> String { text(local: "*", domain: Self.escaped(domain)) }

    private func text(local: String, domain: String) -> String {
        var bytes: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let text): bytes += text
            case .address: bytes += Array("\(local)@\(domain)".utf8)
            case .local: bytes += Array(local.utf8)
            case .domain: bytes += Array(domain.utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// RFC 4515 §3: "the characters '*', '(', ')', '\' and NUL MUST be escaped"; every octet that is no letter or digit of ASCII,
    /// nor one of a few harmless signs, is.
    package static func escaped(_ value: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = []
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "+"), UInt8(ascii: "@"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "\\"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Every parenthesis closed, and the first one with the last octet.
    private static func isBalanced(_ bytes: [UInt8]) -> Bool {
        var depth = 0
        for (index, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "(") { depth += 1 }
            if byte == UInt8(ascii: ")") { depth -= 1 }
            guard depth > 0 || index == bytes.count - 1 else { return false }
        }
        return depth == 0
    }
}
