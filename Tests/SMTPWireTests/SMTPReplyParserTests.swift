import NIOCore
import Testing

@testable import SMTPWire

@Suite("SMTP reply parser")
struct SMTPReplyParserTests {
    struct Row: CustomTestStringConvertible {
        let text: String
        let replies: [SMTPReply]
        init(_ text: String, _ replies: SMTPReply...) {
            self.text = text
            self.replies = replies
        }
        var testDescription: String { text.debugDescription }
    }

    static let rows: [Row] = [
        Row("250 ok\r\n", SMTPReply(250, nil, "ok")),
        Row("250\r\n", SMTPReply(250, nil, "")),
        Row("250 \r\n354 go\r\n", SMTPReply(250, nil, ""), SMTPReply(354, nil, "go")),
        Row(
            "550-5.1.1 one\r\n550-two\r\n550 5.1.1 three\r\n",
            SMTPReply(550, EnhancedStatus(5, 1, 1), lines: ["one", "two", "three"])
        ),
        Row("550 5.1.1\r\n", SMTPReply(550, EnhancedStatus(5, 1, 1), "")),
        Row("550 4.1.1 other class\r\n", SMTPReply(550, nil, "4.1.1 other class")),
        Row("250 2.0.0.1 x\r\n", SMTPReply(250, nil, "2.0.0.1 x")),
        Row("220 2.example.test\r\n", SMTPReply(220, nil, "2.example.test")),
        Row("250 bare\n250 two\n", SMTPReply(250, nil, "bare"), SMTPReply(250, nil, "two")),
        Row("250 tab\there\r\n", SMTPReply(250, nil, "tab?here")),
    ]

    @Test("Replies at every split", arguments: rows)
    func parses(_ row: Row) throws {
        let wire = Array(row.text.utf8)
        for split in 0...wire.count {
            var parser = SMTPReplyParser()
            var input = ByteBuffer()
            var replies: [SMTPReply] = []
            for piece in [wire[..<split], wire[split...]] {
                input.writeBytes(piece)
                while let reply = try parser.next(&input) { replies.append(reply) }
            }
            #expect(replies == row.replies)
        }
    }

    @Test(
        "What is no reply",
        arguments: ["hello\r\n", "25 x\r\n", "250x\r\n", "199 x\r\n", "600 x\r\n", "\r\n", "2é0 x\r\n"]
    )
    func malformed(_ text: String) {
        var input = ByteBuffer(string: text)
        #expect(throws: SMTPReplyParser.Failure.malformed) {
            var parser = SMTPReplyParser()
            return try parser.next(&input)
        }
    }

    @Test("Limits of lines and of a reply")
    func limits() {
        for text in [
            String(repeating: "x", count: 5000), "250 " + String(repeating: "x", count: 5000) + "\r\n",
            String(repeating: "250-x\r\n", count: 300),
        ] {
            var input = ByteBuffer(string: text)
            #expect(throws: SMTPReplyParser.Failure.tooLong) {
                var parser = SMTPReplyParser()
                return try parser.next(&input)
            }
        }
    }

    @Test("RFC 5321 §4.1.1.1: what EHLO offers")
    func capabilities() {
        let reply = SMTPReply(
            250,
            nil,
            lines: ["PIPELINING.test", "pipelining", "SIZE 1000", "Auth plain Login", "STARTTLS", "X-OTHER"]
        )
        let offered = EHLOCapabilities(reply)
        #expect(offered.pipelining && offered.startTLS && offered.hasSize && !offered.eightBitMIME && !offered.smtpUTF8)
        #expect(offered.maximumSize == 1000)
        #expect(offered.authMechanisms == ["PLAIN", "LOGIN"])
        #expect(EHLOCapabilities(SMTPReply(250, nil, lines: ["x", "SIZE 0"])).maximumSize == nil)
        #expect(EHLOCapabilities(SMTPReply(250, nil, lines: ["x", "SIZE"])).hasSize)
        #expect(!EHLOCapabilities(SMTPReply(250, nil, "PIPELINING")).pipelining)
    }

    @Test("RFC 5321 §4.5.3.2: no wait is shorter than the RFC's")
    func timeouts() {
        #expect(
            SMTPTimeout.greeting.seconds >= 300 && SMTPTimeout.mail.seconds >= 300
                && SMTPTimeout.recipient.seconds >= 300
        )
        #expect(
            SMTPTimeout.dataInitiation.seconds >= 120 && SMTPTimeout.dataBlock.seconds >= 180
                && SMTPTimeout.dataTermination.seconds >= 600
        )
    }
}
