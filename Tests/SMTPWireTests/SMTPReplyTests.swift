import NIOCore
import Testing

@testable import SMTPWire

@Suite("SMTP replies")
struct SMTPReplyTests {
    @Test("RFC 5321 §4.2.1: every line but the last has a hyphen, and each its status")
    func encoding() {
        #expect(SMTPReply.ok.encoded == "250 2.0.0 OK\r\n")
        #expect(
            SMTPReply(550, EnhancedStatus(5, 7, 1), lines: ["one", "two"]).encoded
                == "550-5.7.1 one\r\n550 5.7.1 two\r\n"
        )
        #expect(SMTPReply(354, nil, "go").encoded == "354 go\r\n")
        #expect(SMTPReply(250, nil, lines: []).encoded == "250 \r\n")
    }

    @Test("Nothing in a reply's text can end its line")
    func injection() {
        #expect(SMTPReply(550, nil, "a\r\n250 b\u{7F}").encoded == "550 a??250 b?\r\n")
    }

    @Test("RFC 5321 §4.5.3.1.5: a line has at most 512 octets")
    func limit() {
        #expect(SMTPReply(550, EnhancedStatus(5, 7, 1), String(repeating: "x", count: 1000)).encoded.utf8.count == 512)
    }

    @Test("What replies mean")
    func classes() {
        #expect(SMTPReply.ok.isPositive && SMTPReply.startMail.isIntermediate)
        #expect(SMTPReply.mailboxFull.isTransient && SMTPReply.noSuchUser.isPermanent)
        #expect(SMTPReply.noSuchUser.description == "550 5.1.1 No such mailbox here")
    }
}
