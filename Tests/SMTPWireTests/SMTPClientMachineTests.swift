import MailModel
import Testing

@testable import SMTPWire

@Suite("SMTP client machine")
struct SMTPClientMachineTests {
    static let greeting = "220 mx.remote.test ESMTP\r\n"
    static let full = "250-mx.remote.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
    static let simple = "250 mx.remote.test\r\n"
    static let go = "354 go\r\n"
    static let ok = "250 2.0.0 ok\r\n"

    @Test("With PIPELINING the envelope leaves at once", arguments: [false, true])
    func pipelined(perOctet: Bool) throws {
        let probe = ClientProbe(.example { $0.is8Bit = true })
        #expect(probe.awaiting == .greeting)
        probe.play([Self.greeting], perOctet: perOctet)
        #expect(probe.awaiting == .hello)
        probe.play([Self.full], perOctet: perOctet)
        #expect(probe.awaiting == .mail)
        probe.play(["250 2.1.0 ok\r\n550 5.1.1 no such user\r\n250 2.1.5 ok\r\n", Self.go], perOctet: perOctet)
        #expect(probe.awaiting == .dataTermination)
        probe.play(["250 2.0.0 queued\r\n"], perOctet: perOctet)
        let result = try #require(probe.result)
        #expect(result.reached)
        #expect(
            result.outcomes == [
                .permanent(SMTPReply(550, EnhancedStatus(5, 1, 1), "no such user")),
                .accepted(SMTPReply(250, EnhancedStatus(2, 0, 0), "queued")),
            ]
        )
        #expect(
            probe.sent == [
                "EHLO out.example.test\r\n",
                "MAIL FROM:<a@example.test> SIZE=100 BODY=8BITMIME\r\nRCPT TO:<b@remote.test>\r\nRCPT TO:<c@remote.test>\r\nDATA\r\n",
                "QUIT\r\n",
            ]
        )
        #expect(!probe.isClosed)
        probe.play(["221 bye\r\n"])
        #expect(probe.isClosed)
    }

    @Test("Without PIPELINING one command at a time")
    func oneByOne() throws {
        let probe = ClientProbe(.example())
        probe.play([Self.greeting, Self.simple, Self.ok, Self.ok, "450 4.2.1 later\r\n", Self.go, Self.ok])
        #expect(
            probe.sent == [
                "EHLO out.example.test\r\n", "MAIL FROM:<a@example.test>\r\n", "RCPT TO:<b@remote.test>\r\n",
                "RCPT TO:<c@remote.test>\r\n", "DATA\r\n",
                "QUIT\r\n",
            ]
        )
        let outcomes = try #require(probe.result).outcomes
        #expect(
            outcomes == [
                .accepted(SMTPReply(250, EnhancedStatus(2, 0, 0), "ok")),
                .transient(SMTPReply(450, EnhancedStatus(4, 2, 1), "later")),
            ]
        )
    }

    struct Failure: CustomTestStringConvertible {
        let name: String
        let answers: [String]
        let reached: Bool
        /// The class of each recipient's reply.
        let classes: [Character]
        let bodies: Int
        init(_ name: String, _ answers: [String], reached: Bool = true, _ classes: String, bodies: Int = 0) {
            self.name = name
            self.answers = answers
            self.reached = reached
            self.classes = Array(classes)
            self.bodies = bodies
        }
        var testDescription: String { name }
    }

    static let failures: [Failure] = [
        Failure("greeting 554", ["554 no\r\n"], reached: false, "55"),
        Failure("greeting 421", ["421 busy\r\n"], reached: false, "44"),
        Failure("not SMTP", ["SSH-2.0-x\r\n"], reached: false, "44"),
        Failure("EHLO 450", [greeting, "450 later\r\n"], reached: false, "44"),
        Failure("EHLO and HELO refused", [greeting, "502 what\r\n", "550 no\r\n"], reached: false, "55"),
        Failure("MAIL refused", [greeting, simple, "550 5.7.1 no\r\n"], "55"),
        Failure("MAIL deferred", [greeting, simple, "451 4.7.1 later\r\n"], "44"),
        Failure("MAIL refused, pipelined", [greeting, full, "550 5.7.1 no\r\n503 a\r\n503 b\r\n503 c\r\n"], "55"),
        Failure(
            "MAIL refused, pipelined, 354",
            [greeting, full, "550 5.7.1 no\r\n503 a\r\n503 b\r\n354 c\r\n554 none\r\n"],
            "55"
        ),
        Failure("RCPT refused", [greeting, simple, ok, "550 a\r\n", "450 b\r\n"], "54"),
        Failure("RCPT refused, pipelined", [greeting, full, ok + "550 a\r\n450 b\r\n554 none\r\n"], "54"),
        Failure("RCPT refused, pipelined, 354", [greeting, full, ok + "550 a\r\n550 b\r\n354 go\r\n", ok], "55"),
        Failure("DATA refused", [greeting, full, ok + "550 a\r\n" + ok + "451 d\r\n"], "54"),
        Failure("DATA answered with 250", [greeting, full, ok + ok + ok + ok], "44"),
        Failure("message refused", [greeting, full, ok + ok + ok + go, "554 5.7.1 spam\r\n"], "55", bodies: 1),
        Failure(
            "message deferred",
            [greeting, full, ok + ok + "550 no\r\n" + go, "451 4.7.1 greylisted\r\n"],
            "45",
            bodies: 1
        ),
        Failure("421 in the envelope", [greeting, full, ok + "550 a\r\n421 bye\r\n"], reached: false, "54"),
        Failure("421 after the dot", [greeting, full, ok + ok + ok + go, "421 bye\r\n"], "44", bodies: 1),
    ]

    @Test("Failures and whom they concern", arguments: failures)
    func failing(_ failure: Failure) throws {
        let probe = ClientProbe(.example())
        probe.play(failure.answers)
        let result = try #require(probe.result)
        #expect(result.reached == failure.reached)
        let classes = result.outcomes.map { outcome -> Character in
            switch outcome {
            case .accepted: "2"
            case .transient: "4"
            case .permanent: "5"
            }
        }
        #expect(classes == failure.classes)
        #expect(probe.bodies == failure.bodies)
    }

    @Test("RFC 2920 §3.1: 354 for nobody is answered with a single dot")
    func singleDot() {
        let probe = ClientProbe(.example())
        probe.play([Self.greeting, Self.full, Self.ok + "550 a\r\n550 b\r\n354 go\r\n"])
        #expect(probe.sent.last == ".\r\n")
        #expect(probe.bodies == 0)
        probe.play([Self.ok])
        #expect(probe.sent.last == "QUIT\r\n")
    }

    @Test("HELO where EHLO is unknown, without parameters")
    func helo() {
        let probe = ClientProbe(.example { $0.recipients.removeLast() })
        probe.play([Self.greeting, "502 what\r\n", "250-mx\r\n250-PIPELINING\r\n250 SIZE\r\n", Self.ok])
        #expect(
            probe.sent.prefix(3) == [
                "EHLO out.example.test\r\n", "HELO out.example.test\r\n", "MAIL FROM:<a@example.test>\r\n",
            ]
        )
    }

    struct Need: CustomTestStringConvertible {
        let name: String
        let change: @Sendable (inout SMTPClientMachine.Transaction) -> Void
        let offer: String
        let status: EnhancedStatus
        var testDescription: String { name }
    }

    static let needs: [Need] = [
        Need(name: "8BITMIME", change: { $0.is8Bit = true }, offer: simple, status: EnhancedStatus(5, 6, 3)),
        Need(name: "SMTPUTF8", change: { $0.needsSMTPUTF8 = true }, offer: simple, status: EnhancedStatus(5, 6, 7)),
        Need(
            name: "SMTPUTF8 of the sender",
            change: { $0.sender = .address(EmailAddress(uncheckedLocalPart: "ü", domain: "example.test")) },
            offer: simple,
            status: EnhancedStatus(5, 6, 7)
        ),
        Need(name: "SIZE", change: { $0.size = 1001 }, offer: full, status: EnhancedStatus(5, 3, 4)),
        Need(
            name: "an address that would break its command",
            change: {
                $0.recipients = [0, 1].map {
                    EmailAddress(uncheckedLocalPart: "b>\r\nRSET\($0)", domain: "remote.test")
                }
            },
            offer: full,
            status: EnhancedStatus(5, 1, 3)
        ),
    ]

    @Test("What the server cannot take is refused before MAIL", arguments: needs)
    func obstacles(_ need: Need) throws {
        let probe = ClientProbe(.example(need.change))
        probe.play([Self.greeting, need.offer])
        let result = try #require(probe.result)
        #expect(result.reached)
        #expect(result.outcomes.allSatisfy { $0.reply.status == need.status && $0.reply.isPermanent })
        #expect(probe.sent == ["EHLO out.example.test\r\n", "QUIT\r\n"])
    }

    @Test("One recipient that needs SMTPUTF8 does not hold the others back")
    func mixedRecipients() throws {
        let probe = ClientProbe(
            .example { $0.recipients.append(EmailAddress(uncheckedLocalPart: "ü", domain: "remote.test")) }
        )
        probe.play([Self.greeting, Self.simple, Self.ok, Self.ok, Self.ok, Self.go, Self.ok])
        let outcomes = try #require(probe.result).outcomes
        #expect(outcomes.map(\.reply.code) == [250, 250, 553])
    }

    @Test("SMTPUTF8 is said where it is needed")
    func utf8() {
        let probe = ClientProbe(.example { $0.needsSMTPUTF8 = true })
        probe.play([Self.greeting, Self.full])
        #expect(probe.sent.last?.hasPrefix("MAIL FROM:<a@example.test> SIZE=100 SMTPUTF8\r\n") == true)
    }

    // MARK: - TLS and AUTH

    static let offersTLS = "250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"

    @Test("STARTTLS, then EHLO anew; clear-text promises are forgotten")
    func startTLS() {
        let probe = ClientProbe(.example { $0.tls = .opportunistic })
        probe.play([Self.greeting, "250-mx\r\n250-STARTTLS\r\n250 SIZE 10\r\n", "220 go\r\n"])
        #expect(probe.tlsStarted)
        probe.play([Self.simple])
        #expect(
            probe.sent == [
                "EHLO out.example.test\r\n", "STARTTLS\r\n", "EHLO out.example.test\r\n",
                "MAIL FROM:<a@example.test>\r\n",
            ]
        )
    }

    @Test("RFC 3207 §6: replies behind STARTTLS's end the connection")
    func responseInjection() throws {
        let probe = ClientProbe(.example { $0.tls = .opportunistic })
        probe.play([Self.greeting, Self.offersTLS, "220 go\r\n250 evil\r\n"])
        #expect(!probe.tlsStarted && probe.isClosed)
        #expect(try #require(probe.result).reached == false)
        let later = ClientProbe(.example { $0.tls = .opportunistic })
        later.finishesTLS = false
        later.play([Self.greeting, Self.offersTLS, "220 go\r\n", "250 evil\r\n"])
        #expect(later.isClosed)
    }

    @Test("TLS refused: opportunistic goes on, required gives up")
    func refusedTLS() throws {
        let lax = ClientProbe(.example { $0.tls = .opportunistic })
        lax.play([Self.greeting, Self.offersTLS, "454 later\r\n"])
        #expect(lax.sent.last == "MAIL FROM:<a@example.test>\r\n")
        for offer in [Self.offersTLS, Self.simple] {
            let strict = ClientProbe(.example { $0.tls = .required })
            strict.play([Self.greeting, offer, "454 later\r\n"])
            let result = try #require(strict.result)
            #expect(!result.reached && result.outcomes.allSatisfy { $0.reply.isTransient })
        }
    }

    @Test("AUTH PLAIN and LOGIN under TLS, silent in the transcript", arguments: ["PLAIN LOGIN", "LOGIN"])
    func auth(mechanisms: String) {
        let probe = ClientProbe(
            .example {
                $0.tls = .implicit
                $0.credentials = SMTPClientCredentials(user: "user", password: "geheim")
            }
        )
        let isPlain = mechanisms.hasPrefix("PLAIN")
        probe.play([Self.greeting, "250-mx\r\n250 AUTH \(mechanisms)\r\n"])
        probe.play(isPlain ? ["235 2.7.0 ok\r\n"] : ["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", "235 ok\r\n"])
        #expect(
            probe.sent.dropFirst().dropLast()
                == (isPlain ? ["AUTH PLAIN AHVzZXIAZ2VoZWlt\r\n"] : ["AUTH LOGIN\r\n", "dXNlcg==\r\n", "Z2VoZWlt\r\n"])
        )
        #expect(probe.sent.last == "MAIL FROM:<a@example.test>\r\n")
        #expect(probe.transcript.contains("[redacted]"))
        for secret in ["Z2VoZWlt", "geheim", "AHVzZXIAZ2VoZWlt"] { #expect(!probe.transcript.contains(secret)) }
    }

    @Test("No password in clear text; a wrong one is no reason to bounce")
    func authFailures() throws {
        let credentials = SMTPClientCredentials(user: "user", password: "geheim")
        let clear = ClientProbe(
            .example {
                $0.tls = .opportunistic
                $0.credentials = credentials
            }
        )
        clear.play([Self.greeting, "250-mx\r\n250 AUTH PLAIN\r\n"])
        #expect(clear.sent == ["EHLO out.example.test\r\n", "QUIT\r\n"])
        let wrong = ClientProbe(
            .example {
                $0.tls = .implicit
                $0.credentials = credentials
            }
        )
        wrong.play([Self.greeting, "250-mx\r\n250 AUTH PLAIN\r\n", "535 5.7.8 no\r\n"])
        let outcomes = try #require(wrong.result).outcomes
        #expect(outcomes == Array(repeating: .transient(SMTPReply(535, EnhancedStatus(5, 7, 8), "no")), count: 2))
    }

    // MARK: - Broken connections

    @Test("A connection that breaks is transient; after the dot the next host is not tried")
    func broken() throws {
        let early = ClientProbe(.example())
        early.play([Self.greeting, Self.full, Self.ok])
        early.fail("connection reset")
        #expect(
            try #require(early.result)
                == SMTPClientResult(
                    reached: false,
                    outcomes: Array(
                        repeating: .transient(SMTPReply(451, EnhancedStatus(4, 4, 2), "connection reset")),
                        count: 2
                    )
                )
        )
        #expect(early.isClosed)
        let late = ClientProbe(.example())
        late.play([Self.greeting, Self.full, Self.ok + Self.ok + Self.ok + Self.go])
        late.fail("timeout")
        #expect(try #require(late.result).reached)
        let during = ClientProbe(.example())
        during.bodyFailure = "connection reset"
        during.play([Self.greeting, Self.full, Self.ok + Self.ok + Self.ok + Self.go + "552 5.3.4 too large\r\n"])
        #expect(try #require(during.result).outcomes.map(\.reply.code) == [552, 552])
        let unreadable = ClientProbe(.example())
        unreadable.bodyFailure = ""
        unreadable.play([Self.greeting, Self.full, Self.ok + Self.ok + Self.ok + Self.go])
        #expect(try #require(unreadable.result).outcomes.allSatisfy { $0.reply.isTransient })
        #expect(unreadable.isClosed && unreadable.sent.last?.hasPrefix("MAIL") == true)
        let quitting = ClientProbe(.example())
        quitting.play([Self.greeting, Self.full, Self.ok + Self.ok + Self.ok + Self.go, Self.ok])
        quitting.fail("reset")
        #expect(quitting.isClosed)
    }

    @Test("The transcript is bounded and holds no message")
    func transcript() {
        let probe = ClientProbe(.example())
        let long = (0..<200).map { "250-mx \($0) \(String(repeating: "x", count: 200))\r\n" }.joined() + "250 end\r\n"
        probe.play([Self.greeting, long])
        #expect(probe.transcript.utf8.count <= SMTPTranscript.maximumSize)
        #expect(probe.transcript.hasSuffix("...\n"))
        let short = ClientProbe(.example())
        short.play([Self.greeting, Self.full, Self.ok + Self.ok + Self.ok + Self.go, Self.ok, "221 bye\r\n"])
        #expect(
            short.transcript.hasPrefix("S: 220 mx.remote.test ESMTP\nC: EHLO out.example.test\nS: 250-mx.remote.test\n")
        )
        #expect(short.transcript.hasSuffix("C: [message of 100 octets]\nC: .\nS: 250 2.0.0 ok\nC: QUIT\nS: 221 bye\n"))
    }
}
