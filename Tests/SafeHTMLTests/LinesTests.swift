import SafeHTML
import Testing

@Suite("HTML as lines of text, and back") struct LinesTests {
    static let shown: [(html: String, text: String)] = [
        ("", ""), ("Ann", "Ann"), ("<p>Ann</p><p>Flowers &amp; Co</p>", "Ann\nFlowers & Co"),
        ("Ann<br>Smith<br/>Ltd", "Ann\nSmith\nLtd"), ("a<br><br>b", "a\n\nb"), ("  a \n <b>b</b>\tc  ", "a b c"),
        ("<div><div>a</div></div><div>b</div>", "a\nb"), ("<ul><li>one</li><li>two</li></ul>end", "one\ntwo\nend"),
        ("<a href=\"https://a.test/\">site</a>", "site"), ("a &lt;b&gt; &#228;", "a <b> ä"),
        ("<p>a</p>\n<p>\n</p>", "a"),
        ("a<", "a"), ("<table><tr><td>x</td><td>y</td></tr><tr><td>z</td></tr></table>", "xy\nz"),
    ]

    @Test(arguments: shown) func `what is shown becomes lines`(_ row: (html: String, text: String)) {
        #expect(Array(HTMLText.lines(shownBy: row.html).utf8) == Array(row.text.utf8))
    }

    @Test func `lines become what shows them`() {
        #expect(HTMLText.html(ofLines: "Ann <b>\r\nA & B\n") == "Ann &lt;b&gt;<br>\r\nA &amp; B<br>\r\n")
        #expect(HTMLText.lines(shownBy: HTMLText.html(ofLines: "a\n\n\"b\"\n'c'")) == "a\n\n\"b\"\n'c'")
    }
}
