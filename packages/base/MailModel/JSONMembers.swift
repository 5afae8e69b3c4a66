/// Members of a JSON object (RFC 8259), escaped octet by octet.
package struct JSONMembers: Sendable {
    private var members: [String] = []
    package init() {}

    package mutating func add(_ name: String, _ value: String) { add(name, json: Self.quoted(value)) }
    package mutating func add(_ name: String, _ value: Int64) { add(name, json: "\(value)") }
    package mutating func add(_ name: String, _ value: Bool) { add(name, json: "\(value)") }
    package mutating func add(_ name: String, _ values: [String]) {
        add(name, json: "[\(values.map(Self.quoted).joined(separator: ","))]")
    }
    /// What is JSON already.
    package mutating func add(_ name: String, json: String) { members.append("\(Self.quoted(name)):\(json)") }

    package var text: String { "{\(members.joined(separator: ","))}" }

    /// RFC 8259 §7: `"`, `\` and control characters are escaped; a combining mark behind a quotation mark hides none of them.
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
