/// Reads a message from the front; nothing is read behind its end.
struct DNSReader {
    let message: [UInt8]
    private(set) var place = 0

    init(_ message: [UInt8], at place: Int = 0) { (self.message, self.place) = (message, place) }

    mutating func uint8() throws(DNSWireFailure) -> UInt8 {
        guard place < message.count else { throw .malformed }
        defer { place += 1 }
        return message[place]
    }

    mutating func uint16() throws(DNSWireFailure) -> UInt16 {
        UInt16(try uint8()) << 8 | UInt16(try uint8())
    }

    mutating func uint32() throws(DNSWireFailure) -> UInt32 {
        UInt32(try uint16()) << 16 | UInt32(try uint16())
    }

    mutating func octets(_ count: Int) throws(DNSWireFailure) -> [UInt8] {
        guard count >= 0, count <= message.count - place else { throw .malformed }
        defer { place += count }
        return Array(message[place..<(place + count)])
    }

    /// A name, its pointers followed (RFC 1035 §4.1.4).
    ///
    /// A pointer leads to "a prior occurrence": each one further to the front than the last, so that it comes to an end.
    mutating func name() throws(DNSWireFailure) -> WireName {
        var octets: [UInt8] = []
        var at = place
        var bound = place
        var end: Int?
        while true {
            guard at < message.count else { throw .malformed }
            let length = message[at]
            switch length & 0xc0 {
            case 0:
                let next = at + 1 + Int(length)
                guard next <= message.count else { throw .malformed }
                octets.append(length)
                octets += message[(at + 1)..<next].map(WireName.lowercased)
                guard octets.count <= WireName.longest else { throw .malformed }
                at = next
                if length == 0 {
                    place = end ?? at
                    return WireName(octets: octets)
                }
            case 0xc0:
                guard at + 1 < message.count else { throw .malformed }
                let target = Int(length & 0x3f) << 8 | Int(message[at + 1])
                guard target < bound else { throw .malformed }
                end = end ?? at + 2
                (at, bound) = (target, target)
            default: throw .malformed
            }
        }
    }
}
