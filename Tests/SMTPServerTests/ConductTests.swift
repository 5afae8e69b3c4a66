import MailTesting
import NIOCore
import NIOEmbedded
import SMTPWire
import Testing

@testable import NetKit
@testable import SMTPServer

/// What speaks against a client that has not signed in.
@Suite struct ConductTests {
    @Test func wrongCommandsToTheEndAreAbuse() throws {
        let conduct = RecordingConduct()
        let smtp = try EmbeddedSMTP(conduct: conduct)
        _ = try smtp.heard()
        for _ in 0..<19 { try smtp.say("NONSENSE\r\n") }
        #expect(conduct.words == [])
        try smtp.say("NONSENSE\r\n")
        #expect(try smtp.heard().contains("421 4.7.0 Too many errors"))
        #expect(conduct.words == ["protocol_abuse 127.0.0.1"])
    }

    @Test func aPoliteSessionIsNotedNowhere() throws {
        let conduct = RecordingConduct()
        let smtp = try EmbeddedSMTP(conduct: conduct)
        try smtp.say("EHLO client.test\r\nNOOP\r\nRSET\r\nQUIT\r\n")
        #expect(try smtp.heard().contains("221 "))
        #expect(conduct.words == [])
    }

    @Test func whoTalksBeforeTheGreetingIsNotedOnce() throws {
        let conduct = RecordingConduct()
        let smtp = try EmbeddedSMTP(conduct: conduct, isTrusted: false)
        // The greeting waits for the rate of connections.
        try smtp.say("EHLO client.test\r\n")
        try smtp.say("NOOP\r\n")
        #expect(conduct.words == ["early_talk 127.0.0.1"])
    }

    @Test func aBannedNetworkIsToldAndItsConnectionCloses() throws {
        let smtp = try EmbeddedSMTP(conduct: nil)
        _ = try smtp.heard()
        smtp.channel.pipeline.fireUserInboundEventTriggered(ConnectionBarred())
        #expect(try smtp.heard() == "421 4.7.0 Too much misuse from your network, try again later\r\n")
        #expect(!smtp.channel.isActive)
    }
}
