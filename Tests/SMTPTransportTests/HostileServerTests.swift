import MailModel
import MailPorts
import SMTPTransport
import SMTPWire
import Testing

/// Servers that mean harm or are badly broken: bounded time and memory, nothing lost, nothing sent where it must not go.
@Suite(.timeLimit(.minutes(2))) struct HostileServerTests {
    static let hello: [Step] = [.say("220 hi\r\n"), .expect("EHLO mail.own.test"), .say("250 hi\r\n")]

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [Step]
        let result: String
        var reached = false
        init(_ name: String, _ steps: [Step], _ result: String, reached: Bool = false) {
            (testDescription, self.steps, self.result, self.reached) = (name, steps, result, reached)
        }
    }

    static let broken = [
        Row(
            "endless banner",
            [.forever(String(repeating: "220-x\r\n", count: 100))],
            "transient 451 4.4.2 not an SMTP reply"
        ),
        Row("endless line", [.forever(String(repeating: "2", count: 1_000))], "transient 451 4.4.2 not an SMTP reply"),
        Row(
            "endless reply to EHLO",
            [.say("220 hi\r\n"), .expect("EHLO"), .forever("250-X\r\n")],
            "transient 451 4.4.2 not an SMTP reply"
        ),
        Row("no SMTP at all", [.say("HTTP/1.1 400 Bad Request\r\n")], "transient 451 4.4.2 not an SMTP reply"),
        Row("closes at once", [.close], "transient 451 4.4.2 connection closed by the host"),
        Row(
            "closes after EHLO",
            [.say("220 hi\r\n"), .expect("EHLO"), .close],
            "transient 451 4.4.2 connection closed by the host"
        ),
        Row("554 greeting", [.say("554 5.3.2 no\r\n"), .expect("QUIT")], "permanent 554 5.3.2 no"),
        Row("421 greeting", [.say("421 4.3.2 later\r\n")], "transient 421 4.3.2 later"),
        Row(
            "421 to EHLO",
            [.say("220 hi\r\n"), .expect("EHLO"), .say("421 4.3.2 later\r\n")],
            "transient 421 4.3.2 later"
        ),
        Row("421 to MAIL", hello + [.expect("MAIL"), .say("421 4.3.2 later\r\n")], "transient 421 4.3.2 later"),
        Row(
            "421 to RCPT",
            hello + [.expect("MAIL"), .say("250 ok\r\n"), .expect("RCPT"), .say("421 4.3.2 later\r\n")],
            "transient 421 4.3.2 later"
        ),
        Row(
            "421 to DATA",
            hello + [
                .expect("MAIL"), .say("250 ok\r\n"), .expect("RCPT"), .say("250 ok\r\n"), .expect("DATA"),
                .say("421 4.3.2 later\r\n"),
            ],
            "transient 421 4.3.2 later"
        ),
        Row(
            "250 to DATA",
            hello + [
                .expect("MAIL"), .say("250 ok\r\n"), .expect("RCPT"), .say("250 ok\r\n"), .expect("DATA"),
                .say("250 ok\r\n"), .expect("QUIT"),
            ],
            "transient 250 ok",
            reached: true
        ),
        Row(
            "354 to MAIL",
            hello + [.expect("MAIL"), .say("354 go\r\n"), .expect("QUIT")],
            "transient 354 go",
            reached: true
        ),
    ]

    @Test(arguments: broken) func brokenServersAreLeft(_ row: Row) async throws {
        let (report, record) = try await Sending().run(row.steps)
        #expect(report.results.map(\.text) == ["\(row.result) (mail.remote.test)"])
        #expect(report.reached == row.reached)
        #expect(record.flood < 4 << 20)
    }

    @Test(arguments: ["421 4.3.2 later\r\n", "451 4.3.0 later\r\n", "554 5.7.1 spam\r\n", ""])
    func whatFollowsTheFinalDotDecides(_ reply: String) async throws {
        let steps =
            Self.hello + [
                .expect("MAIL"), .say("250 ok\r\n"), .expect("RCPT"), .say("250 ok\r\n"), .expect("DATA"),
                .say("354 go\r\n"), .message,
                .say(reply), .close,
            ]
        let (report, record) = try await Sending().run(steps)
        let expected =
            reply.isEmpty
            ? "transient 451 4.4.2 connection closed by the host"
            : "\(reply.first == "5" ? "permanent" : "transient") \(reply.dropLast())"
        #expect(report.results.map(\.text) == ["\(expected) (mail.remote.test)"])
        // Another host must not get the message at once: this one may have taken it.
        #expect(report.reached)
        #expect(record.messages == ["Subject: x\r\n\r\nbody\r\n"])
    }

    struct Stage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let steps: [Step]
        let limit: SMTPTimeout
        init(_ name: String, _ steps: [Step], _ limit: SMTPTimeout) {
            (testDescription, self.steps, self.limit) = (name, steps, limit)
        }
    }

    static let stages = [
        Stage("greeting", [], .greeting),
        Stage("dripping greeting", [.drip("220 " + String(repeating: "x", count: 1_000), every: 50)], .greeting),
        Stage("dripping lines", [.drip(String(repeating: "220-x\r\n", count: 200), every: 20)], .greeting),
        Stage("EHLO", [.say("220 hi\r\n")], .hello),
        Stage("STARTTLS", [.say("220 hi\r\n"), .expect("EHLO"), .say("250-hi\r\n250 STARTTLS\r\n")], .startTLS),
        Stage("MAIL", hello, .mail),
        Stage("RCPT", hello + [.expect("MAIL"), .say("250 ok\r\n")], .recipient),
        Stage(
            "DATA",
            hello + [.expect("MAIL"), .say("250 ok\r\n"), .expect("RCPT"), .say("250 ok\r\n")],
            .dataInitiation
        ),
        Stage(
            "final dot",
            hello + [
                .expect("MAIL"), .say("250 ok\r\n"), .expect("RCPT"), .say("250 ok\r\n"), .expect("DATA"),
                .say("354 go\r\n"),
            ],
            .dataTermination
        ),
    ]

    @Test(arguments: stages) func everyWaitHasItsLimit(_ stage: Stage) async throws {
        var sending = Sending()
        sending.hasty = [stage.limit]
        let (report, _) = try await sending.run(stage.steps)
        #expect(report.results.map(\.text) == ["transient 451 4.4.2 no answer in time (mail.remote.test)"])
    }

    @Test func aHandshakeThatHangsIsLeftForClearText() async throws {
        var sending = Sending()
        sending.hasty = [.startTLS]
        let offer: [Step] = [
            .say("220 hi\r\n"), .expect("EHLO"), .say("250-hi\r\n250 STARTTLS\r\n"), .expect("STARTTLS"),
            .say("220 go\r\n"),
        ]
        let (report, record) = try await sending.run(offer, Conversation.taken(capabilities: "STARTTLS"))
        #expect(report.results.map(\.text) == ["accepted 250 taken (mail.remote.test)"])
        #expect(report.attempt.tls == nil && record.connections == 2)
    }

    @Test func aServerThatDoesNotReadIsLeft() async throws {
        var sending = Sending()
        sending.text =
            "Subject: x\r\n\r\n" + String(repeating: String(repeating: "x", count: 70) + "\r\n", count: 400_000)
        sending.hasty = [.dataBlock]
        // The script's reader goes on reading; so this one has a server of its own.
        let deaf = try await DeafServer()
        let report = await sending.send(to: deaf.port)
        await deaf.stop()
        #expect(report.results.map(\.text) == ["transient 451 4.4.2 no answer in time (mail.remote.test)"])
    }

    @Test func repliesInClearTextBehindSTARTTLSAreNotBelieved() async throws {
        let steps: [Step] = [
            .say("220 hi\r\n"), .expect("EHLO"), .say("250-hi\r\n250 STARTTLS\r\n"), .expect("STARTTLS"),
            .say("220 go\r\n250 injected\r\n"),
        ]
        for tls in [RemotePolicy.TLS.opportunistic, .verified] {
            var sending = Sending()
            sending.tls = tls
            let (report, record) = try await sending.run(steps)
            #expect(
                report.results.map(\.text) == [
                    "transient 451 4.4.2 clear text behind the reply to STARTTLS (mail.remote.test)"
                ]
            )
            #expect(!record.lines.contains { $0.hasPrefix("MAIL") })
        }
    }

    @Test func strangeOctetsInRepliesDoNoHarm() async throws {
        let steps: [Step] = [
            .say("220 h\u{1b}[2Jé\n"), .expect("EHLO"), .say("250 \u{0}\u{7f}\n"), .expect("MAIL"),
            .say("550 5.1.0 n\u{8}o\nmore\n"),
        ]
        let (report, _) = try await Sending().run(steps)
        let transcript = report.attempt.transcript
        #expect(!transcript.utf8.contains { ($0 < 32 && $0 != 10) || $0 == 127 })
        #expect(report.results.map(\.text) == ["permanent 550 5.1.0 n?o (mail.remote.test)"])
    }

    @Test func nobodyThereIsTransient() async throws {
        let server = try await ScriptedServer([[.close]])
        let port = server.port
        await server.stop()
        let report = await Sending().send(to: port)
        #expect(!report.reached && report.results.map(\.text).first?.hasPrefix("transient 451 4.4.1 ") == true)
    }
}
