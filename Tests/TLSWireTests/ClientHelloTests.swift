import TLSWire
import Testing

/// Hellos written octet by octet.
private enum Made {
    static func vector8(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count)] + bytes }
    static func vector16(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes }

    static func field(_ type: UInt8, _ data: [UInt8]) -> [UInt8] { [0, type] + vector16(data) }
    static func name(_ text: String) -> [UInt8] { field(0, vector16([0] + vector16(Array(text.utf8)))) }
    static func protocols(_ all: [String]) -> [UInt8] { field(16, vector16(all.flatMap { vector8(Array($0.utf8)) })) }

    static func body(_ fields: [UInt8]?) -> [UInt8] {
        [3, 3] + [UInt8](repeating: 7, count: 32) + vector8([1, 2, 3]) + vector16([0x13, 1, 0x13, 2]) + vector8([0])
            + (fields.map(vector16) ?? [])
    }

    static func message(_ body: [UInt8]) -> [UInt8] {
        [1, UInt8(body.count >> 16), UInt8(body.count >> 8 & 255), UInt8(body.count & 255)] + body
    }

    /// In records of so many octets.
    static func records(_ message: [UInt8], each size: Int = 16_384) -> [UInt8] {
        stride(from: 0, to: message.count, by: size).flatMap { start in
            [22, 3, 1] + vector16(Array(message[start..<min(message.count, start + size)]))
        }
    }

    static func hello(_ fields: [UInt8]?) -> [UInt8] { records(message(body(fields))) }
}

@Suite struct ClientHelloTests {
    private let usual = Made.name("Mail.Shop.test") + Made.protocols(["acme-tls/1", "h2"]) + Made.field(43, [2, 3, 4])
    private let read = ClientHello(
        serverName: "mail.shop.test",
        protocols: [Array("acme-tls/1".utf8), Array("h2".utf8)]
    )

    @Test func `a hello says whom the client wants and what it speaks`() throws {
        #expect(try ClientHello.read(Made.hello(usual)) == read)
        #expect(
            try ClientHello.read(Made.hello(usual) + [22, 3, 3, 9, 9]) == read,
            "what comes behind is not looked at"
        )
        #expect(try ClientHello.read(Made.hello([])) == ClientHello(serverName: nil, protocols: []))
        #expect(try ClientHello.read(Made.hello(nil)) == ClientHello(serverName: nil, protocols: []))
    }

    @Test(arguments: [1, 2, 3, 4, 5, 17, 100])
    func `it comes in any number of records and pieces`(size: Int) throws {
        let whole = Made.records(Made.message(Made.body(usual)), each: size)
        for count in whole.indices {
            #expect(try ClientHello.read(Array(whole[..<count])) == nil, "\(count) octets are not all")
        }
        #expect(try ClientHello.read(whole) == read)
    }

    @Test func `another protocol is known by its first octets`() {
        for text in ["G", "GET / HTTP/1.1\r\n", "EHLO a.test\r\n", "\u{16}HTTP", "PROXY TCP4 "] {
            #expect(throws: ClientHello.Failure.notTLS) { try ClientHello.read(Array(text.utf8)) }
        }
        // SSL 2.
        #expect(throws: ClientHello.Failure.notTLS) { try ClientHello.read([0x80, 0x2E, 1, 3, 1]) }
    }

    @Test func `what does not read is refused`() {
        let broken: [[UInt8]] = [
            // Another message, another record between, an empty record.
            Made.records([2, 0, 0, 1, 0]),
            Array(Made.records(Made.message(Made.body(usual)), each: 50).prefix(55)) + [23, 3, 1, 0, 1, 0],
            [22, 3, 1, 0, 0],
            [22, 3, 1, 0x40, 1, 1],
            // Twice the same extension.
            Made.hello(Made.name("a.test") + Made.name("a.test")),
            Made.hello(Made.protocols(["h2"]) + Made.protocols(["acme-tls/1"])),
            // Names: none, empty, two, of another kind, not ASCII, with a dot at the end, too long.
            Made.hello(Made.field(0, [])), Made.hello(Made.field(0, [0, 0])), Made.hello(Made.name("")),
            Made.hello(Made.field(0, Made.vector16([0, 0, 1, 97, 0, 0, 1, 98]))),
            Made.hello(Made.field(0, Made.vector16([1, 0, 1, 97]))), Made.hello(Made.name("mäil.test")),
            Made.hello(Made.name("a.test.")), Made.hello(Made.name("a test")), Made.hello(Made.name("a\u{0}.test")),
            Made.hello(Made.name(String(repeating: "a", count: 256))),
            // Protocols: none, an empty one, octets behind.
            Made.hello(Made.field(16, [0, 0])), Made.hello(Made.protocols([""])),
            Made.hello(Made.field(16, [0, 3, 2, 104, 50, 0])),
            // Lengths that lie.
            Made.hello(Made.field(16, [0, 9, 2, 104, 50])), Made.hello([0, 0, 0, 5, 1]), Made.hello([0]),
            Made.records(Made.message(Made.body(usual) + [0])), Made.records(Made.message([3, 3])),
            Made.records(Made.message([3, 3] + [UInt8](repeating: 7, count: 32) + [33])),
        ]
        for bytes in broken { #expect(throws: ClientHello.Failure.malformed) { try ClientHello.read(bytes) } }
    }

    @Test func `no hello is waited for without end`() {
        let long = Made.message([UInt8](repeating: 0, count: ClientHello.maximumOctets - 3))
        #expect(throws: ClientHello.Failure.tooLong) { try ClientHello.read(Made.records(long)) }
        // Octet by octet in records: six octets for one.
        let thin = Made.records(Made.message(Made.body([UInt8](repeating: 0, count: 8_000))), each: 1)
        #expect(throws: ClientHello.Failure.tooLong) {
            try ClientHello.read(Array(thin.prefix(ClientHello.maximumOctets)))
        }
    }

    @Test func `an alert is one record`() {
        #expect(TLSAlert.noApplicationProtocol.record == [0x15, 3, 3, 0, 2, 2, 120])
        #expect(Set(TLSAlert.allCases.map(\.record)).count == TLSAlert.allCases.count)
    }
}
