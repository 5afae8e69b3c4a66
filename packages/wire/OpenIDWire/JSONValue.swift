/// A JSON text (RFC 8259) read over octets within bounds.
package indirect enum JSONValue: Equatable, Sendable {
    case text(String)
    /// A whole number.
    case number(Int64)
    /// A number with a fraction or an exponent, or one that is too large, which nothing here reads.
    case otherNumber
    case truth(Bool)
    case null
    case list([JSONValue])
    case object([String: JSONValue])

    /// Levels of nesting, and members and elements in the whole text.
    package static let depth = 8
    package static let members = 4_096

    /// nil for what is no JSON, names a member twice, or is beyond the bounds.
    package init?(_ bytes: [UInt8]) {
        var reader = JSONReader(bytes: bytes)
        guard let value = reader.value(0), reader.isAtEnd else { return nil }
        self = value
    }

    package subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }

    package var text: String? {
        guard case .text(let text) = self else { return nil }
        return text
    }

    package var number: Int64? {
        guard case .number(let number) = self else { return nil }
        return number
    }

    package var list: [JSONValue]? {
        guard case .list(let values) = self else { return nil }
        return values
    }

    /// The texts of a list; nil when it is none, or has others.
    package var texts: [String]? {
        guard let list else { return nil }
        let texts = list.compactMap(\.text)
        return texts.count == list.count ? texts : nil
    }
}

struct JSONReader {
    let bytes: [UInt8]
    private var position = 0
    private var left = JSONValue.members

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return position == bytes.count
        }
    }

    mutating func value(_ depth: Int) -> JSONValue? {
        skipSpace()
        guard position < bytes.count, depth < JSONValue.depth, left > 0 else { return nil }
        left -= 1
        switch bytes[position] {
        case UInt8(ascii: "\""): return string().map { .text($0) }
        case UInt8(ascii: "{"): return object(depth)
        case UInt8(ascii: "["): return list(depth)
        default: return word()
        }
    }

    private mutating func skipSpace() {
        while position < bytes.count, [32, 9, 10, 13].contains(bytes[position]) { position += 1 }
    }

    /// Passes over white space and this octet, if it is next.
    private mutating func skip(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func object(_ depth: Int) -> JSONValue? {
        guard skip(UInt8(ascii: "{")) else { return nil }
        var members: [String: JSONValue] = [:]
        if skip(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            guard let name = string(), skip(UInt8(ascii: ":")), let value = value(depth + 1) else { return nil }
            // Two readers that take different ones of two would see different tokens.
            guard members.updateValue(value, forKey: name) == nil else { return nil }
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "}")) ? .object(members) : nil
    }

    private mutating func list(_ depth: Int) -> JSONValue? {
        guard skip(UInt8(ascii: "[")) else { return nil }
        var values: [JSONValue] = []
        if skip(UInt8(ascii: "]")) { return .list(values) }
        repeat {
            guard let value = value(depth + 1) else { return nil }
            values.append(value)
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "]")) ? .list(values) : nil
    }

    private mutating func word() -> JSONValue? {
        let word = bytes[position...].prefix {
            (97...122).contains($0) || (48...57).contains($0) || [43, 45, 46, 69].contains($0)
        }
        position += word.count
        if word.elementsEqual("true".utf8) { return .truth(true) }
        if word.elementsEqual("false".utf8) { return .truth(false) }
        if word.elementsEqual("null".utf8) { return .null }
        guard let first = word.first, first == 45 || (48...57).contains(first), word.count <= 64 else { return nil }
        let digits = first == 45 ? word.dropFirst() : word
        guard let lead = digits.first, (48...57).contains(lead),
            lead != 48 || digits.count == 1 || !isDigit(digits.dropFirst().first)
        else { return nil }
        guard digits.allSatisfy({ (48...57).contains($0) }) else {
            return Double(String(decoding: word, as: UTF8.self)) == nil ? nil : .otherNumber
        }
        return Int64(String(decoding: word, as: UTF8.self)).map { .number($0) } ?? .otherNumber
    }

    private func isDigit(_ byte: UInt8?) -> Bool { byte.map { (48...57).contains($0) } ?? false }

    private mutating func string() -> String? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                text += Array(String(scalar).utf8)
            case 0..<32: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    /// RFC 8259 §7; half of a surrogate pair is refused.
    private mutating func escape() -> Unicode.Scalar? {
        guard position < bytes.count else { return nil }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            guard let code = unit() else { return nil }
            guard (0xD800..<0xDC00).contains(code) else { return Unicode.Scalar(code) }
            guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            else { return nil }
            position += 2
            guard let low = unit(), (0xDC00..<0xE000).contains(low) else { return nil }
            return Unicode.Scalar(0x10000 + (code - 0xD800) << 10 + (low - 0xDC00))
        default: return nil
        }
    }

    private mutating func unit() -> UInt32? {
        guard bytes.count - position >= 4 else { return nil }
        let digits = bytes[position..<(position + 4)]
        let isHexadecimal = digits.allSatisfy { (48...57).contains($0) || (97...102).contains($0 | 32) }
        guard isHexadecimal else { return nil }
        position += 4
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
