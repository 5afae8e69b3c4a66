/// The `detail` of an audit line: a flat JSON object (RFC 8259), escaped octet by octet.
package struct AuditDetail: Sendable {
    private var members: [String] = []
    package init() {}

    package func adding(_ name: String, _ value: String?) -> AuditDetail {
        var copy = self
        copy.members.append("\(Self.quoted(name)):\(value.map(Self.quoted) ?? "null")")
        return copy
    }

    package func adding(_ name: String, _ value: Int64) -> AuditDetail {
        var copy = self
        copy.members.append("\(Self.quoted(name)):\(value)")
        return copy
    }

    /// A member before and after; nothing when it did not change.
    package func changing(_ name: String, from before: String?, to after: String?) -> AuditDetail {
        guard before != after else { return self }
        var copy = self
        let (old, new) = (before.map(Self.quoted) ?? "null", after.map(Self.quoted) ?? "null")
        copy.members.append("\(Self.quoted(name)):{\"before\":\(old),\"after\":\(new)}")
        return copy
    }

    package var text: String { "{\(members.joined(separator: ","))}" }

    /// RFC 8259 §7: `"`, `\` and control characters are escaped; a combining mark behind a quote hides none of them.
    package static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = [34]
        let digits = Array("0123456789abcdef".utf8)
        for byte in text.utf8 {
            switch byte {
            case 34, 92: bytes += [92, byte]
            case ..<32, 127: bytes += "\\u00".utf8 + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes + [34], as: UTF8.self)
    }
}
