import NIOCore
import Testing

@testable import SMTPWire

struct RefusalRow: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String
    let refusals: [SMTPSubject]
    init(_ name: String, _ text: String, _ refusals: [SMTPSubject]) {
        (testDescription, self.text, self.refusals) = (name, text, refusals)
    }
}

/// Every refusal inside a transaction is given to the shell, whoever makes it.
@Suite struct RefusalRecordTests {
    private static let begun = "EHLO c\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n"

    static let rows = [
        RefusalRow("SIZE at MAIL", "EHLO c\r\nMAIL FROM:<a@x.test> SIZE=99999999999\r\n", [.sender("a@x.test")]),
        RefusalRow(
            "SIZE no number holds",
            "EHLO c\r\nMAIL FROM:<a@x.test> SIZE=99999999999999999999\r\n",
            [.sender("a@x.test")]
        ),
        RefusalRow("no address", "EHLO c\r\nMAIL FROM:<a@@x.test> SIZE=1\r\n", [.sender("a@@x.test")]),
        RefusalRow("no brackets", "EHLO c\r\nMAIL FROM:a@x.test SIZE=1\r\n", [.sender("a@x.test")]),
        RefusalRow("controls", "EHLO c\r\nMAIL FROM:<a\u{1}\u{7F}b>\r\n", [.sender("a??b")]),
        RefusalRow("unknown parameter", "EHLO c\r\nMAIL FROM:<a@x.test> FOO=1\r\n", [.sender("a@x.test")]),
        RefusalRow("no EHLO", "MAIL FROM:<a@x.test>\r\n", [.sender("a@x.test")]),
        RefusalRow(
            "recipient without transaction",
            "EHLO c\r\nRCPT TO:<b@y.test>\r\nRCPT TO:<b@@y.test>\r\nDATA\r\n",
            []
        ),
        RefusalRow(
            "recipient that is none",
            "EHLO c\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@@y.test>\r\n",
            [.recipient("b@@y.test")]
        ),
        RefusalRow(
            "recipient in UTF-8",
            "EHLO c\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<bé@y.test>\r\n",
            [.recipient("bé@y.test")]
        ),
        RefusalRow("no recipients", "EHLO c\r\nMAIL FROM:<a@x.test>\r\nDATA\r\n", [.message]),
        RefusalRow("bare LF", begun + "DATA\r\nx\n.\n\r\n.\r\n", [.message]),
        RefusalRow("chunk with bare LF", begun + "BDAT 3 LAST\r\nx\ny", [.message]),
        RefusalRow("commands outside", "EHLO c\r\nFOO\r\nEXPN x\r\nBDAT x\r\n", []),
        RefusalRow("wrong command inside", begun + "FOO\r\n", []),
    ]

    @Test(arguments: rows) func refusalsAreGiven(_ row: RefusalRow) {
        let conversation = ServerConversation()
        conversation.say(row.text)
        #expect(conversation.refusals == row.refusals)
    }

    @Test func tooManyRecipientsAreGivenEach() {
        let conversation = ServerConversation(.relay.with { $0.limits.recipients = 1 })
        conversation.say(Self.begun + "RCPT TO:<c@y.test>\r\nRCPT TO:<d@y.test>\r\n")
        #expect(conversation.refusals == [.recipient("c@y.test"), .recipient("d@y.test")])
    }

    @Test func theEndOfASessionRefusesItsTransaction() {
        let inside = ServerConversation()
        inside.say(Self.begun)
        inside.shutDown(.idleTooLong)
        #expect(inside.refusals == [.message])
        let outside = ServerConversation()
        outside.say("EHLO c\r\nMAIL FROM:<a@@x.test>\r\n")
        outside.shutDown(.idleTooLong)
        #expect(outside.refusals == [.sender("a@@x.test")])
    }

    @Test func refusedSignInsAreGiven() {
        let conversation = ServerConversation(.submission, tlsIsActive: true)
        conversation.authOutcome = .refused(.badCredentials)
        conversation.say("EHLO c\r\nAUTH PLAIN AGEAYg==\r\nAUTH FOO\r\nAUTH PLAIN !!\r\n")
        #expect(conversation.refusals == [.authentication, .authentication, .authentication])
    }

    @Test(arguments: ["BDAT 0\r\n", "BDAT 1\r\nx"]) func chunksOfNextToNothingEnd(_ chunk: String) {
        let conversation = ServerConversation()
        conversation.say(Self.begun)
        for _ in 0..<300 { conversation.say(chunk) }
        #expect(conversation.events.suffix(3) == [.abandoned, .reply(.tooManyCommands), .closed])
    }

    @Test func aSizeThatNoNumberHoldsIsTooLarge() {
        let conversation = ServerConversation()
        #expect(conversation.say("EHLO c\r\nMAIL FROM:<a@x.test> SIZE=99999999999999999999\r\n") == [250, 552])
        #expect(conversation.say("MAIL FROM:<a@x.test> SIZE=999999999999999999999\r\n") == [501])
        #expect(conversation.say("MAIL FROM:<a@x.test> SIZE=-1\r\n") == [501])
        #expect(conversation.say("MAIL FROM:<a@x.test> SIZE=\r\n") == [501])
    }
}
