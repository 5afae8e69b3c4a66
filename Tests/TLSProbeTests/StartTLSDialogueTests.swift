import MailPorts
import NIOCore
import Testing

@testable import TLSProbe

/// What a server says, and what follows.
private struct Exchange: Sendable, CustomTestStringConvertible {
    var says: String
    var follows: StartTLSAction?
    init(_ says: String, _ follows: StartTLSAction?) { (self.says, self.follows) = (says, follows) }
    var testDescription: String { says }
}

@Suite struct StartTLSDialogueTests {
    private static func fault(_ reason: String) -> StartTLSAction { .fail(CertificateProbeFault(reason)) }
    private static let clear = StartTLSAction.fail(.noSTARTTLS)

    /// The server's lines whole, and octet by octet.
    private func hold<Dialogue: StartTLSDialogue>(_ exchanges: [Exchange], _ make: () -> Dialogue) {
        for isSlow in [false, true] {
            var (dialogue, input) = (make(), ByteBuffer())
            for exchange in exchanges {
                var action: StartTLSAction?
                let octets = Array(exchange.says.utf8)
                for piece in isSlow ? octets.map({ [$0] }) : [octets] {
                    input.writeBytes(piece)
                    action = dialogue.next(&input)
                    if action != nil, isSlow { break }
                }
                // Octet by octet what comes behind has not come yet.
                if exchange.follows == .fail(.tooEager), isSlow {
                    #expect(action == .startTLS)
                } else {
                    #expect(action == exchange.follows, "\(exchange.says)")
                }
            }
        }
    }

    private static let hello = [
        Exchange("220 mail.remote.test ESMTP\r\n", .send("EHLO us.test\r\n"))
    ]
    private static let offered =
        hello + [
            Exchange("250-mail.remote.test\r\n250-SIZE 1000\r\n250 starttls\r\n", .send("STARTTLS\r\n"))
        ]

    @Test(arguments: [
        offered + [Exchange("220 2.0.0 go\r\n", .startTLS), Exchange("250 too late\r\n", nil)],
        offered + [Exchange("220 go\r\n250 injected\r\n", .fail(.tooEager))],
        offered + [Exchange("454 4.7.0 not now\r\n", fault("the server answers 454 to STARTTLS"))],
        hello + [Exchange("250-mail.remote.test\r\n250 SIZE 1000\r\n", clear)],
        hello + [Exchange("250 mail.remote.test\r\n", clear)],
        hello + [Exchange("502 what\r\n", clear)],
        hello + [Exchange("421 too many\r\n", fault("the server answers 421 to EHLO"))],
        [Exchange("554 go away\r\n", fault("the server greets with 554"))],
        [Exchange("* OK IMAP\r\n", fault("the server speaks no SMTP"))],
        [Exchange("220-a\r\n220 ", nil), Exchange("b\r\n", .send("EHLO us.test\r\n"))],
    ])
    private func `SMTP is spoken up to STARTTLS`(_ exchanges: [Exchange]) {
        hold(exchanges) { SMTPStart(heloName: "us.test") }
    }

    private static let greeted = [Exchange("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", .send("a CAPABILITY\r\n"))]
    private static let able =
        greeted + [
            Exchange("* CAPABILITY IMAP4rev1 StartTLS LOGINDISABLED\r\na OK done\r\n", .send("b STARTTLS\r\n"))
        ]

    @Test(arguments: [
        able + [Exchange("b OK begin\r\n", .startTLS), Exchange("* OK too late\r\n", nil)],
        able + [Exchange("* OK a word before\r\nb ok begin\r\n", .startTLS)],
        able + [Exchange("b OK begin\r\n* CAPABILITY IMAP4rev1\r\n", .fail(.tooEager))],
        able + [Exchange("b BAD what\r\n", fault("the server answers BAD to STARTTLS"))],
        able + [Exchange("x OK what\r\n", fault("the server answers otherwise to STARTTLS"))],
        greeted + [Exchange("* CAPABILITY IMAP4rev1\r\na OK done\r\n", clear)],
        greeted + [Exchange("a OK done\r\n", clear)],
        greeted + [Exchange("* CAPABILITY STARTTLS\r\na NO what\r\n", fault("the server speaks no IMAP"))],
        greeted + [Exchange("* BYE later\r\n", fault("the server turns clients away"))],
        [Exchange("* BYE full\r\n", fault("the server turns clients away"))],
        [Exchange("* PREAUTH hello\r\n", clear)],
        [Exchange("220 SMTP\r\n", fault("the server speaks no IMAP"))],
        [Exchange("* OK bare\n", fault("the server speaks no IMAP"))],
        [Exchange("\r\n", fault("the server speaks no IMAP"))],
        [Exchange("* O", nil), Exchange("K ready\r\n", .send("a CAPABILITY\r\n"))],
    ])
    private func `IMAP is spoken up to STARTTLS`(_ exchanges: [Exchange]) { hold(exchanges) { IMAPStart() } }

    @Test func `nobody is listened to without end`() {
        var (line, input) = (IMAPStart(), ByteBuffer(repeating: 65, count: IMAPStart.longestLine))
        #expect(line.next(&input) == Self.fault("the server speaks no IMAP"))
        var (lines, many) = (IMAPStart(), ByteBuffer(string: "* OK ready\r\n"))
        #expect(lines.next(&many) == .send("a CAPABILITY\r\n"))
        many.writeString(String(repeating: "* OK more\r\n", count: IMAPStart.mostLines))
        #expect(lines.next(&many) == Self.fault("the server speaks no IMAP"))
        var (reply, long) = (
            SMTPStart(heloName: "us.test"), ByteBuffer(string: "220-" + String(repeating: "a", count: 8_000))
        )
        #expect(reply.next(&long) == Self.fault("the server speaks no SMTP"))
    }
}
