import MailModel
import MessageFormat
import Testing

/// Bounds hold, and nothing takes more than linear time (each input is some hundred thousand octets).
@Suite struct ParseLimitsTests {
    private func depth(of part: BodyPart) -> Int {
        var depth = 0
        var part = part
        while let next = part.children.first ?? part.embedded.first {
            part = next
            depth += 1
        }
        return depth
    }

    private func count(of part: BodyPart) -> Int { 1 + (part.children + part.embedded).map(count).reduce(0, +) }

    @Test func `Ten thousand nested multiparts`() {
        let text = (0..<10_000).map { "Content-Type: multipart/mixed; boundary=b\($0)\r\n\r\n--b\($0)\r\n" }.joined()
        let message = ParsedMessage(parsing: Array(text.utf8))
        #expect(depth(of: message.root) == ParseLimits.default.depth)
        #expect(count(of: message.root) <= ParseLimits.default.parts + ParseLimits.default.depth)
        #expect(!MessageSummary(of: message).bodyStructure.isEmpty)
    }

    @Test func `Ten thousand nested messages`() {
        let text = String(repeating: "Content-Type: message/rfc822\r\n\r\n", count: 10_000)
        let message = ParsedMessage(parsing: Array(text.utf8))
        #expect(depth(of: message.root) == ParseLimits.default.depth)
        #expect(!MessageSummary(of: message).bodyStructure.isEmpty)
    }

    @Test func `A hundred thousand parts`() {
        let text =
            "Content-Type: multipart/mixed; boundary=a\r\n\r\n" + String(repeating: "--a\r\n\r\n", count: 100_000)
        let message = ParsedMessage(parsing: Array(text.utf8))
        #expect(message.root.children.count == ParseLimits.default.parts - 1)
    }

    @Test func `Limits are settable`() {
        var limits = ParseLimits()
        (limits.depth, limits.parts, limits.headerFields, limits.parameters) = (1, 3, 2, 1)
        let text =
            "A: 1\r\nContent-Type: multipart/mixed; boundary=a; x=y\r\nB: 2\r\n\r\n"
            + String(repeating: "--a\r\n\r\n", count: 9)
        let message = ParsedMessage(parsing: Array(text.utf8), limits: limits)
        #expect(message.root.fields.fields.count == 2)
        #expect(message.root.contentType.parameters.count == 1)
        #expect(message.root.children.count == 2)
    }

    @Test func `A header line of a megabyte`() {
        let text = "Subject: " + String(repeating: "a", count: 1 << 20) + "\r\nFrom: a@b.test\r\n\r\nbody"
        let summary = MessageSummary(parsing: Array(text.utf8))
        #expect(summary.subject.utf8.count == MessageSummary.textLimit)
        #expect(summary.from == "a@b.test")
        #expect(summary.preview == "body")
    }

    @Test func `Openings that never close`() {
        for piece in ["(", "\"", "<", "=?a?q?", "a@b (", "a@b <", "[", "\\", "a@b.(x) "] {
            let text = "To: " + String(repeating: piece, count: 50_000) + "\r\nFrom: a@b.test\r\n\r\n"
            #expect(MessageSummary(parsing: Array(text.utf8)).from == "a@b.test", "\(piece)")
        }
    }

    @Test func `Boundaries beyond eighty octets count to the eightieth`() {
        let long = String(repeating: "b", count: 90)
        let text = "Content-Type: multipart/mixed; boundary=\(long)\r\n\r\n--\(long)\r\n\r\nx\r\n--\(long)--\r\n"
        #expect(ParsedMessage(parsing: Array(text.utf8)).root.children.count >= 1)
    }

    @Test func `Anything at all is a message`() {
        for text in [
            "", "\r\n", "\n", "\r", ":", "\0", "--", "--\r\n", "Content-Type:",
            "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n",
        ] {
            let message = ParsedMessage(parsing: Array(text.utf8))
            #expect(message.root.range.upperBound <= message.bytes.count)
            #expect(!MessageSummary(of: message).envelope.isEmpty)
        }
    }
}
