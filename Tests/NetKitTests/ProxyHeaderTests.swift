import MailModel
import NIOCore
import NetKit
import Testing

@Suite("PROXY protocol, versions 1 and 2") struct ProxyHeaderTests {
    struct Example: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let header: ProxyHeader

        init(_ name: String, _ bytes: [UInt8], _ header: ProxyHeader) {
            (testDescription, self.bytes, self.header) = (name, bytes, header)
        }

        init(_ text: String, _ header: ProxyHeader) { self.init(text, Array("\(text)\r\n".utf8), header) }
    }

    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    static func address(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress.zero }

    static let good = [
        Example("PROXY TCP4 192.0.2.7 198.51.100.1 56324 25", .proxied(source: address("192.0.2.7"), port: 56_324)),
        Example("PROXY TCP6 2001:db8::7 2001:db8::1 1 65535", .proxied(source: address("2001:db8::7"), port: 1)),
        Example("PROXY UNKNOWN", .local),
        Example("PROXY UNKNOWN ffff::1 ffff::2 65535 65535", .local),
        Example(
            "version 2, TCP over IPv4",
            signature + [0x21, 0x11, 0, 12, 192, 0, 2, 7, 198, 51, 100, 1, 0xDC, 0x04, 0, 25],
            .proxied(source: address("192.0.2.7"), port: 56_324)
        ),
        Example(
            "version 2, TCP over IPv6, with additions",
            signature + [0x21, 0x21, 0, 40] + address("2001:db8::7").bytes + address("2001:db8::1").bytes
                + [0, 80, 0, 25, 4, 0, 1, 0],
            .proxied(source: address("2001:db8::7"), port: 80)
        ),
        Example("version 2, LOCAL", signature + [0x20, 0x00, 0, 0], .local),
        Example("version 2, unspecified family", signature + [0x21, 0x00, 0, 3, 1, 2, 3], .local),
    ]

    @Test(arguments: good) func headersAreTakenAndTheRestStays(_ example: Example) throws {
        var buffer = ByteBuffer(bytes: example.bytes + Array("EHLO x\r\n".utf8))
        #expect(try ProxyHeader.take(from: &buffer) == example.header)
        #expect(String(buffer: buffer) == "EHLO x\r\n")
    }

    @Test(arguments: good) func everyPrefixWaitsForMore(_ example: Example) throws {
        for count in 0..<example.bytes.count {
            var buffer = ByteBuffer(bytes: example.bytes.prefix(count))
            #expect(try ProxyHeader.take(from: &buffer) == nil)
            #expect(buffer.readableBytes == count)
        }
    }

    @Test(arguments: [
        "EHLO client.example.test\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\n", "PROXY TCP4 192.0.2.7 198.51.100.1 65536 25\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 +5 25\r\n", "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n", "PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.700 198.51.100.1 1 2\r\n", "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY UNKNOWN " + String(repeating: "x", count: 107), "proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
    ]) func whatIsNoHeaderIsRefused(_ text: String) {
        var buffer = ByteBuffer(string: text)
        #expect(throws: ProxyHeader.Malformed()) { try ProxyHeader.take(from: &buffer) }
    }

    @Test(arguments: [
        [0x31, 0x11, 0, 12] as [UInt8], [0x22, 0x11, 0, 12], [0x21, 0x41, 0, 0], [0x21, 0x11, 0, 4, 1, 2, 3, 4],
        [0x21, 0x11, 0xFF, 0xFF],
    ]) func binaryHeadersThatCannotBe(_ rest: [UInt8]) {
        var buffer = ByteBuffer(bytes: Self.signature + rest)
        #expect(throws: ProxyHeader.Malformed()) { try ProxyHeader.take(from: &buffer) }
    }
}

extension IPAddress {
    /// Where a literal of a test is none.
    static let zero = IPAddress(bytes: [0, 0, 0, 0]).unsafelyUnwrapped
}
