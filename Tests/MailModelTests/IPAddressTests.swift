import MailModel
import Testing

@Suite struct IPAddressTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        var printed: String?
        init(_ text: String, _ printed: String?) { (self.text, self.printed) = (text, printed) }
        var testDescription: String { text }
    }

    static let rows: [Row] = [
        Row("192.0.2.1", "192.0.2.1"), Row("0.0.0.0", "0.0.0.0"), Row("255.255.255.255", "255.255.255.255"),
        Row("::", "::"), Row("::1", "::1"), Row("1::", "1::"), Row("2001:DB8::1", "2001:db8::1"),
        Row("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), Row("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        Row("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), Row("::ffff:192.0.2.1", "192.0.2.1"),
        Row("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), Row("1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"),
        Row("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), Row("fe80::0:1", "fe80::1"),
        Row("", nil), Row("1.2.3", nil), Row("1.2.3.4.5", nil), Row("256.1.1.1", nil), Row("1.2.3.", nil),
        Row("1..2.3", nil),
        Row("1.2.3.+4", nil), Row("1.2.3.-4", nil), Row("0x1.2.3.4", nil), Row(" 1.2.3.4", nil), Row(":", nil),
        Row(":::", nil), Row("1:2", nil),
        Row("1::2::3", nil), Row("1:2:3:4:5:6:7:8:9", nil), Row("1:2:3:4:5:6:7", nil), Row("12345::", nil),
        Row("g::", nil), Row(":1:2:3:4:5:6:7:8", nil),
        Row("1:2:3:4:5:6:7:8:", nil), Row("::1.2.3", nil), Row("1.2.3.4::", nil), Row("fe80::1%eth0", nil),
        Row("::+1", nil), Row("::-1", nil),
    ]

    @Test(arguments: rows) func `Reads and prints addresses`(row: Row) {
        #expect(IPAddress(row.text)?.description == row.printed)
        if let printed = row.printed { #expect(IPAddress(printed) == IPAddress(row.text)) }
    }

    @Test func `Loopback is what it is in both families`() {
        #expect(["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"].allSatisfy { IPAddress($0)?.isLoopback == true })
        #expect(["128.0.0.1", "::2", "1::1"].allSatisfy { IPAddress($0)?.isLoopback == false })
        #expect(IPAddress(bytes: [1, 2, 3]) == nil)
    }
}

@Suite struct IPNetworkTests {
    struct Row: CustomTestStringConvertible {
        var network: String
        var address: String
        var isInside: Bool
        init(_ network: String, _ address: String, _ isInside: Bool) {
            (self.network, self.address, self.isInside) = (network, address, isInside)
        }
        var testDescription: String { "\(address) in \(network)" }
    }

    static let rows: [Row] = [
        Row("192.0.2.0/24", "192.0.2.255", true), Row("192.0.2.0/24", "192.0.3.0", false),
        Row("192.0.2.1", "192.0.2.1", true),
        Row("192.0.2.1", "192.0.2.2", false), Row("0.0.0.0/0", "203.0.113.9", true), Row("0.0.0.0/0", "::1", false),
        Row("192.0.2.128/25", "192.0.2.127", false), Row("192.0.2.128/25", "192.0.2.200", true),
        Row("192.0.2.9/31", "192.0.2.8", true),
        Row("2001:db8::/32", "2001:db8:ffff::1", true), Row("2001:db8::/33", "2001:db8:8000::", false),
        Row("::/0", "2001:db8::1", true),
        Row("::1/128", "::1", true), Row("192.0.2.0/24", "::ffff:192.0.2.7", true),
    ]

    @Test(arguments: rows) func `Contains what shares the prefix`(row: Row) throws {
        let network = try #require(IPNetwork(row.network))
        let address = try #require(IPAddress(row.address))
        #expect(network.contains(address) == row.isInside)
    }

    @Test(arguments: [
        "", "/", "1.2.3.4/", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "1.2.3.4/+1", "1.2.3.4/1/2", "1.2.3.4/x", "x/8",
        "1.2.3.4/0000",
    ])
    func `Refuses what is no network`(text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test func `Prints its length`() { #expect(IPNetwork("192.0.2.1")?.description == "192.0.2.1/32") }
}
