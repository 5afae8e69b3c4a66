import MailDelivery
import MailModel
import MailTesting
import Testing

/// What a client may write into From and Sender (RFC 5322 §3.6.2, RFC 6409 §6.1).
@Suite struct OriginatorTests {
    private static let notOwned = DeliveryRefusal.senderNotOwned
    private static let unclear = DeliveryRefusal.malformed("The From field is not well formed")
    private static let none = DeliveryRefusal.malformed("The From field has no address")
    private static let stray = DeliveryRefusal.malformed("The header has a NUL, or a CR or LF that ends no line")

    private static func field(_ name: String, _ value: String, _ refusal: DeliveryRefusal?) -> MessageRow {
        MessageRow(name, "From:\(value)\r\nSubject: x\r\n\r\nbody\r\n", refusal)
    }

    static let fields = [
        field("plain", " ann@shop.test", nil),
        field("no space", "ann@shop.test", nil),
        field("quoted local part", " \"ann\"@shop.test", nil),
        field("comments everywhere", " (a (b\\)) c) ann (x) @ (y) shop . (z) test (bob@shop.test)", nil),
        field("comment in angle brackets", " Ann <(bob@shop.test) ann@shop.test (x)>", nil),
        field("dots in the display name", " Ann B. Example <ann@shop.test>", nil),
        field("folded", "\r\n Ann\r\n\t<ann@shop.test>", nil),
        field("group", " Staff: ann@shop.test, Sales <sales@shop.test>;", nil),
        field("several", " Ann <ann@shop.test>, sales@shop.test", nil),
        field("empty elements", " , ann@shop.test,,", nil),
        field("source route", " <@bob.test,@x.test:ann@shop.test>", nil),
        field("the address as its own name", " ann@shop.test <ann@shop.test>", nil),
        field("encoded name", " =?utf-8?q?J=C3=B6rg?= <ann@shop.test>", nil),
        field("raw UTF-8 name", " Jörg <ann@shop.test>", nil),
        field("another's in a group", " Staff: ann@shop.test, bob@shop.test;", notOwned),
        field("another's after a group", " Staff: ann@shop.test;, bob@shop.test", notOwned),
        field("another's as the name", " bob@shop.test <ann@shop.test>", notOwned),
        field("encoded word with an at sign", " =?utf-8?q?bob@shop.test?= <ann@shop.test>", notOwned),
        field("quoted local part of another", " \"ann@shop.test\"@evil.test", notOwned),
        field("escapes in the local part", " \"b\\ob\"@shop.test", notOwned),
        field("UTF-8 look-alike", " аnn@shop.test", notOwned),
        field("address literal", " ann@[192.0.2.1]", notOwned),
        field("behind a comment with a bracket", " (<) bob@shop.test (>) <ann@shop.test>", notOwned),
        field("words", " nobody in particular", none),
        field("empty", "", none),
        field("empty group", " undisclosed:;", none),
        field("encoded address alone", " =?utf-8?q?bob=40shop.test?=", none),
        field("two in one pair of brackets", " <bob@shop.test ann@shop.test>", unclear),
        field("two pairs of brackets", " <bob@shop.test> <ann@shop.test>", unclear),
        field("words before the local part", " bob ann@shop.test", unclear),
        field("two at signs", " bob@shop.test@shop.test", unclear),
        field("open quote", " \"Ann <ann@shop.test>", unclear),
        field("open comment", " ann@shop.test (", unclear),
        field("open bracket", " <ann@shop.test", unclear),
        field("nothing in brackets", " Ann <>", unclear),
        field("backslash outside quotes", " ann\\@shop.test", unclear),
        field("group in a group", " a: b: ann@shop.test;;", none),
        field("open group", " a: ann@shop.test", unclear),
        field("stray closing", " ann@shop.test>", unclear),
        field("invalid UTF-8 stays unread", " \u{FFFD}@shop.test", notOwned),
        field(
            "line end in an encoded word",
            " =?utf-8?b?Ym9iQHNob3AudGVzdAo=?= <ann@shop.test>",
            .malformed("The From field has control characters")
        ),
        field(
            "NUL in an encoded word",
            " =?utf-8?q?bob=00?= <ann@shop.test>",
            .malformed("The From field has control characters")
        ),
        field("NUL", " ann@shop.test\0", stray),
        field("bare LF", " ann@shop.test\nFrom: bob@shop.test", stray),
        field("bare CR", " ann@shop.test\rFrom: bob@shop.test", stray),
        MessageRow("header that ends on LF", "From: ann@shop.test\r\n\nbody", stray),
        MessageRow(
            "space before the colon",
            "From: ann@shop.test\r\nFrom : bob@shop.test\r\n\r\n",
            .malformed("The message has several From fields")
        ),
        MessageRow(
            "other case",
            "From: ann@shop.test\r\nfROM: bob@shop.test\r\n\r\n",
            .malformed("The message has several From fields")
        ),
        MessageRow(
            "continued from nothing",
            " From: bob@shop.test\r\nFrom: ann@shop.test\r\n\r\n",
            .malformed("The header has a line that is no field")
        ),
        MessageRow(
            "line that is no field",
            "From: ann@shop.test\r\nFrom bob@shop.test\r\n\r\n",
            .malformed("The header has a line that is no field")
        ),
        MessageRow(
            "name with a space",
            "From: ann@shop.test\r\nX From: bob@shop.test\r\n\r\n",
            .malformed("The header has a line that is no field")
        ),
        MessageRow(
            "behind a thousand others",
            "From: ann@shop.test\r\n" + String(repeating: "X: y\r\n", count: 1_000) + "From: bob@shop.test\r\n\r\n",
            .malformed("The header has too many fields")
        ),
        MessageRow("Sender", "From: ann@shop.test\r\nSender: sales@shop.test\r\n\r\n", nil),
        MessageRow(
            "two of Sender",
            "From: ann@shop.test\r\nSender: ann@shop.test\r\nSender: bob@shop.test\r\n\r\n",
            .malformed("The message has several Sender fields")
        ),
        MessageRow(
            "Sender without address",
            "From: ann@shop.test\r\nSender: bob\r\n\r\n",
            .malformed("The Sender field has no address")
        ),
        MessageRow("header without body", "From: ann@shop.test\r\n", nil),
    ]

    @Test(arguments: fields) func onlyOwnNamesAreTaken(_ row: MessageRow) async throws {
        let suite = MessageIntakeTests()
        let store = RecordingDeliveries()
        let message = try suite.message(row.text, submitter: MessageIntakeTests.submitter, remote: ["x@elsewhere.test"])
        if let refusal = row.refusal {
            await #expect(throws: refusal) { try await suite.accept(message, into: store) }
            #expect(store.plans.isEmpty)
        } else {
            try await suite.accept(message, into: store)
            #expect(store.plans.count == 1)
        }
    }

    @Test func theFirstAuthorSigns() async throws {
        let suite = MessageIntakeTests()
        let store = RecordingDeliveries()
        let submitter = Submitter(
            account: MessageIntakeTests.ann,
            addresses: [address("ann@shop.test"), address("ann@other.test")]
        )
        let text = "From: ann@other.test, Ann <ann@shop.test>\r\nSender: ann@shop.test\r\n\r\nx\r\n"
        try await suite.accept(try suite.message(text, submitter: submitter, remote: ["x@elsewhere.test"]), into: store)
        #expect(suite.stored(try #require(store.plans.first)).contains("DKIM-Signature: d=other.test"))
    }
}
