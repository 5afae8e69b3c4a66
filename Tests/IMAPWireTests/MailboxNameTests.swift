import IMAPWire
import Testing

@Suite struct MailboxNameTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        var encoded: String
        init(_ text: String, _ encoded: String) { (self.text, self.encoded) = (text, encoded) }
        var testDescription: String { encoded }
    }

    static let rows: [Row] = [
        Row("INBOX", "INBOX"), Row("", ""), Row("a&b", "a&-b"), Row("&", "&-"), Row("&-", "&--"),
        Row("Entwürfe", "Entw&APw-rfe"),
        // RFC 3501 §5.1.3.
        Row("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        Row("☺!", "&Jjo-!"), Row("😀", "&2D3eAA-"), Row("é&é", "&AOk-&-&AOk-"),
        Row("Boîte d'envoi", "Bo&AO4-te d'envoi"), Row("ü", "&APw-"),
        Row("\u{80}", "&AIA-"), Row("a\"\u{301}", "a\"&AwE-"),
    ]

    @Test(arguments: rows) func `Modified UTF-7 both ways`(row: Row) {
        #expect(String(decoding: MailboxName(row.text).wire(isUTF8: false), as: UTF8.self) == row.encoded)
        #expect(MailboxName(row.text).wire(isUTF8: true) == Array(row.text.utf8))
        #expect(MailboxName(wire: Array(row.encoded.utf8), isUTF8: false)?.text == row.text)
        #expect(MailboxName(wire: Array(row.text.utf8), isUTF8: true)?.text == row.text)
    }

    /// What is no modified UTF-7 is taken as it stands, so one name has one form.
    @Test(arguments: [
        "&", "a&b", "&AOk", "&A-", "&AO-", "&AOk=-", "&AOl-", "&é-", "& -", "&2D0-", "&3gA-", "&AGE-", "&AOk-&AOk-",
    ])
    func `Other ampersands stay`(text: String) {
        let name = MailboxName(wire: Array(text.utf8), isUTF8: false)
        #expect(name?.text == text)
        #expect(name.flatMap { MailboxName(wire: $0.wire(isUTF8: false), isUTF8: false) } == name)
    }

    @Test func `Control characters and broken UTF-8 are refused`() {
        for bytes in [
            [0], [97, 10], [13], [127], [0xFF], [0xC3], Array("&AAA-".utf8), Array("&AAo-".utf8), Array("&AH8-".utf8),
        ] as [[UInt8]] {
            #expect(MailboxName(wire: bytes, isUTF8: false) == nil, "\(bytes)")
        }
        #expect(MailboxName(wire: [0xFF], isUTF8: true) == nil)
    }

    struct Match: CustomTestStringConvertible {
        var pattern: String
        var name: String
        var isMatch: Bool
        init(_ pattern: String, _ name: String, _ isMatch: Bool) {
            (self.pattern, self.name, self.isMatch) = (pattern, name, isMatch)
        }
        var testDescription: String { "\(pattern) on \(name)" }
    }

    static let matches: [Match] = [
        Match("*", "", true), Match("*", "a/b/c", true), Match("%", "a", true), Match("%", "a/b", false),
        Match("%/%", "a/b", true), Match("a*", "abc", true),
        Match("*c", "a/b/c", true), Match("%c", "a/c", false), Match("a%c", "abc", true), Match("a%c", "a/c", false),
        Match("a*c", "a/c", true), Match("", "", true),
        Match("", "a", false), Match("a", "a", true), Match("a", "A", false), Match("inbox", "INBOX", true),
        Match("InB%", "INBOX", true), Match("*%*", "x/y", true),
        Match("a/%", "a/", true), Match("ä*", "äöü", true), Match("%%", "a/b", false), Match("*a*b*", "xxaxxbxx", true),
        Match("*a*b*", "xxbxxaxx", false),
    ]

    @Test(arguments: matches) func `Patterns of LIST`(row: Match) {
        #expect(MailboxPattern(row.pattern).matches(row.name) == row.isMatch)
    }

    @Test func `The worst pattern takes its length times the name's`() {
        #expect(
            !MailboxPattern(String(repeating: "*a", count: 200) + "b").matches(String(repeating: "a", count: 1_000))
        )
    }
}
