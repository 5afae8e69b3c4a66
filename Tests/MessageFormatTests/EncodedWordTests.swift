import MessageFormat
import Testing

@Suite struct EncodedWordTests {
    struct Row: CustomTestStringConvertible {
        var bytes: [UInt8]
        var decoded: String
        init(_ text: String, _ decoded: String) { (bytes, self.decoded) = (Array(text.utf8), decoded) }
        init(bytes: [UInt8], _ decoded: String) { (self.bytes, self.decoded) = (bytes, decoded) }
        var testDescription: String { decoded }
    }

    static let rows: [Row] = [
        Row("plain text", "plain text"),
        Row("a = b", "a = b"),
        // RFC 2047 §8.
        Row("=?US-ASCII?Q?Keith_Moore?=", "Keith Moore"),
        Row("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"),
        Row("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
        Row(
            "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example."
        ),
        Row("=?ISO-8859-1?Q?a?=", "a"),
        Row("=?ISO-8859-1?Q?a?= b", "a b"),
        Row("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        Row("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
        Row("=?ISO-8859-1?Q?a?=\r\n =?ISO-8859-1?Q?b?=", "ab"),
        Row("=?ISO-8859-1?Q?a_b?=", "a b"),
        Row("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        // RFC 2231 §5: a language.
        Row("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
        // A character split between words.
        Row("=?utf-8?B?5ryi5a0=?= =?utf-8?B?lw==?=", "漢字"),
        Row("=?utf-8?q?=E6=BC?= =?UTF-8?Q?=A2?=", "漢"),
        Row("=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=", "テスト"),
        Row("=?EUC-KR?Q?=C7=D1=B1=B9?=", "한국"),
        Row("=?GB2312?B?1tDOxA==?=", "中文"),
        Row("=?windows-1251?B?z/Do4uXy?=", "Привет"),
        Row("=?windows-1252?Q?=80?= =?iso-8859-1?Q?=80?=", "€€"),
        // Broken ones.
        Row("=?utf-8?Q?open", "=?utf-8?Q?open"),
        Row("=?utf-8?X?text?=", "=?utf-8?X?text?="),
        Row("=?utf-8??text?=", "=?utf-8??text?="),
        Row("=??Q?text?=", "=??Q?text?="),
        Row("=?utf-8?Q??=", ""),
        Row("=?utf-8?B?YWJj", "=?utf-8?B?YWJj"),
        Row("=?utf-8?B?YW Jj?=", "abc"),
        Row("=?utf-8?B?YWI?=", "ab"),
        Row("=?utf-8?Q?a b c?=", "a b c"),
        Row("=?utf-8?Q?50=?= x", "50 x"),
        Row("=?utf-8?Q?=ZZ?=", "=ZZ"),
        Row("before=?utf-8?Q?x?=after", "beforexafter"),
        Row("=?no-such-charset?Q?caf=E9?=", "café"),
        Row("=?utf-8?Q?caf=E9?=", "café"),
        Row("=?us-ascii?Q?caf=C3=A9?=", "café"),
        Row("=?", "=?"),
        Row("=?=?=?=", "=?=?=?="),
        // Octets that were never encoded: UTF-8, else Latin 1.
        Row("Grüße", "Grüße"),
        Row(bytes: [0x47, 0x72, 0xFC, 0xDF, 0x65], "Grüße"),
        Row("folded\r\n text", "folded text"),
    ]

    @Test(arguments: rows) func `Decodes encoded words and leaves the rest`(row: Row) {
        #expect(EncodedWord.decode(row.bytes) == row.decoded)
    }

    @Test func `Many words take linear time`() {
        let text = Array(String(repeating: "=?utf-8?q?abc?= ", count: 20_000).utf8)
        #expect(EncodedWord.decode(text).utf8.count == 60_001)
    }
}

@Suite struct CharsetDecoderTests {
    @Test func `Knows which charsets SEARCH may name`() {
        for name in [
            "utf-8", "US-ASCII", "iso-8859-15", "windows-1252", "ISO-2022-JP", "Shift_JIS", "GB18030", "KOI8-R",
        ] {
            #expect(CharsetDecoder.isKnown(name), "\(name)")
        }
        for name in ["", "no-such", "utf-8//IGNORE", "../x", String(repeating: "a", count: 200)] {
            #expect(!CharsetDecoder.isKnown(name), "\(name)")
        }
    }

    @Test func `Broken octets become U+FFFD and never stop it`() {
        #expect(CharsetDecoder.decode([0x41, 0xFF, 0x42], charset: "euc-jp") == "A\u{FFFD}B")
        #expect(CharsetDecoder.decode([0x41, 0xE6], charset: "shift_jis").hasPrefix("A"))
        #expect(CharsetDecoder.decode([], charset: "euc-jp") == "")
        #expect(CharsetDecoder.decode([0, 65, 0, 66], charset: "utf-16be") == "AB")
    }

    @Test func `Long texts go through in pieces`() {
        let text = [UInt8](repeating: 0xE9, count: 3 << 20)
        let decoded = CharsetDecoder.decode(text, charset: "iso-8859-15")
        #expect(decoded.utf8.count == 6 << 20)
    }
}
