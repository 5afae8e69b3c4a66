import ByteParsing

/// What a browser says of the request that it passed on (WebAuthn Level 3 §5.8.1): JSON, read over octets within bounds.
package struct ClientData: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case create = "webauthn.create"
        case get = "webauthn.get"
    }

    package static let longest = 4_096

    package var type: String
    package var challenge: [UInt8]
    package var origin: String
    package var isCrossOrigin: Bool

    package init(_ bytes: [UInt8]) throws(WebAuthnFault) {
        guard bytes.count <= Self.longest, let members = FlatJSON.members(bytes),
            case .text(let type) = members["type"], case .text(let challenge) = members["challenge"],
            case .text(let origin) = members["origin"], let challenge = Base64.decode(Array(challenge.utf8))
        else { throw .clientData }
        self.type = type
        self.challenge = challenge
        self.origin = origin
        switch members["crossOrigin"] {
        case nil, .truth(false): isCrossOrigin = false
        case .truth(true): isCrossOrigin = true
        case .text, .other: throw .clientData
        }
    }
}

/// Members of one JSON object (RFC 8259); what is nested in it is passed over.
enum FlatJSON {
    enum Member: Equatable {
        case text(String)
        case truth(Bool)
        case other
    }

    private static let depth = 4
    private static let count = 64

    /// nil for what is no JSON object, has a name twice, or is beyond the bounds.
    static func members(_ bytes: [UInt8]) -> [String: Member]? {
        var reader = Reader(bytes: bytes)
        guard let found = reader.object(), reader.isAtEnd else { return nil }
        return found
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return position == bytes.count
            }
        }

        mutating func skipSpace() {
            while position < bytes.count, [32, 9, 10, 13].contains(bytes[position]) { position += 1 }
        }

        /// Passes over white space and this octet, if it is next.
        mutating func skip(_ byte: UInt8) -> Bool {
            skipSpace()
            guard position < bytes.count, bytes[position] == byte else { return false }
            position += 1
            return true
        }

        mutating func object(depth: Int = 0) -> [String: Member]? {
            guard depth < FlatJSON.depth, skip(UInt8(ascii: "{")) else { return nil }
            var members: [String: Member] = [:]
            if skip(UInt8(ascii: "}")) { return members }
            repeat {
                guard members.count < FlatJSON.count, let name = string(), skip(UInt8(ascii: ":")),
                    let value = value(depth)
                else { return nil }
                guard members.updateValue(value, forKey: name) == nil else { return nil }
            } while skip(UInt8(ascii: ","))
            return skip(UInt8(ascii: "}")) ? members : nil
        }

        private mutating func array(depth: Int) -> Bool {
            guard depth < FlatJSON.depth, skip(UInt8(ascii: "[")) else { return false }
            if skip(UInt8(ascii: "]")) { return true }
            var count = 0
            repeat {
                count += 1
                guard count <= FlatJSON.count, value(depth) != nil else { return false }
            } while skip(UInt8(ascii: ","))
            return skip(UInt8(ascii: "]"))
        }

        private mutating func value(_ depth: Int) -> Member? {
            skipSpace()
            guard position < bytes.count else { return nil }
            switch bytes[position] {
            case UInt8(ascii: "\""): return string().map { .text($0) }
            case UInt8(ascii: "{"): return object(depth: depth + 1).map { _ in .other }
            case UInt8(ascii: "["): return array(depth: depth + 1) ? .other : nil
            default:
                let word = bytes[position...].prefix {
                    (97...122).contains($0) || (48...57).contains($0) || [43, 45, 46, 69].contains($0)
                }
                position += word.count
                if word.elementsEqual("true".utf8) { return .truth(true) }
                if word.elementsEqual("false".utf8) { return .truth(false) }
                if word.elementsEqual("null".utf8) { return .other }
                return word.first.map { $0 == 45 || (48...57).contains($0) } == true ? .other : nil
            }
        }

        private mutating func string() -> String? {
            guard skip(UInt8(ascii: "\"")) else { return nil }
            var text: [UInt8] = []
            while position < bytes.count {
                let byte = bytes[position]
                position += 1
                switch byte {
                case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let octets = escape() else { return nil }
                    text += octets
                case 0..<32: return nil
                default: text.append(byte)
                }
            }
            return nil
        }

        /// RFC 8259 §7; surrogates are refused: nothing that is compared here has them.
        private mutating func escape() -> [UInt8]? {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
            case UInt8(ascii: "b"): return [8]
            case UInt8(ascii: "f"): return [12]
            case UInt8(ascii: "n"): return [10]
            case UInt8(ascii: "r"): return [13]
            case UInt8(ascii: "t"): return [9]
            case UInt8(ascii: "u"):
                guard bytes.count - position >= 4,
                    let code = UInt32(String(decoding: bytes[position..<(position + 4)], as: UTF8.self), radix: 16),
                    let scalar = Unicode.Scalar(code)
                else { return nil }
                position += 4
                return Array(String(scalar).utf8)
            default: return nil
            }
        }
    }
}
