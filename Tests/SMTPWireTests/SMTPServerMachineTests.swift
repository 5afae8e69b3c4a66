import MailModel
import NIOCore
import Testing

@testable import SMTPWire

@Suite("SMTP server machine")
struct SMTPServerMachineTests {
    static let envelope = "EHLO client.test\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\n"

    @Test("A conversation, action by action")
    func conversation() throws {
        let probe = ServerProbe()
        #expect(probe.next() == .reply(.greeting("mail.example.test")))
        #expect(probe.next() == nil)
        #expect(probe.wantsBytes)
        probe.receive(
            "HELO client.test\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"
        )
        #expect(probe.next() == .reply(.hello("mail.example.test")))
        #expect(probe.hello == SMTPHello(name: "client.test", isExtended: false))
        let sender = SMTPSender(.address(try #require(EmailAddress("a@example.test"))))
        #expect(probe.next() == .checkSender(sender))
        #expect(probe.next() == nil)
        #expect(!probe.wantsBytes)
        probe.machine.senderVerdict(.senderAccepted)
        #expect(probe.next() == .reply(.senderAccepted))
        let recipient = SMTPRecipient(.address(try #require(EmailAddress("b@example.test"))))
        #expect(probe.next() == .checkRecipient(recipient))
        probe.machine.recipientVerdict(.recipientAccepted)
        #expect(probe.next() == .reply(.recipientAccepted))
        let envelope = SMTPEnvelope(sender: sender, recipients: [recipient])
        #expect(probe.next() == .beginMessage(envelope))
        #expect(probe.next() == nil)
        probe.machine.messageBegun()
        #expect(probe.next() == .reply(.startMail))
        #expect(probe.next() == .messageBytes(ByteBuffer(string: "hi\r\n")))
        #expect(probe.next() == .messageComplete(envelope, size: 4))
        #expect(probe.next() == nil)
        probe.machine.messageVerdict(.queued(as: "x"))
        #expect(probe.next() == .reply(.queued(as: "x")))
        #expect(probe.next() == .reply(.closing("mail.example.test")))
        #expect(probe.next() == .close)
        #expect(probe.next() == nil)
        #expect(!probe.wantsBytes)
    }

    @Test("EHLO lists what is offered, and no more")
    func capabilities() throws {
        let plain = ServerConversation(.submission)
        plain.say("EHLO client.test\r\n")
        let clear = try #require(plain.lastReply).encoded
        #expect(clear.contains("250-STARTTLS\r\n"))
        #expect(!clear.contains("AUTH"))
        for line in [
            "PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "ENHANCEDSTATUSCODES",
        ] {
            #expect(clear.contains("250-\(line)\r\n"))
        }
        #expect(clear.hasPrefix("250-mail.example.test\r\n"))
        #expect(clear.hasSuffix("250 LIMITS RCPTMAX=1000\r\n"))
        let secure = ServerConversation(.submission, tlsIsActive: true)
        secure.say("EHLO client.test\r\n")
        let encrypted = try #require(secure.lastReply).encoded
        #expect(encrypted.contains("250-AUTH PLAIN LOGIN\r\n"))
        #expect(!encrypted.contains("STARTTLS"))
    }

    struct Dialogue: CustomTestStringConvertible {
        let name: String
        let text: String
        let codes: [Int]
        var configuration: SMTPServerConfiguration
        var tls: Bool
        init(
            _ name: String,
            _ text: String,
            _ codes: [Int],
            _ configuration: SMTPServerConfiguration = .relay,
            tls: Bool = false
        ) {
            self.name = name
            self.text = text
            self.codes = codes
            self.configuration = configuration
            self.tls = tls
        }
        var testDescription: String { name }
    }

    static let dialogues: [Dialogue] = [
        Dialogue("MAIL before EHLO", "MAIL FROM:<>\r\n", [503]),
        Dialogue("RCPT before MAIL", "EHLO c.test\r\nRCPT TO:<b@example.test>\r\n", [250, 503]),
        Dialogue("DATA before MAIL", "EHLO c.test\r\nDATA\r\n", [250, 503]),
        Dialogue("DATA before RCPT", "EHLO c.test\r\nMAIL FROM:<>\r\nDATA\r\n", [250, 250, 503]),
        Dialogue("second MAIL", "EHLO c.test\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\n", [250, 250, 503]),
        Dialogue(
            "RSET ends the transaction",
            "EHLO c.test\r\nMAIL FROM:<>\r\nRSET\r\nRCPT TO:<b@example.test>\r\n",
            [250, 250, 250, 503]
        ),
        Dialogue("RSET before EHLO", "RSET\r\nMAIL FROM:<>\r\n", [250, 503]),
        Dialogue(
            "EHLO ends the transaction",
            "EHLO c.test\r\nMAIL FROM:<>\r\nEHLO c.test\r\nMAIL FROM:<>\r\n",
            [250, 250, 250, 250]
        ),
        Dialogue("VRFY EXPN HELP NOOP", "VRFY a\r\nEXPN a\r\nHELP\r\nNOOP x\r\n", [252, 502, 214, 250]),
        Dialogue("unknown command", "XYZZY\r\n", [500]),
        Dialogue(
            "too large by SIZE",
            "EHLO c.test\r\nMAIL FROM:<> SIZE=52428801\r\nMAIL FROM:<> SIZE=52428800\r\n",
            [250, 552, 250]
        ),
        Dialogue(
            "unknown parameter",
            "EHLO c.test\r\nMAIL FROM:<> FOO=1\r\nMAIL FROM:<> REQUIRETLS\r\nMAIL FROM:<> RET=FULL\r\n",
            [250, 555, 555, 555]
        ),
        Dialogue(
            "UTF-8 without SMTPUTF8",
            "EHLO c.test\r\nMAIL FROM:<ü@example.test>\r\nMAIL FROM:<ü@example.test> SMTPUTF8\r\nRCPT TO:<ä@example.test>\r\n",
            [250, 553, 250, 250]
        ),
        Dialogue(
            "UTF-8 recipient without SMTPUTF8",
            "EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<ä@example.test>\r\n",
            [250, 250, 553]
        ),
        Dialogue("postmaster", "EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<PostMaster>\r\n", [250, 250, 250]),
        Dialogue("bare LF in a command", "NOOP\nNOOP\r\nNOOP\r\n", [500, 250]),
        Dialogue("bare CR in a command", "NOOP\rNOOP\r\nNOOP\r\n", [500, 250]),
        Dialogue("STARTTLS before EHLO", "STARTTLS\r\n", [503]),
        Dialogue("STARTTLS inside a transaction", "EHLO c.test\r\nMAIL FROM:<>\r\nSTARTTLS\r\n", [250, 250, 503]),
        Dialogue("STARTTLS under TLS", "EHLO c.test\r\nSTARTTLS\r\n", [250, 503], tls: true),
        Dialogue(
            "STARTTLS not offered",
            "EHLO c.test\r\nSTARTTLS\r\n",
            [250, 502],
            .relay.with { $0.offersTLS = false }
        ),
        Dialogue("STARTTLS then EHLO again", "EHLO c.test\r\nSTARTTLS\r\n", [250, 220]),
        Dialogue("bytes behind STARTTLS", "EHLO c.test\r\nSTARTTLS\r\nNOOP\r\n", [250, 554]),
        Dialogue(
            "submission in clear text",
            "EHLO c.test\r\nMAIL FROM:<>\r\nAUTH PLAIN AGEAYg==\r\n",
            [250, 530, 538],
            .submission
        ),
        Dialogue("submission without AUTH", "EHLO c.test\r\nMAIL FROM:<>\r\n", [250, 530], .submission, tls: true),
        Dialogue(
            "AUTH PLAIN",
            "EHLO c.test\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<>\r\n",
            [250, 235, 250],
            .submission,
            tls: true
        ),
        Dialogue(
            "AUTH with a challenge",
            "EHLO c.test\r\nAUTH plain\r\nAGEAYg==\r\n",
            [250, 334, 235],
            .submission,
            tls: true
        ),
        Dialogue(
            "AUTH cancelled",
            "EHLO c.test\r\nAUTH PLAIN\r\n*\r\nNOOP\r\n",
            [250, 334, 501, 250],
            .submission,
            tls: true
        ),
        Dialogue(
            "AUTH bad base64",
            "EHLO c.test\r\nAUTH PLAIN ?\r\nAUTH PLAIN\r\n?\r\nNOOP\r\n",
            [250, 501, 334, 501, 250],
            .submission,
            tls: true
        ),
        Dialogue("AUTH unknown mechanism", "EHLO c.test\r\nAUTH FOO\r\n", [250, 504], .submission, tls: true),
        Dialogue("AUTH before EHLO", "AUTH PLAIN AGEAYg==\r\n", [503], .submission, tls: true),
        Dialogue(
            "AUTH twice",
            "EHLO c.test\r\nAUTH PLAIN AGEAYg==\r\nAUTH PLAIN AGEAYg==\r\n",
            [250, 235, 503],
            .submission,
            tls: true
        ),
        Dialogue(
            "AUTH in a transaction",
            "EHLO c.test\r\nMAIL FROM:<>\r\nAUTH PLAIN AGEAYg==\r\n",
            [250, 250, 503],
            .submission.with { $0.requiresAuth = false },
            tls: true
        ),
        Dialogue("AUTH where none is", "EHLO c.test\r\nAUTH PLAIN AGEAYg==\r\n", [250, 502]),
        Dialogue(
            "BINARYMIME needs BDAT",
            envelope.replacing("test>\r\nRCPT", with: "test> BODY=BINARYMIME\r\nRCPT") + "DATA\r\n",
            [250, 250, 250, 503]
        ),
        Dialogue("BDAT", envelope + "BDAT 4\r\nhi\r\nBDAT 3 LAST\r\nxyzNOOP\r\n", [250, 250, 250, 250, 250, 250]),
        Dialogue("BDAT 0 LAST", envelope + "BDAT 0 LAST\r\nNOOP\r\n", [250, 250, 250, 250, 250]),
        Dialogue("BDAT without MAIL", "EHLO c.test\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n", [250, 503, 250]),
        Dialogue(
            "BDAT then DATA, MAIL, RCPT",
            envelope + "BDAT 2\r\nhiDATA\r\nMAIL FROM:<>\r\nRCPT TO:<x@example.test>\r\nBDAT 0 LAST\r\n",
            [250, 250, 250, 250, 503, 503, 503, 250]
        ),
        Dialogue("BDAT then RSET", envelope + "BDAT 2\r\nhiRSET\r\nBDAT 2 LAST\r\nhi", [250, 250, 250, 250, 250, 503]),
        Dialogue("BDAT of unknown size closes", "EHLO c.test\r\nBDAT x\r\nNOOP\r\n", [250, 501]),
        Dialogue("QUIT", "QUIT\r\nNOOP\r\n", [221]),
    ]

    @Test("Commands in and out of order", arguments: dialogues)
    func order(_ dialogue: Dialogue) {
        let conversation = ServerConversation(dialogue.configuration, tlsIsActive: dialogue.tls)
        #expect(conversation.say(dialogue.text) == dialogue.codes)
    }

    @Test("The same, octet by octet", arguments: dialogues.filter { $0.name != "bytes behind STARTTLS" })
    func orderOctetByOctet(_ dialogue: Dialogue) {
        let conversation = ServerConversation(dialogue.configuration, tlsIsActive: dialogue.tls)
        #expect(dialogue.text.utf8.flatMap { conversation.say([$0]) } == dialogue.codes)
    }

    @Test("RFC 3207 §4.2: STARTTLS forgets EHLO")
    func startTLSForgets() {
        let conversation = ServerConversation(.submission)
        conversation.say("EHLO c.test\r\n")
        #expect(conversation.say("STARTTLS\r\n") == [220])
        #expect(conversation.say("MAIL FROM:<>\r\n") == [503])
        #expect(conversation.say("EHLO c.test\r\n") == [250])
        #expect(conversation.say("AUTH PLAIN AGEAYg==\r\n") == [235])
    }

    @Test("RFC 3207 §6: clear text behind STARTTLS ends the connection")
    func injection() {
        let together = ServerConversation()
        together.say("EHLO c.test\r\nSTARTTLS\r\nMAIL FROM:<>\r\n")
        #expect(!together.events.contains(.startTLS))
        #expect(together.events.last == .closed)
        let later = ServerConversation()
        later.startsTLS = false
        #expect(later.say("EHLO c.test\r\nSTARTTLS\r\n") == [250, 220])
        #expect(later.say("MAIL FROM:<>\r\n") == [])
        #expect(later.events.last == .closed)
    }

    @Test("RFC 2920 §3.1: DATA behind refused recipients is 554")
    func noRecipients() {
        let conversation = ServerConversation()
        conversation.recipientVerdict = { _ in .noSuchUser }
        #expect(conversation.say(Self.envelope + "DATA\r\n") == [250, 250, 550, 554])
        #expect(
            conversation.say("RSET\r\n" + Self.envelope + "BDAT 5 LAST\r\nQUIT\rNOOP\r\n") == [
                250, 250, 250, 550, 554, 250,
            ]
        )
    }

    @Test("Only accepted recipients are in the envelope")
    func recipients() throws {
        let conversation = ServerConversation()
        conversation.recipientVerdict = { $0.path.description.hasPrefix("no") ? .noSuchUser : .recipientAccepted }
        conversation.say(
            "EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<no@example.test>\r\nRCPT TO:<yes@example.test>\r\nDATA\r\n.\r\n"
        )
        let envelope = conversation.events.compactMap { event -> SMTPEnvelope? in
            guard case .spooled(_, let envelope) = event else { return nil }
            return envelope
        }
        #expect(envelope.map { $0.recipients.map(\.path.description) } == [["yes@example.test"]])
    }

    @Test("RFC 5321 §4.5.3.1.10: too many recipients are 452")
    func recipientLimit() {
        let conversation = ServerConversation(.relay.with { $0.limits.recipients = 2 })
        let rcpt = "RCPT TO:<x@example.test>\r\n"
        #expect(conversation.say("EHLO c.test\r\nMAIL FROM:<>\r\n" + rcpt + rcpt + rcpt) == [250, 250, 250, 250, 452])
    }

    @Test("A message over the limit is read to its end, then refused")
    func tooLarge() {
        let conversation = ServerConversation(.relay.with { $0.limits.messageSize = 10 })
        #expect(
            conversation.say(Self.envelope + "DATA\r\n123456789\r\n.\r\nNOOP\r\n") == [250, 250, 250, 354, 552, 250]
        )
        #expect(
            conversation.say("MAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n12345678\r\n.\r\n") == [
                250, 250, 354, 250,
            ]
        )
        #expect(
            conversation.say("MAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nBDAT 8\r\n12345678BDAT 3 LAST\r\n123NOOP\r\n")
                == [250, 250, 250, 552, 250]
        )
        #expect(conversation.messages == ["12345678\r\n"])
    }

    @Test("A refused first chunk is dropped, and what is pipelined behind it")
    func refusedChunk() {
        let conversation = ServerConversation()
        conversation.beginRefusal = .storageFull
        #expect(
            conversation.say(Self.envelope + "BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n") == [
                250, 250, 250, 452, 503, 250,
            ]
        )
        #expect(conversation.messages.isEmpty)
    }

    @Test("Text chunks obey the rules of lines, binary ones do not", arguments: [true, false])
    func chunkLineEndings(isBinary: Bool) {
        let conversation = ServerConversation()
        let body = isBinary ? " BODY=BINARYMIME" : ""
        let mail = "EHLO c.test\r\nMAIL FROM:<>\(body)\r\nRCPT TO:<b@example.test>\r\n"
        #expect(
            conversation.say(mail + "BDAT 3\r\na\r\nBDAT 3 LAST\r\nb\nc") == [250, 250, 250, 250, isBinary ? 250 : 554]
        )
        #expect(conversation.messages == (isBinary ? ["a\r\nb\nc"] : []))
        // The chunk ends between CR and LF: legal.
        #expect(conversation.say(mail + "BDAT 2\r\na\rBDAT 2 LAST\r\n\nb") == [250, 250, 250, 250, 250])
    }

    @Test("Limits end the session with 421")
    func limits() {
        let errors = ServerConversation(.relay.with { $0.limits.errors = 3 })
        #expect(errors.say("A\r\nB\r\nC\r\nNOOP\r\n") == [500, 500, 500, 421])
        #expect(errors.events.last == .closed)
        let commands = ServerConversation(.relay.with { $0.limits.unproductiveCommands = 2 })
        #expect(commands.say("NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n") == [250, 250, 250, 421])
        let messages = ServerConversation(.relay.with { $0.limits.transactions = 1 })
        #expect(messages.say(Self.envelope + "DATA\r\n.\r\nMAIL FROM:<>\r\n") == [250, 250, 250, 354, 250, 421])
        let auth = ServerConversation(.submission.with { $0.limits.authFailures = 2 }, tlsIsActive: true)
        auth.authOutcome = .refused(.badCredentials)
        #expect(auth.say("EHLO c.test\r\nAUTH PLAIN AGEAYg==\r\nAUTH PLAIN AGEAYg==\r\n") == [250, 535, 535, 421])
        let guesses = ServerConversation(.relay.with { $0.limits.refusedRecipients = 2 })
        guesses.recipientVerdict = { _ in .noSuchUser }
        let rcpt = "RCPT TO:<x@example.test>\r\n"
        #expect(guesses.say("EHLO c.test\r\nMAIL FROM:<>\r\n" + rcpt + rcpt + rcpt) == [250, 250, 550, 550, 421])
    }

    @Test("Input is held while a question is open, up to a limit")
    func heldInput() {
        let probe = ServerProbe(.relay.with { $0.limits.heldInput = 100 })
        _ = probe.next()
        probe.receive("HELO c.test\r\nMAIL FROM:<>\r\n")
        #expect(probe.next() == .reply(.hello("mail.example.test")))
        #expect(probe.next() == .checkSender(SMTPSender(.null)))
        probe.receive(String(repeating: "A", count: 100))
        #expect(probe.next() == nil)
        probe.receive(String(repeating: "A", count: 1))
        #expect(probe.next() == .reply(.tooManyCommands))
        #expect(probe.next() == .close)
    }

    @Test("421 as a verdict closes")
    func verdict421() {
        let conversation = ServerConversation()
        conversation.senderVerdict = .shuttingDown
        #expect(conversation.say("EHLO c.test\r\nMAIL FROM:<>\r\nNOOP\r\n") == [250, 421])
        #expect(conversation.events.last == .closed)
    }

    @Test("Shutdown drops an unfinished message, and waits for a verdict")
    func shutdown() throws {
        let conversation = ServerConversation()
        conversation.say(Self.envelope + "DATA\r\nhalf")
        conversation.shutDown(.shuttingDown)
        #expect(conversation.events.suffix(3) == [.abandoned, .reply(.shuttingDown), .closed])
        let probe = ServerProbe()
        probe.receive(Self.envelope + "DATA\r\n.\r\n")
        var isComplete = false
        while let action = probe.next() {
            switch action {
            case .checkSender: probe.machine.senderVerdict(.senderAccepted)
            case .checkRecipient: probe.machine.recipientVerdict(.recipientAccepted)
            case .beginMessage: probe.machine.messageBegun()
            case .messageComplete: isComplete = true
            default: ()
            }
        }
        #expect(isComplete)
        probe.machine.shutDown(.shuttingDown)
        #expect(probe.next() == nil)
        probe.machine.messageVerdict(.queued(as: "1"))
        #expect(probe.next() == .reply(.queued(as: "1")))
        #expect(probe.next() == .reply(.shuttingDown))
        #expect(probe.next() == .close)
    }

    @Test("A failed spool is told at the end of data")
    func spoolFails() {
        let probe = ServerProbe()
        probe.receive(Self.envelope + "DATA\r\nhi\r\n.\r\n")
        var last: SMTPServerMachine.Action?
        while let action = probe.next() {
            last = action
            switch action {
            case .checkSender: probe.machine.senderVerdict(.senderAccepted)
            case .checkRecipient: probe.machine.recipientVerdict(.recipientAccepted)
            case .beginMessage: probe.machine.messageBegun()
            case .messageBytes: probe.machine.messageFailed(.storageFull)
            default: ()
            }
        }
        #expect(last == .reply(.storageFull))
    }

    @Test("Credentials are silent when printed")
    func redaction() {
        let action = SMTPServerMachine.Action.authenticate(
            mechanism: "PLAIN",
            initialResponse: SensitiveBytes(Array("geheim".utf8))
        )
        #expect(!"\(action)".contains("103") && !String(reflecting: action).contains("103"))
        var text = ""
        dump(action, to: &text)
        #expect(!text.contains("103"))
    }
}
