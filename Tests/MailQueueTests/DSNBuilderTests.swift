import MailModel
import MailQueue
import MessageFormat
import Testing

@Suite struct DSNBuilderTests {
    static let now = Timestamp(seconds: 1_795_430_400)
    static let header =
        "Received: from x\r\n\tby y\r\nSubject: Quarterly offer\r\nMessage-ID: <1@shop.test>\r\nTo: bob@far.test\r\n"

    func build(_ failed: [FailedRecipient], header: String = Self.header + "\r\nthe secret body\r\n") -> ParsedMessage {
        let original = DSNBuilder.Original(
            queueID: QueueID(rawValue: "0abc"),
            arrivedAt: Self.now.adding(seconds: -600),
            header: Array(header.utf8)
        )
        return ParsedMessage(
            parsing: DSNBuilder(hostname: "mail.shop.test").build(
                id: QueueID(rawValue: "0def"),
                to: address("ann@shop.test"),
                about: original,
                failed: failed,
                at: Self.now
            )
        )
    }

    static let unknown = FailedRecipient(
        address: address("bob@far.test"),
        originalRecipient: "rfc822;bob+2Bx@far.test",
        status: "5.1.1",
        reply: "550 5.1.1 No such user",
        remoteHost: "mx.far.test",
        lastAttemptAt: now
    )
    static let expired = FailedRecipient(
        address: address("eve@slow.test"),
        status: "4.4.7",
        reply: "451 4.4.3 slow.test cannot be looked up now",
        lastAttemptAt: now
    )

    func text(_ message: ParsedMessage, _ path: [Int], _ part: ParsedMessage.SectionText = .everything) throws -> String
    {
        String(decoding: message.bytes[try #require(message.range(of: path, part))], as: UTF8.self)
    }

    @Test func itIsAMultipartReportThatNobodyAnswers() throws {
        let message = build([Self.unknown])
        let header = HeaderBlock(message.bytes)
        let value = { (name: StaticString) in header.values(name).map { String(decoding: $0, as: UTF8.self) } }
        #expect(value("auto-submitted") == ["auto-replied"])
        #expect(value("to") == ["<ann@shop.test>"])
        #expect(value("from").first?.hasSuffix("<MAILER-DAEMON@mail.shop.test>") == true)
        #expect(value("in-reply-to") == ["<1@shop.test>"])
        #expect(value("message-id") == ["<0def@mail.shop.test>"])
        #expect(value("content-type").first?.hasPrefix("multipart/report; report-type=delivery-status;") == true)
        #expect(message.root.children.count == 3)
        let types = try (1...3).map { number in try text(message, [number], .mime) }
        #expect(types[0].contains("text/plain; charset=utf-8"))
        #expect(types[1].contains("message/delivery-status"))
        #expect(types[2].contains("text/rfc822-headers"))
    }

    @Test func peopleReadWhatHappened() throws {
        let words = try text(build([Self.unknown, Self.expired]), [1])
        for part in [
            "these addresses", "<bob@far.test>", "There is no such address", "mx.far.test said",
            "550 5.1.1 No such user",
            "<eve@slow.test>", "tried many times", "Subject:  Quarterly offer",
        ] {
            #expect(words.contains(part), "\(part)")
        }
    }

    @Test func programsReadEachRecipient() throws {
        let status = try text(build([Self.unknown, Self.expired]), [2])
        let blocks = status.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .split { $0.isEmpty || $0.elementsEqual([13]) }
            .map { $0.map { String(decoding: $0.last == 13 ? $0.dropLast() : $0, as: UTF8.self) } }
        try #require(blocks.count == 3)
        #expect(blocks[0].first == "Reporting-MTA: dns; mail.shop.test")
        #expect(blocks[0].contains { $0.hasPrefix("Arrival-Date: ") })
        #expect(
            blocks[1] == [
                "Original-Recipient: rfc822; bob+x@far.test", "Final-Recipient: rfc822; bob@far.test", "Action: failed",
                "Status: 5.1.1", "Remote-MTA: dns; mx.far.test", "Diagnostic-Code: smtp; 550 5.1.1 No such user",
                "Last-Attempt-Date: \(RFC5322Date.format(Self.now))",
            ]
        )
        #expect(blocks[2].contains("Status: 4.4.7"))
        #expect(!blocks[2].contains { $0.hasPrefix("Remote-MTA") })
    }

    @Test func theHeaderComesBackTheBodyDoesNot() throws {
        let message = build([Self.unknown])
        #expect(try text(message, [3]) == Self.header)
        #expect(!String(decoding: message.bytes, as: UTF8.self).contains("secret"))
    }

    @Test func aHeaderCutWithinALineLosesThatLine() throws {
        let message = build(
            [Self.unknown],
            header: Self.header + "X-Long: \(String(repeating: "x", count: DSNBuilder.maximumHeader))"
        )
        #expect(try text(message, [3]) == Self.header)
    }

    @Test func withoutAHeaderThereAreTwoParts() {
        #expect(build([Self.unknown], header: "").root.children.count == 2)
    }

    @Test func strangersTextBreaksNothing() throws {
        var hostile = Self.unknown
        hostile.reply =
            "550 5.1.1 a\r\nX-Evil: 1\u{0}\u{301}\"\r\n\r\n--=_0def--" + String(repeating: "é", count: 2_000)
        hostile.remoteHost = "mx\r\n.test"
        hostile.originalRecipient = "rfc822;a+0D+0AX-Evil:+201"
        let message = build([hostile])
        #expect(message.root.children.count == 3)
        let status = try text(message, [2])
        let names = status.utf8.split(separator: UInt8(ascii: "\n")).map { $0.prefix { $0 != UInt8(ascii: ":") } }
        #expect(!names.contains { $0.elementsEqual("X-Evil".utf8) })
        #expect(status.utf8.allSatisfy { $0 < 128 })
        #expect(message.bytes.split(separator: 10).allSatisfy { $0.count <= 998 })
    }

    @Test func addressesBeyondASCIIHaveTheirOwnTypes() throws {
        var foreign = Self.unknown
        foreign.address = EmailAddress(uncheckedLocalPart: "jörg", domain: "bücher.test")
        let message = build([foreign], header: "Subject: Grüße\r\n\r\n")
        #expect(try text(message, [2], .mime).contains("message/global-delivery-status"))
        #expect(try text(message, [2]).contains("Final-Recipient: utf-8; jörg@bücher.test"))
        #expect(try text(message, [3], .mime).contains("message/global-headers"))
    }
}
