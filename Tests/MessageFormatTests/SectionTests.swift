import MessageFormat
import Testing

/// RFC 9051 §6.4.5.1: which octets a section names, on the shape of its example.
@Suite struct SectionTests {
    struct Row: CustomTestStringConvertible {
        var path: [Int]
        var kind: ParsedMessage.SectionText
        var text: String?
        init(_ path: [Int], _ kind: ParsedMessage.SectionText, _ text: String?) {
            (self.path, self.kind, self.text) = (path, kind, text)
        }
        var testDescription: String { "\(path) \(kind)" }
    }

    static let nested = """
        Subject: outer
        Content-Type: multipart/mixed; boundary=a

        preamble
        --a

        one
        --a
        Content-Type: application/octet-stream

        two
        --a
        Content-Type: message/rfc822
        X-Part: 3

        Subject: inner
        Content-Type: multipart/mixed; boundary=b

        --b

        three.one
        --b
        X-Part: 3.2

        three.two
        --b--
        --a
        Content-Type: multipart/mixed; boundary=c
        X-Part: 4

        --c
        Content-Type: image/gif
        X-Part: 4.1

        four.one
        --c
        Content-Type: message/rfc822
        X-Part: 4.2

        Subject: single

        four.two
        --c--
        --a--
        """
    static let inner = "Subject: inner\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    static let innerBody = "--b\r\n\r\nthree.one\r\n--b\r\nX-Part: 3.2\r\n\r\nthree.two\r\n--b--\r\n"

    static let rows: [Row] = [
        Row([], .header, "Subject: outer\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"),
        Row([], .mime, nil),
        Row([1], .everything, "one"),
        Row([1], .mime, "\r\n"),
        Row([1], .header, nil),
        Row([1], .text, nil),
        Row([1, 1], .everything, nil),
        Row([2], .everything, "two"),
        Row([2], .mime, "Content-Type: application/octet-stream\r\n\r\n"),
        Row([3], .everything, inner + innerBody),
        Row([3], .header, inner),
        Row([3], .text, innerBody),
        Row([3], .mime, "Content-Type: message/rfc822\r\nX-Part: 3\r\n\r\n"),
        Row([3, 1], .everything, "three.one"),
        Row([3, 1], .mime, "\r\n"),
        Row([3, 1], .header, nil),
        Row([3, 2], .everything, "three.two"),
        Row([3, 2], .mime, "X-Part: 3.2\r\n\r\n"),
        Row([3, 3], .everything, nil),
        Row([4], .mime, "Content-Type: multipart/mixed; boundary=c\r\nX-Part: 4\r\n\r\n"),
        Row([4], .header, nil),
        Row([4, 1], .everything, "four.one"),
        Row([4, 1], .mime, "Content-Type: image/gif\r\nX-Part: 4.1\r\n\r\n"),
        Row([4, 2], .everything, "Subject: single\r\n\r\nfour.two"),
        Row([4, 2], .header, "Subject: single\r\n\r\n"),
        Row([4, 2], .text, "four.two"),
        Row([4, 2], .mime, "Content-Type: message/rfc822\r\nX-Part: 4.2\r\n\r\n"),
        Row([4, 2, 1], .everything, "four.two"),
        Row([4, 2, 1], .mime, "Subject: single\r\n\r\n"),
        Row([4, 2, 2], .everything, nil),
        Row([4, 2, 1, 1], .everything, nil),
        Row([5], .everything, nil),
        Row([0], .everything, nil),
        Row([-1], .everything, nil),
        Row([.max], .everything, nil),
    ]

    static let message = ParsedMessage(parsing: crlf(nested))

    static func crlf(_ text: String) -> [UInt8] { Array(text.utf8).flatMap { $0 == 10 ? [13, 10] : [$0] } }

    private func text(_ message: ParsedMessage, _ path: [Int], _ kind: ParsedMessage.SectionText) -> String? {
        message.range(of: path, kind).map { String(decoding: message.bytes[$0], as: UTF8.self) }
    }

    @Test(arguments: rows) func `Sections of a nested message`(row: Row) {
        #expect(text(Self.message, row.path, row.kind) == row.text)
    }

    @Test func `The empty section is the message`() {
        #expect(Self.message.range(of: [], .everything) == Self.message.bytes.indices)
        #expect(text(Self.message, [], .text)?.hasPrefix("preamble\r\n--a\r\n") == true)
    }

    @Test func `Every message has a part 1`() {
        let message = ParsedMessage(parsing: Self.crlf("Subject: x\n\nbody\n"))
        #expect(text(message, [1], .everything) == "body\r\n")
        #expect(text(message, [1], .mime) == "Subject: x\r\n\r\n")
        #expect(text(message, [1], .header) == nil)
        #expect(text(message, [2], .everything) == nil)
        #expect(text(message, [1, 1], .everything) == nil)
    }

    @Test func `A message that is a message alone`() {
        let message = ParsedMessage(parsing: Self.crlf("Content-Type: message/rfc822\n\nSubject: in\n\nbody\n"))
        #expect(text(message, [1], .everything) == "Subject: in\r\n\r\nbody\r\n")
        #expect(text(message, [1], .header) == "Subject: in\r\n\r\n")
        #expect(text(message, [1, 1], .everything) == "body\r\n")
        #expect(text(message, [1, 1, 1], .everything) == nil)
    }

    @Test("A message whose header a delimiter ends lies within its part")
    func headerEndedByDelimiter() {
        let text = "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nq\r\n--b--\r\n"
        let message = ParsedMessage(parsing: Array(text.utf8))
        func check(_ part: BodyPart) {
            for inner in part.children + part.embedded {
                #expect(part.bodyRange.lowerBound <= inner.range.lowerBound)
                #expect(inner.range.upperBound <= part.bodyRange.upperBound)
                check(inner)
            }
        }
        check(message.root)
        #expect(message.root.children.first?.embedded.first != nil)
    }
}
