import MessageFormat
import Testing

@Suite struct HeaderBlockTests {
    private let block = HeaderBlock(
        Array("A: 1\r\nB:2\r\n\t3\r\nnot a field\r\na : 4\r\n: 5\r\nC:\r\n\r\nA: body".utf8)
    )

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `Finds fields in any case, unfolded and trimmed`() {
        #expect(block.values("a").map(text) == ["1", "4"])
        #expect(block.values("b").map(text) == ["2\t3"])
        #expect(block.values("c").map(text) == [""])
        #expect(block.values("body").isEmpty)
        #expect(block.count("a") == 2)
        #expect(block.contains("b") && !block.contains("d"))
    }

    @Test func `The body begins behind the empty line`() {
        #expect(text(Array(block.bytes[block.bodyStart...])) == "A: body")
        #expect(HeaderBlock(Array("A: 1\r\n".utf8)).bodyStart == 6)
        #expect(HeaderBlock(Array("\r\nx".utf8)).bodyStart == 2)
        #expect(HeaderBlock([]).bodyStart == 0)
    }

    @Test func `Removes fields and nothing else`() {
        #expect(text(block.removing(["a", "b"])) == "not a field\r\n: 5\r\nC:\r\n\r\nA: body")
        #expect(text(block.removing(["x"])) == text(block.bytes))
    }

    @Test func `A line of white space alone goes on the field before it`() {
        let block = HeaderBlock(Array("A: 1\r\n \r\n 2\r\n\r\nbody".utf8))
        #expect(block.values("a").map(text) == ["1  2"])
    }
}

@Suite struct ParameterizedValueTests {
    private func value(_ text: String) -> ParameterizedValue {
        ParsedMessage(parsing: Array("Content-Type: \(text)\r\n\r\n".utf8)).root.contentType
    }

    struct Row: CustomTestStringConvertible {
        var text: String
        var name: String?
        init(_ text: String, _ name: String?) { (self.text, self.name) = (text, name) }
        var testDescription: String { text }
    }

    static let rows: [Row] = [
        Row("a/b; name=file.txt", "file.txt"),
        Row("a/b; name=\"a \\\"b\\\".txt\"", "a \"b\".txt"),
        Row("a/b; NAME = x ; other=y", "x"),
        Row("a/b; name=\"=?utf-8?q?caf=C3=A9?=\"", "café"),
        // RFC 2231 §4.
        Row("a/b; name*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "This is ***fun***"),
        Row("a/b; name*=iso-8859-1''caf%E9", "café"),
        Row(
            "a/b; name*0*=us-ascii'en'This%20is%20even%20more%20; name*1*=%2A%2A%2Afun%2A%2A%2A%20; name*2=\"isn't it!\"",
            "This is even more ***fun*** isn't it!"
        ),
        Row("a/b; name*0=long; name*1=name", "longname"),
        Row("a/b; name*1=b; name*0=a", "ab"),
        Row("a/b; name*0=a; name*2=c", "a"),
        Row("a/b; name*=broken%", "broken%"),
        Row("a/b; name*=utf-8''%zz", "%zz"),
        Row("a/b", nil),
        Row("a/b; ; ;name=x", "x"),
        Row("a/b name=x", nil),
        Row("a/b; name", nil),
        Row("a/b; name=", ""),
        Row("a/b; name=(comment)x", "x"),
        Row("a/b; name=a/b?c=d", "a/b?c=d"),
    ]

    @Test(arguments: rows) func `Parameters with continuations and charsets`(row: Row) {
        #expect(value(row.text).text(of: "name") == row.name)
    }

    @Test func `Without a subtype it is text`() {
        let root = ParsedMessage(parsing: Array("Content-Type: text\r\n\r\nx".utf8))
        #expect(String(decoding: root.imapBody(of: root.root), as: UTF8.self).hasPrefix("(\"text\" \"plain\""))
    }
}

@Suite struct TextMatcherTests {
    struct Row: CustomTestStringConvertible {
        var needle: String
        var text: String
        var isFound: Bool
        init(_ needle: String, _ text: String, _ isFound: Bool) {
            (self.needle, self.text, self.isFound) = (needle, text, isFound)
        }
        var testDescription: String { "\(needle) in \(text)" }
    }

    static let rows: [Row] = [
        Row("", "", true), Row("", "a", true), Row("a", "", false), Row("abc", "xABCx", true), Row("ÄÖ", "xäöx", true),
        Row("aab", "aaab", true), Row("abab", "abacabab", true), Row("abcabd", "abcabcabd", true),
        Row("aa", "aba", false),
        Row("abc", "ab", false), Row("\"", "a\"\u{301}b", true),
    ]

    @Test(arguments: rows) func `Finds without regard to case`(row: Row) {
        #expect(TextMatcher(row.needle).matches(row.text) == row.isFound)
    }

    @Test func `The worst text takes linear time`() {
        let matcher = TextMatcher(String(repeating: "a", count: 50_000) + "b")
        #expect(!matcher.matches(folded: [UInt8](repeating: 97, count: 2_000_000)))
    }
}
