import MailModel

/// What a change was from and what it is to, as a JSON object (RFC 8259).
struct AuditDetail: Sendable {
    /// Values of a list that are written; the rest is counted.
    private static let shownValues = 50

    private var members: [(name: String, json: String)] = []

    init() {}

    init(before: [EmailAddress]? = nil, after: [EmailAddress]? = nil) {
        if let before { add("before", before.map(\.description)) }
        if let after { add("after", after.map(\.description)) }
    }

    init(before: String, after: String) {
        add("before", before)
        add("after", after)
    }

    mutating func add(_ name: String, _ value: String) { members.append((name, Self.quoted(value))) }

    mutating func add(_ name: String, _ values: [String]) {
        members.append((name, "[" + values.prefix(Self.shownValues).map(Self.quoted).joined(separator: ",") + "]"))
        if values.count > Self.shownValues { members.append(("\(name)_count", "\(values.count)")) }
    }

    mutating func add(_ name: String, _ number: Int) { members.append((name, "\(number)")) }

    var text: String { "{" + members.map { "\(Self.quoted($0.name)):\($0.json)" }.joined(separator: ",") + "}" }

    private static func quoted(_ value: String) -> String {
        var bytes: [UInt8] = [34]
        for byte in value.utf8 {
            switch byte {
            case 34, 92: bytes += [92, byte]
            case 0..<32, 127: bytes += Array("\\u00".utf8) + [hex(byte >> 4), hex(byte & 15)]
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes + [34], as: UTF8.self)
    }

    private static func hex(_ digit: UInt8) -> UInt8 { digit < 10 ? 48 + digit : 87 + digit }
}
