import MailModel
import NIOCore
import NIOEmbedded
import Testing

@testable import SMTPServer

/// What one client may cost: time, memory, connections.
@Suite struct ConnectionLimitTests {
    @Test func whoDoesNotReadGetsNoFurtherCommandDone() throws {
        let server = try EmbeddedSMTP()
        _ = try server.heard()
        server.channel.isWritable = false
        server.channel.pipeline.fireChannelWritabilityChanged()
        try server.say(String(repeating: "NOOP\r\n", count: 50))
        #expect(try server.heard().isEmpty)
        server.channel.isWritable = true
        server.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try server.heard().split(separator: "\r\n").count == 50)
    }

    @Test func whoNeverReadsIsCut() throws {
        let server = try EmbeddedSMTP()
        server.channel.isWritable = false
        server.channel.pipeline.fireChannelWritabilityChanged()
        server.pass(.seconds(59))
        #expect(server.channel.isActive)
        server.pass(.seconds(2))
        #expect(!server.channel.isActive)
    }

    @Test func whoReadsInTimeIsNotCut() throws {
        let server = try EmbeddedSMTP()
        for _ in 0..<10 {
            server.channel.isWritable = false
            server.channel.pipeline.fireChannelWritabilityChanged()
            server.pass(.seconds(50))
            server.channel.isWritable = true
            server.channel.pipeline.fireChannelWritabilityChanged()
        }
        #expect(server.channel.isActive)
    }

    @Test func aHandshakeHasItsTime() throws {
        let server = try EmbeddedSMTP(isImplicitTLS: true)
        #expect(try server.heard().isEmpty)
        server.pass(.seconds(31))
        #expect(!server.channel.isActive)
    }

    @Test func theIdleTimeIsForWholeCommands() throws {
        let server = try EmbeddedSMTP()
        for _ in 0..<4 {
            try server.say("NOOP\r\n")
            server.pass(.seconds(299))
        }
        #expect(server.channel.isActive)
        _ = try server.heard()
        for _ in 0..<4 {
            try server.say("N")
            server.pass(.seconds(100))
        }
        #expect(try server.heard().hasPrefix("421 4.4.2"))
        #expect(!server.channel.isActive)
    }

    struct Client: Sendable, CustomTestStringConvertible {
        let text: String
        let client: String
        var testDescription: String { text }
    }

    static let clients = [
        Client(text: "192.0.2.1", client: "192.0.2.1"), Client(text: "::ffff:192.0.2.1", client: "192.0.2.1"),
        Client(text: "2001:db8:1:2:3:4:5:6", client: "2001:db8:1:2::/64"),
        Client(text: "2001:db8:1:2::1", client: "2001:db8:1:2::/64"),
        Client(text: "2001:db8:1:3::1", client: "2001:db8:1:3::/64"),
    ]

    @Test(arguments: clients) func aNetworkOfIPv6IsOneClient(_ row: Client) throws {
        #expect(try #require(IPAddress(row.text)).client == row.client)
    }
}
