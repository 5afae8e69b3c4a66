import SafeHTML
import Testing

@Suite("HTML that is shown") struct HTMLSanitizerTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var given: String
        var kept: String
        var testDescription: String { given }
        init(_ given: String, _ kept: String) { (self.given, self.kept) = (given, kept) }
    }

    static let rows: [Row] = [
        Row("<p>Hello <b>you</b></p>", "<p>Hello <b>you</b></p>"),
        Row("<P CLASS=x onclick='a()' STYLE=\"color: red; background: url(x)\">a", "<p style=\"color:red\">a</p>"),
        Row("a < b & c > d", "a &lt; b &amp; c &gt; d"), Row("<script>alert(1)</script>b", "b"),
        Row("<scr<script>ipt>alert(1)</script>b", "ipt&gt;alert(1)b"),
        Row("<style>p{}</STYLE x>b", "b"), Row("<svg><a href=x>y</a></svg>b", "b"), Row("<!-- <b> -->c", "c"),
        Row("<a href=\"javascript:alert(1)\">x</a>", "<a>x</a>"),
        Row("<a href=\"java&#115;cript:alert(1)\">x</a>", "<a>x</a>"),
        Row("<a href=\" \u{1}https://a.test/?a=1&amp;b=2\">x</a>", "<a href=\"https://a.test/?a=1&amp;b=2\">x</a>"),
        Row(
            "<img src=\"https://a.test/l.png\" onerror=x alt='\"><script>'>",
            "<img src=\"https://a.test/l.png\" alt=\"&quot;&gt;&lt;script&gt;\">"
        ),
        Row("<img src=data:text/html,x>", "<img>"), Row("<b><i>x</b>y</i>", "<b><i>x</i></b>y"), Row("</p>x", "x"),
        Row("<p title=\"\u{301}\" onload=x\">y", "<p title=\"\u{301}\">y</p>"),
        Row("<p title='a\u{301}'\u{301}=\"x\">y", "<p title=\"a\u{301}\">y</p>"),
        Row("<div style=\"width:expression(x)\">y</div>", "<div>y</div>"),
        Row("<div style=\"color:r\\65 d;font-size:12px\">y</div>", "<div style=\"font-size:12px\">y</div>"),
        Row("<form action=x><input></form>y", "y"), Row("<p", "<p></p>"), Row("<p title=\"x", "<p title=\"x\"></p>"),
    ]

    @Test(arguments: rows) func onlyTextStays(_ row: Row) {
        #expect(Array(HTMLSanitizer.sanitized(row.given).utf8) == Array(row.kept.utf8))
    }

    /// What a browser could act on: outside of quoted values only what the sanitizer writes may follow `<`.
    @Test func noMixtureOfOctetsGetsThrough() {
        let pieces = [
            "<", ">", "\"", "'", "=", "/", " ", "&", ";", "#", "x", "script", "img", "a", "p", "href", "src", "onload",
            "style",
            "javascript:", "https://a", "url(", ")", "\u{301}", "\u{0}", "\r\n", "<!--", "-->", "&#60;", "&lt;", "é",
            "<p", "</p>",
        ]
        var state: UInt64 = 7
        for _ in 0..<3_000 {
            var text = ""
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int(state >> 33) % pieces.count]
            }
            let output = Array(HTMLSanitizer.sanitized(text).utf8)
            #expect(Self.isSafe(output), "\(text.debugDescription): \(String(decoding: output, as: UTF8.self))")
            // A second pass changes nothing: it reads as it was meant.
            let again = HTMLSanitizer.sanitized(String(decoding: output, as: UTF8.self))
            #expect(Array(again.utf8) == output, "\(text.debugDescription)")
        }
    }

    private static func isSafe(_ output: [UInt8]) -> Bool {
        var index = 0
        while index < output.count {
            guard output[index] == UInt8(ascii: "<") else {
                index += 1
                continue
            }
            var tag: [UInt8] = []
            var isQuoted = false
            index += 1
            while index < output.count, isQuoted || output[index] != UInt8(ascii: ">") {
                if output[index] == UInt8(ascii: "\"") { isQuoted.toggle() }
                if !isQuoted || output[index] == UInt8(ascii: "\"") { tag.append(output[index]) }
                index += 1
            }
            let text = String(decoding: tag, as: UTF8.self)
            let name = text.split(separator: " ").first.map(String.init) ?? text
            guard ["a", "p", "img", "/a", "/p", "s", "/s"].contains(name), !text.contains("on") else { return false }
        }
        return !output.contains(0)
    }
}
