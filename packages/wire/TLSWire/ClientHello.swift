/// What a TLS client says first, as far as a server chooses by it: whom it wants, and which protocols it speaks.
///
/// Read before the handshake, which begins anew with the same octets: nothing here is believed longer than for that choice.
package struct ClientHello: Hashable, Sendable {
    /// Why octets are no `ClientHello`.
    package enum Failure: Error, Hashable, Sendable {
        /// The first octets are no TLS record of a handshake: another protocol.
        case notTLS
        case malformed
        case tooLong
    }

    /// The `host_name` of `server_name` (RFC 6066 §3), ASCII letters in lower case; nil where the client named none.
    package var serverName: String?
    /// Protocols of ALPN (RFC 7301 §3.1), the preferred one first; empty where the client offers none.
    package var protocols: [[UInt8]]

    package init(serverName: String?, protocols: [[UInt8]]) {
        (self.serverName, self.protocols) = (serverName, protocols)
    }

    /// Octets of a whole hello with its records; with keys that withstand quantum computers clients send two thousand.
    package static let maximumOctets = 16 << 10

    /// Octets of a record's fragment (RFC 8446 §5.1).
    private static let maximumFragment = 1 << 14
    private static let handshake: UInt8 = 22
    private static let clientHello: UInt8 = 1
    private static let serverNameExtension: UInt16 = 0
    private static let protocolsExtension: UInt16 = 16

    /// Reads the hello at the front, of one record or several; what comes behind it is not looked at.
    ///
    ///     struct { ContentType type; ProtocolVersion legacy_record_version; uint16 length; opaque fragment[length]; } TLSPlaintext;
    ///     struct { HandshakeType msg_type; uint24 length; ClientHello; } Handshake;
    ///
    /// RFC 8446 §5.1: "Handshake messages MAY be coalesced into a single TLSPlaintext record or fragmented across several records".
    ///
    /// - Returns: nil when more octets are needed.
    package static func read(_ bytes: [UInt8]) throws(Failure) -> ClientHello? {
        var records = TLSReader(bytes[...])
        var message: [UInt8] = []
        while true {
            // As soon as the first octets tell: a client of another protocol may send no more.
            if let type = records.peek(at: 0), type != handshake { throw records.isAtStart ? .notTLS : .malformed }
            if let major = records.peek(at: 1), major != 3 { throw records.isAtStart ? .notTLS : .malformed }
            guard records.skip(3), let length = records.uint16() else { return try waits(bytes) }
            // RFC 8446 §5.1: "zero-length fragments of Handshake types" must not be sent.
            guard length > 0, length <= maximumFragment else { throw .malformed }
            let fragment = records.rest.prefix(Int(length))
            message += fragment
            if let type = message.first, type != clientHello { throw .malformed }
            if let size = size(message) {
                guard 4 + size <= maximumOctets else { throw .tooLong }
                if message.count >= 4 + size { return try hello(message[4..<(4 + size)]) }
            }
            guard records.skip(Int(length)) else { return try waits(bytes) }
        }
    }

    private static func waits(_ bytes: [UInt8]) throws(Failure) -> ClientHello? {
        guard bytes.count < maximumOctets else { throw .tooLong }
        return nil
    }

    /// Octets behind the message's header; nil before it is there.
    private static func size(_ message: [UInt8]) -> Int? {
        guard message.count >= 4 else { return nil }
        return Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3])
    }

    /// The body (RFC 8446 §4.1.2); versions before TLS 1.3 may leave the extensions out (RFC 5246 §7.4.1.2).
    ///
    ///     struct {
    ///         ProtocolVersion legacy_version; Random random; opaque legacy_session_id<0..32>; CipherSuite cipher_suites<2..2^16-2>;
    ///         opaque legacy_compression_methods<1..2^8-1>; Extension extensions<8..2^16-1>;
    ///     } ClientHello;
    private static func hello(_ body: ArraySlice<UInt8>) throws(Failure) -> ClientHello {
        var reader = TLSReader(body)
        guard reader.skip(34), let session = reader.vector8(), session.count <= 32, let suites = reader.vector16(),
            suites.count >= 2, suites.count.isMultiple(of: 2), let methods = reader.vector8(), !methods.isEmpty
        else { throw .malformed }
        var hello = ClientHello(serverName: nil, protocols: [])
        guard !reader.isAtEnd else { return hello }
        guard let list = reader.vector16(), reader.isAtEnd else { throw .malformed }
        var extensions = TLSReader(list)
        var seen: Set<UInt16> = []
        while !extensions.isAtEnd {
            guard let type = extensions.uint16(), let data = extensions.vector16() else { throw .malformed }
            // RFC 8446 §4.2: "There MUST NOT be more than one extension of the same type in a given extension block."
            guard seen.insert(type).inserted else { throw .malformed }
            switch type {
            case serverNameExtension: hello.serverName = try serverName(data)
            case protocolsExtension: hello.protocols = try protocols(data)
            default: ()  // the handshake's business
            }
        }
        return hello
    }

    /// RFC 6066 §3: "The ServerNameList MUST NOT contain more than one name of the same name_type"; `host_name` is the only one.
    ///
    ///     struct { NameType name_type; opaque HostName<1..2^16-1>; } ServerName;
    ///     struct { ServerName server_name_list<1..2^16-1> } ServerNameList;
    private static func serverName(_ data: ArraySlice<UInt8>) throws(Failure) -> String {
        var reader = TLSReader(data)
        guard let list = reader.vector16(), reader.isAtEnd else { throw .malformed }
        var names = TLSReader(list)
        guard names.uint8() == 0, let name = names.vector16(), names.isAtEnd, (1...255).contains(name.count),
            // "represented as a byte string using ASCII encoding without a trailing dot"
            name.allSatisfy({ $0 > 32 && $0 < 127 }), name.last != UInt8(ascii: ".")
        else { throw .malformed }
        return String(decoding: name.map { (65...90).contains($0) ? $0 | 32 : $0 }, as: UTF8.self)
    }

    /// RFC 7301 §3.1: "Empty strings MUST NOT be included".
    ///
    ///     opaque ProtocolName<1..2^8-1>;
    ///     struct { ProtocolName protocol_name_list<2..2^16-1> } ProtocolNameList;
    private static func protocols(_ data: ArraySlice<UInt8>) throws(Failure) -> [[UInt8]] {
        var reader = TLSReader(data)
        guard let list = reader.vector16(), !list.isEmpty, reader.isAtEnd else { throw .malformed }
        var names = TLSReader(list)
        var found: [[UInt8]] = []
        while !names.isAtEnd {
            guard let name = names.vector8(), !name.isEmpty else { throw .malformed }
            found.append(Array(name))
        }
        return found
    }
}

/// Numbers and vectors of the presentation language (RFC 8446 §3); nil where octets are missing.
private struct TLSReader {
    private let start: Int
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        start = bytes.startIndex
        rest = bytes
    }

    var isAtStart: Bool { rest.startIndex == start }
    var isAtEnd: Bool { rest.isEmpty }

    func peek(at offset: Int) -> UInt8? { offset < rest.count ? rest[rest.startIndex + offset] : nil }

    mutating func skip(_ count: Int) -> Bool {
        guard rest.count >= count else { return false }
        rest.removeFirst(count)
        return true
    }

    mutating func uint8() -> UInt8? { rest.popFirst() }

    mutating func uint16() -> UInt16? {
        guard rest.count >= 2, let high = rest.popFirst(), let low = rest.popFirst() else { return nil }
        return UInt16(high) << 8 | UInt16(low)
    }

    mutating func vector8() -> ArraySlice<UInt8>? { uint8().flatMap { take(Int($0)) } }
    mutating func vector16() -> ArraySlice<UInt8>? { uint16().flatMap { take(Int($0)) } }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest.removeFirst(count) }
        return rest.prefix(count)
    }
}
