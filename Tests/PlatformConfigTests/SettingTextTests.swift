import MailModel
import PlatformConfig
import Testing

struct DurationRow: Sendable, CustomTestStringConvertible {
    let text: String
    let value: Duration?
    init(_ text: String, _ value: Duration?) { (self.text, self.value) = (text, value) }
    var testDescription: String { text }
}

struct SizeRow: Sendable, CustomTestStringConvertible {
    let text: String
    let value: Int?
    init(_ text: String, _ value: Int?) { (self.text, self.value) = (text, value) }
    var testDescription: String { text }
}

struct HostRow: Sendable, CustomTestStringConvertible {
    let text: String
    let value: HostPort?
    init(_ text: String, _ value: HostPort?) { (self.text, self.value) = (text, value) }
    var testDescription: String { text }
}

@Suite struct SettingTextTests {
    @Test(
        "durations take a unit, seconds without one",
        arguments: [
            DurationRow("0", .zero), DurationRow("90", .seconds(90)), DurationRow("250ms", .milliseconds(250)),
            DurationRow("15m", .seconds(900)), DurationRow("4h", .seconds(14_400)),
            DurationRow("5d", .seconds(432_000)),
            DurationRow("", nil), DurationRow("5w", nil), DurationRow("-1", nil), DurationRow("1.5h", nil),
            DurationRow("5 d", nil),
            DurationRow("99999999999999999999d", nil),
        ]
    )
    func duration(row: DurationRow) { #expect(SettingText.duration(row.text) == row.value) }

    @Test(
        "sizes are powers of 1024",
        arguments: [
            SizeRow("0", 0), SizeRow("2048", 2_048), SizeRow("64K", 65_536), SizeRow("64kib", 65_536),
            SizeRow("50M", 52_428_800),
            SizeRow("2GB", 2 << 30), SizeRow("-1", nil), SizeRow("K", nil), SizeRow("9999999999999999T", nil),
            SizeRow("1 M", nil),
        ]
    )
    func size(row: SizeRow) { #expect(SettingText.size(row.text) == row.value) }

    @Test(
        "hosts with ports",
        arguments: [
            HostRow("mx.example.test:2525", HostPort(host: "mx.example.test", port: 2525)),
            HostRow("mx.example.test", HostPort(host: "mx.example.test", port: 25)),
            HostRow("[2001:db8::1]:53", HostPort(host: "2001:db8::1", port: 53)),
            HostRow("[2001:db8::1]", HostPort(host: "2001:db8::1", port: 25)),
            HostRow("host:0", nil), HostRow("host:65536", nil), HostRow(":25", nil), HostRow("a b:25", nil),
            HostRow("[::1:25", nil),
        ]
    )
    func host(row: HostRow) { #expect(HostPort(row.text, defaultPort: 25) == row.value) }

    @Test func everyDefaultIsReadBackFromItsText() {
        for setting in Settings.all {
            for production in [false, true] {
                let text = setting.defaultText(production: production)
                guard !text.isEmpty else { continue }
                let value = setting.parseAny(text)
                #expect(value.map(setting.formatAny) == text, "\(setting.name)")
            }
        }
    }

    @Test func networksContainTheirAddresses() throws {
        let network = try #require(IPNetwork("192.0.2.128/25"))
        #expect(network.contains(try #require(IPAddress("192.0.2.200"))))
        #expect(!network.contains(try #require(IPAddress("192.0.2.1"))))
        #expect(!network.contains(try #require(IPAddress("2001:db8::1"))))
        #expect(try #require(IPNetwork("2001:db8::/32")).contains(try #require(IPAddress("2001:db8:1::5"))))
        #expect(try #require(IPNetwork("0.0.0.0/0")).contains(try #require(IPAddress("203.0.113.9"))))
        for wrong in ["192.0.2.0/33", "192.0.2.0/", "192.0.2.0/1/2", "x/8", "::/129", "192.0.2.0/-1"] {
            #expect(IPNetwork(wrong) == nil)
        }
    }
}
