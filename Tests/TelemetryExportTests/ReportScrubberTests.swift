import Testing

@testable import TelemetryExport

@Suite struct ReportScrubberTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        var clean: String
        init(_ text: String, _ clean: String) { (self.text, self.clean) = (text, clean) }
        var testDescription: String { text }
    }

    @Test(arguments: [
        Row("the database failed", "the database failed"),
        Row("no room for ann@shop.test", "no room for [address]"),
        Row("<ann@shop.test>,(bob@[192.0.2.7])", "<[address]>,([address][[ip]])"),
        Row("to=\"Zoë\u{301}\"@shop.test", "to=\"Zoë\u{301}\"[address]"),
        Row("connect 192.0.2.7:25: refused", "connect [ip] refused"),
        Row("http://127.0.0.1:9200/x", "http://[ip]/x"),
        Row("peer 2001:db8::1 left at 12:30", "peer [ip] left at 12:30"),
        Row("line\r\nforged\u{0}", "line??forged?"),
        Row("1.2.3", "1.2.3"),
    ])
    func `addresses are masked, the rest stays`(_ row: Row) {
        #expect(ReportScrubber.text(row.text) == row.clean)
    }

    @Test func `only harmless metadata goes, cut`() {
        let fields = ReportScrubber.fields([
            "report": "a-1", "sender": "ann@shop.test", "remote": "192.0.2.7", "password": "x",
            "cause": String(repeating: "y", count: 9_000),
        ])
        #expect(Set(fields.keys) == ["report", "cause"] && fields["cause"]?.utf8.count == ReportScrubber.valueLimit)
    }
}

@Suite struct SentryAddressTests {
    @Test(
        arguments: [
            ("https://abc@errors.example.test/7", "https://errors.example.test/api/7/envelope/"),
            ("http://abc:old@127.0.0.1:9000/sub/7", "http://127.0.0.1:9000/sub/api/7/envelope/"),
        ] as [(String, String)]
    )
    func `a DSN names the endpoint`(_ dsn: String, _ url: String) {
        let address = SentryAddress(dsn)
        #expect(address?.url == url && address?.publicKey == "abc")
    }

    @Test(arguments: [
        "", "abc", "https://errors.example.test/7", "https://@h/7", "https://abc@/7", "https://abc@h/", "ftp://abc@h/7",
    ])
    func `what is none is refused`(_ text: String) { #expect(SentryAddress(text) == nil) }

    @Test func `limits of the service, the longest that concerns errors`() {
        #expect(SentryReporter.quietSeconds("60:error;default:organization, 300:transaction:key") == 60)
        #expect(SentryReporter.quietSeconds("20::organization, 5:error:key") == 20)
        #expect(SentryReporter.quietSeconds("x:y, 4") == 0)
    }
}
