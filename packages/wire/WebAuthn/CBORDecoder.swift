/// Decodes CBOR (RFC 8949 §3) within bounds, without recursion beyond `CBORLimits.depth`.
package struct CBORDecoder {
    private let bytes: [UInt8]
    /// The next octet that is not read.
    package private(set) var position: Int
    private let limits: CBORLimits
    private var items = 0

    package init(_ bytes: [UInt8], from start: Int = 0, limits: CBORLimits = CBORLimits()) {
        self.bytes = bytes
        self.limits = limits
        position = start
    }

    /// The one item that these octets are.
    package static func whole(_ bytes: [UInt8], limits: CBORLimits = CBORLimits()) throws(CBORFault) -> CBORValue {
        var decoder = CBORDecoder(bytes, limits: limits)
        let value = try decoder.next()
        guard decoder.position == bytes.count else { throw .trailing }
        return value
    }

    /// The next item.
    package mutating func next() throws(CBORFault) -> CBORValue {
        guard bytes.count <= limits.octets else { throw .tooLong }
        return try item(depth: 0)
    }

    private mutating func item(depth: Int) throws(CBORFault) -> CBORValue {
        items += 1
        guard items <= limits.items else { throw .tooMany }
        let first = try octet()
        let (major, rest) = (first >> 5, first & 31)
        if major == 7 { return try simple(rest) }
        let argument = try argument(rest)
        switch major {
        case 0: return .unsigned(argument)
        case 1: return .negative(argument)
        case 2: return .bytes(Array(try take(argument)))
        case 3:
            let octets = try take(argument)
            guard let text = String(validating: octets, as: UTF8.self) else { throw .refused }
            return .text(text)
        case 4:
            let count = try count(argument, itemsEach: 1, depth)
            var values: [CBORValue] = []
            for _ in 0..<count { values.append(try item(depth: depth + 1)) }
            return .array(values)
        case 5: return .map(try pairs(try count(argument, itemsEach: 2, depth), depth))
        default: throw .refused
        }
    }

    /// How many members an array or a map has: no more than octets are left, so that nothing is made room for in vain.
    private func count(_ argument: UInt64, itemsEach: Int, _ depth: Int) throws(CBORFault) -> Int {
        guard depth < limits.depth else { throw .tooDeep }
        guard argument <= UInt64(bytes.count - position) else { throw .truncated }
        guard Int(argument) * itemsEach <= limits.items else { throw .tooMany }
        return Int(argument)
    }

    private mutating func pairs(_ count: Int, _ depth: Int) throws(CBORFault) -> [CBORPair] {
        var pairs: [CBORPair] = []
        var known: Set<CBORValue> = []
        for _ in 0..<count {
            let key = try item(depth: depth + 1)
            // RFC 8949 §5.6: "a map that has duplicate keys may be well-formed, but it is not valid".
            guard known.insert(key).inserted else { throw .refused }
            pairs.append(CBORPair(key: key, value: try item(depth: depth + 1)))
        }
        return pairs
    }

    private func simple(_ rest: UInt8) throws(CBORFault) -> CBORValue {
        switch rest {
        case 20: .boolean(false)
        case 21: .boolean(true)
        case 22: .null
        default: throw .refused
        }
    }

    /// RFC 8949 §3: the value itself, or that of 1, 2, 4 or 8 octets behind it.
    private mutating func argument(_ rest: UInt8) throws(CBORFault) -> UInt64 {
        switch rest {
        case 0...23: return UInt64(rest)
        case 24...27:
            var value: UInt64 = 0
            for byte in try take(1 << UInt64(rest - 24)) { value = value << 8 | UInt64(byte) }
            return value
        default: throw .refused
        }
    }

    private mutating func octet() throws(CBORFault) -> UInt8 {
        guard position < bytes.count else { throw .truncated }
        position += 1
        return bytes[position - 1]
    }

    private mutating func take(_ count: UInt64) throws(CBORFault) -> ArraySlice<UInt8> {
        guard count <= UInt64(bytes.count - position) else { throw .truncated }
        defer { position += Int(count) }
        return bytes[position..<(position + Int(count))]
    }
}
