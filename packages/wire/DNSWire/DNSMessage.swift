/// Why octets are no message that is understood.
package enum DNSWireFailure: Error, Hashable, Sendable {
    case malformed
}

/// Numbers of RFC 1035, RFC 2136, RFC 6698 and RFC 8945.
package enum DNSNumber {
    package static let a: UInt16 = 1
    package static let ns: UInt16 = 2
    package static let cname: UInt16 = 5
    package static let soa: UInt16 = 6
    package static let ptr: UInt16 = 12
    package static let mx: UInt16 = 15
    package static let txt: UInt16 = 16
    package static let aaaa: UInt16 = 28
    package static let srv: UInt16 = 33
    package static let tlsa: UInt16 = 52
    package static let tsig: UInt16 = 250
    package static let any: UInt16 = 255

    package static let classIN: UInt16 = 1
    package static let classNone: UInt16 = 254
    package static let classAny: UInt16 = 255
}

/// What a server says became of a request (RFC 1035 §4.1.1, RFC 2136 §2.2).
package enum ResponseCode: Hashable, Sendable {
    case done, formatError, serverFailure, noSuchName, notImplemented, refused
    /// A name or set of records is there that should not be, or the other way round.
    case nameExists, setExists, noSuchSet
    case notAuthoritative, notZone
    case other(UInt8)

    init(_ number: UInt8) {
        self =
            switch number {
            case 0: .done
            case 1: .formatError
            case 2: .serverFailure
            case 3: .noSuchName
            case 4: .notImplemented
            case 5: .refused
            case 6: .nameExists
            case 7: .setExists
            case 8: .noSuchSet
            case 9: .notAuthoritative
            case 10: .notZone
            default: .other(number)
            }
    }
}

/// A DNS message (RFC 1035 §4), or, by other names for the same sections, an update (RFC 2136 §2).
///
///     +---------------------+
///     |        Header       |
///     +---------------------+
///     |  Question  |  Zone  |
///     +---------------------+
///     |  Answer  | Prereq.  |
///     +---------------------+
///     | Authority | Update  |
///     +---------------------+
///     |      Additional     |
///     +---------------------+
package struct DNSMessage: Hashable, Sendable {
    package struct Question: Hashable, Sendable {
        package var name: WireName
        package var type: UInt16
        package var group: UInt16 = DNSNumber.classIN
        package init(name: WireName, type: UInt16) { (self.name, self.type) = (name, type) }
    }

    package struct Record: Hashable, Sendable {
        package var name: WireName
        package var type: UInt16
        package var group: UInt16
        package var ttl: UInt32
        /// RDATA with whole names.
        package var data: [UInt8]
        package init(name: WireName, type: UInt16, group: UInt16, ttl: UInt32, data: [UInt8]) {
            (self.name, self.type, self.group, self.ttl, self.data) = (name, type, group, ttl, data)
        }
    }

    /// RFC 1035 §4.2.2: over TCP a length of two octets stands before a message.
    package static let longest = 65_535
    static let headerLength = 12
    static let responseBit: UInt16 = 0x8000
    static let authoritativeBit: UInt16 = 0x0400
    static let truncatedBit: UInt16 = 0x0200
    /// RFC 2136 §1.3.
    static let updateOpcode: UInt16 = 5

    package var id: UInt16
    var flags: UInt16
    package var questions: [Question] = []
    package var answers: [Record] = []
    package var authorities: [Record] = []
    package var additionals: [Record] = []

    /// A question to a server that is authoritative: recursion is not desired.
    package init(id: UInt16, asking question: Question) {
        (self.id, flags, questions) = (id, 0, [question])
    }

    /// Changes of a zone, made all or none when every prerequisite holds (RFC 2136 §3).
    package init(id: UInt16, updating zone: WireName, prerequisites: [Record], changes: [Record]) {
        self.id = id
        flags = Self.updateOpcode << 11
        questions = [Question(name: zone, type: DNSNumber.soa)]
        (answers, authorities) = (prerequisites, changes)
    }

    package var isResponse: Bool { flags & Self.responseBit != 0 }
    package var isAuthoritative: Bool { flags & Self.authoritativeBit != 0 }
    package var isTruncated: Bool { flags & Self.truncatedBit != 0 }
    package var code: ResponseCode { ResponseCode(UInt8(flags & 15)) }

    // MARK: - Octets

    /// Without compression; nil when it is longer than a message may be, or has more records than can be counted.
    package func encoded() -> [UInt8]? {
        let counts = [questions.count, answers.count, authorities.count, additionals.count]
        guard counts.allSatisfy({ $0 <= 65_535 }) else { return nil }
        var output: [UInt8] = []
        for number in [id, flags] + counts.map({ UInt16($0) }) { output += Self.octets(number) }
        for question in questions {
            output += question.name.octets + Self.octets(question.type) + Self.octets(question.group)
        }
        for record in answers + authorities + additionals {
            guard record.data.count <= 65_535 else { return nil }
            output += record.name.octets + Self.octets(record.type) + Self.octets(record.group)
            output += Self.octets(UInt16(record.ttl >> 16)) + Self.octets(UInt16(record.ttl & 0xffff))
            output += Self.octets(UInt16(record.data.count)) + record.data
        }
        return output.count <= Self.longest ? output : nil
    }

    static func octets(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }

    /// Reads a whole message; octets behind it are an error.
    package init(_ bytes: [UInt8]) throws(DNSWireFailure) {
        var lastRecord = 0
        try self.init(bytes, lastRecord: &lastRecord)
    }

    /// - Parameter lastRecord: where the last record of the last section begins.
    init(_ bytes: [UInt8], lastRecord: inout Int) throws(DNSWireFailure) {
        guard bytes.count <= Self.longest else { throw .malformed }
        var reader = DNSReader(bytes)
        id = try reader.uint16()
        flags = try reader.uint16()
        let counts = (try reader.uint16(), try reader.uint16(), try reader.uint16(), try reader.uint16())
        for _ in 0..<counts.0 {
            var question = Question(name: try reader.name(), type: try reader.uint16())
            question.group = try reader.uint16()
            questions.append(question)
        }
        answers = try Self.records(counts.1, &reader, &lastRecord)
        authorities = try Self.records(counts.2, &reader, &lastRecord)
        additionals = try Self.records(counts.3, &reader, &lastRecord)
        guard reader.place == bytes.count else { throw .malformed }
    }

    private static func records(
        _ count: UInt16,
        _ reader: inout DNSReader,
        _ lastRecord: inout Int
    ) throws(DNSWireFailure) -> [Record] {
        var records: [Record] = []
        for _ in 0..<count {
            lastRecord = reader.place
            let name = try reader.name()
            let (type, group, ttl) = (try reader.uint16(), try reader.uint16(), try reader.uint32())
            let length = Int(try reader.uint16())
            let data = try data(of: type, length, &reader)
            records.append(Record(name: name, type: type, group: group, ttl: ttl, data: data))
        }
        return records
    }

    /// RDATA with the names of the types that may be compressed made whole (RFC 3597 §4).
    private static func data(
        of type: UInt16,
        _ length: Int,
        _ reader: inout DNSReader
    ) throws(DNSWireFailure) -> [UInt8] {
        let end = reader.place + length
        // An update's answer may repeat records without data.
        guard length > 0 else { return [] }
        var output: [UInt8]
        switch type {
        case DNSNumber.ns, DNSNumber.cname, DNSNumber.ptr: output = try reader.name().octets
        case DNSNumber.mx:
            output = try reader.octets(2)
            output += try reader.name().octets
        case DNSNumber.srv:
            output = try reader.octets(6)
            output += try reader.name().octets
        case DNSNumber.soa:
            output = try reader.name().octets
            output += try reader.name().octets
            output += try reader.octets(20)
        default: output = try reader.octets(length)
        }
        guard reader.place == end else { throw .malformed }
        return output
    }
}
