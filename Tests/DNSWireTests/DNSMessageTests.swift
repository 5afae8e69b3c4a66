import ByteParsing
import Testing

@testable import DNSWire

@Suite struct DNSMessageTests {
    private func octets(_ text: String) throws -> [UInt8] { try #require(Hexadecimal.octets(text)) }

    @Test func namesAreReadFromText() throws {
        #expect(WireName("Shop.Test.")?.octets == [4] + Array("shop".utf8) + [4] + Array("test".utf8) + [0])
        #expect(WireName("_dmarc.shop.test")?.text == "_dmarc.shop.test")
        let longest = String(repeating: "a", count: 63)
        #expect(WireName("\(longest).test") != nil)
        for text in ["", ".", "a..b", ".a", "a b.test", "a\\.b", "ü.test", "\(longest)a.test"] {
            #expect(WireName(text) == nil, "\(text)")
        }
        // RFC 1035 §3.1: 255 octets with the lengths and the root.
        let name = [longest, longest, longest].joined(separator: ".")
        #expect(WireName("\(name).\(String(repeating: "b", count: 61))") != nil)
        #expect(WireName("\(name).\(String(repeating: "b", count: 62))") == nil)
    }

    @Test func oddLabelsAreShownAsNumbers() {
        #expect(WireName(octets: [4, 97, 46, 92, 0, 1, 98, 0]).text == "a\\046\\092\\000.b")
    }

    @Test func pointersAreFollowedToTheFrontOnly() throws {
        // A name, then another that ends in it.
        var reader = DNSReader([4] + Array("test".utf8) + [0, 4] + Array("Shop".utf8) + [0xc0, 0, 9], at: 6)
        #expect(try reader.name().text == "shop.test")
        #expect(reader.place == 13)
        for bytes: [UInt8] in [[0xc0, 0], [0xc0, 2, 0xc0, 0], [1, 97, 0xc0, 0], [0x40, 97, 0], [5, 97], [0xc0]] {
            #expect(throws: DNSWireFailure.malformed) {
                var reader = DNSReader(bytes)
                _ = try reader.name()
            }
        }
    }

    @Test func aNameOfPointersStaysAName() {
        // Labels of 63 octets, each name ending in the one before it: the fifth is too long.
        var message: [UInt8] = [0]
        var last = 0
        for _ in 0..<5 {
            let start = message.count
            message += [63] + [UInt8](repeating: 97, count: 63) + [0xc0 | UInt8(last >> 8), UInt8(last & 255)]
            last = start
        }
        #expect(throws: DNSWireFailure.malformed) {
            var reader = DNSReader(message, at: last)
            _ = try reader.name()
        }
    }

    @Test func anUpdateIsWrittenAsRFC2136Says() throws {
        let zone = try #require(WireName("shop.test"))
        let name = try #require(WireName("_dmarc.shop.test"))
        let data = try #require(RecordData.octets(DNSNumber.txt, "v=DMARC1; p=none"))
        let update = DNSMessage(
            id: 7,
            updating: zone,
            prerequisites: [
                .init(name: name, type: DNSNumber.txt, group: DNSNumber.classNone, ttl: 0, data: [])
            ],
            changes: [.init(name: name, type: DNSNumber.txt, group: DNSNumber.classIN, ttl: 3_600, data: data)]
        )
        let text = """
            0007280000010001000100000473686f7004746573740000060001065f646d6172630473686f7004746573740000100 0fe000000000000\
            065f646d6172630473686f7004746573740000100001 00000e1000111 0763d444d415243313b20703d6e6f6e65
            """
        let plain = String(decoding: text.utf8.filter { $0 != 32 }, as: UTF8.self)
        #expect(Hexadecimal.text(try #require(update.encoded())) == plain)
        #expect(try DNSMessage(try octets(plain)) == update)
    }

    @Test func everyCutOfAMessageIsMalformed() throws {
        let name = try #require(WireName("shop.test"))
        var message = DNSMessage(id: 1, asking: .init(name: name, type: DNSNumber.mx))
        message.answers = [
            .init(
                name: name,
                type: DNSNumber.mx,
                group: DNSNumber.classIN,
                ttl: 5,
                data: try #require(RecordData.octets(DNSNumber.mx, "10 mail.shop.test."))
            )
        ]
        let octets = try #require(message.encoded())
        #expect(try DNSMessage(octets) == message)
        for count in octets.indices {
            #expect(throws: DNSWireFailure.malformed) { try DNSMessage(Array(octets[..<count])) }
        }
        #expect(throws: DNSWireFailure.malformed) { try DNSMessage(octets + [0]) }
    }

    @Test func namesInRecordsAreMadeWhole() throws {
        // An MX record whose host ends in the question's name.
        let text = """
            000184000001000100000000 0473686f700474657374 00 000f0001 c00c 000f 0001 0000000a 0009 000a 046d61696c c00c
            """
        let message = try DNSMessage(try octets(String(decoding: text.utf8.filter { $0 != 32 }, as: UTF8.self)))
        #expect(message.isAuthoritative && message.isResponse && message.code == .done)
        #expect(RecordData.text(DNSNumber.mx, message.answers[0].data) == "10 mail.shop.test.")
    }

    // MARK: - Data

    private struct Row: CustomTestStringConvertible {
        var type: UInt16
        var value: String
        init(_ type: UInt16, _ value: String) { (self.type, self.value) = (type, value) }
        var testDescription: String { "\(type) \(value.utf8.count)" }
    }
    private static let rows = [
        Row(DNSNumber.a, "192.0.2.7"), Row(DNSNumber.aaaa, "2001:db8::7"), Row(DNSNumber.mx, "10 mail.shop.test."),
        Row(DNSNumber.mx, "0 ."), Row(DNSNumber.cname, "mail.shop.test."),
        Row(DNSNumber.srv, "0 1 993 mail.shop.test."),
        Row(DNSNumber.tlsa, "3 1 1 00ff10"), Row(DNSNumber.txt, ""), Row(DNSNumber.txt, "v=spf1 mx -all"),
        Row(DNSNumber.txt, "a \"quoted\\ one\" with ; and ü"), Row(DNSNumber.txt, String(repeating: "x", count: 255)),
        Row(DNSNumber.txt, String(repeating: "y", count: 256)),
        Row(DNSNumber.txt, String(repeating: "z", count: 1_000)),
    ]

    @Test(arguments: rows) private func valuesComeBackAsTheyWere(_ row: Row) throws {
        let data = try #require(RecordData.octets(row.type, row.value))
        #expect(RecordData.text(row.type, data) == row.value)
    }

    @Test func textsAreSplitAt255Octets() throws {
        let data = try #require(RecordData.octets(DNSNumber.txt, String(repeating: "x", count: 600)))
        #expect(data.count == 603 && data[0] == 255 && data[256] == 255 && data[512] == 90)
        #expect(RecordData.octets(DNSNumber.txt, String(repeating: "x", count: 255))?.count == 256)
        #expect(RecordData.octets(DNSNumber.txt, "") == [0])
    }

    @Test(
        arguments: [
            (DNSNumber.a, "2001:db8::7"), (DNSNumber.aaaa, "192.0.2.7"), (DNSNumber.mx, "mail.shop.test."),
            (DNSNumber.mx, "70000 mail.shop.test."), (DNSNumber.cname, "a b"), (DNSNumber.srv, "1 2 mail.shop.test."),
            (DNSNumber.tlsa, "3 1 1 0f0"), (DNSNumber.tlsa, "3 1 256 00"), (DNSNumber.soa, "x"),
        ] as [(UInt16, String)]
    )
    func whatIsNoValueIsRefused(_ type: UInt16, _ value: String) { #expect(RecordData.octets(type, value) == nil) }

    @Test(
        arguments: [
            (DNSNumber.a, [1, 2, 3]), (DNSNumber.mx, [0, 10]), (DNSNumber.mx, [0, 10, 4, 97]), (DNSNumber.txt, []),
            (DNSNumber.txt, [5, 97]), (DNSNumber.tlsa, [3, 1, 1]), (DNSNumber.cname, [1, 97, 0, 0]),
            (DNSNumber.srv, [0]),
        ] as [(UInt16, [UInt8])]
    )
    func damagedDataHasNoText(_ type: UInt16, _ data: [UInt8]) { #expect(RecordData.text(type, data) == nil) }
}
