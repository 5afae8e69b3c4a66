/// Writes JSON by octets (RFC 8259), for log lines and command output.
package struct JSONText: Sendable {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init() {}

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package mutating func beginObject() { open(UInt8(ascii: "{")) }
    package mutating func endObject() { close(UInt8(ascii: "}")) }
    package mutating func beginArray() { open(UInt8(ascii: "[")) }
    package mutating func endArray() { close(UInt8(ascii: "]")) }

    package mutating func key(_ name: String) {
        separate()
        Self.appendQuoted(name.utf8, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
    }

    package mutating func string(_ value: String, limit: Int = .max) {
        separate()
        Self.appendQuoted(Self.cut(value, limit), to: &bytes)
        needsComma = true
    }

    package mutating func string(octets: [UInt8]) {
        separate()
        Self.appendQuoted(String(decoding: octets, as: UTF8.self).utf8, to: &bytes)
        needsComma = true
    }

    package mutating func number(_ value: some BinaryInteger) { raw("\(value)") }
    package mutating func boolean(_ value: Bool) { raw(value ? "true" : "false") }
    package mutating func null() { raw("null") }

    private mutating func raw(_ text: String) {
        separate()
        bytes += text.utf8
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = false
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    /// At most `limit` octets, never through the middle of a scalar.
    private static func cut(_ value: String, _ limit: Int) -> Substring.UTF8View {
        let view = value.utf8
        guard view.count > limit, var end = view.index(view.startIndex, offsetBy: limit, limitedBy: view.endIndex)
        else {
            return value[...].utf8
        }
        while end > view.startIndex, view[end] & 0xC0 == 0x80 { end = view.index(before: end) }
        return value[..<end].utf8
    }

    static func appendQuoted(_ text: some Sequence<UInt8>, to bytes: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(34)
        for byte in text {
            switch byte {
            case 34, 92: bytes += [92, byte]
            case 10: bytes += [92, UInt8(ascii: "n")]
            case 13: bytes += [92, UInt8(ascii: "r")]
            case 9: bytes += [92, UInt8(ascii: "t")]
            case 0..<32, 127: bytes += [92, UInt8(ascii: "u"), 48, 48, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(34)
    }
}
