import MailModel
import MailPorts
import NIOCore
import NIOPosix
import SMTPTransport
import SMTPWire
import Testing

enum Conversation {
    /// A server that takes one message, command by command.
    static func taken(capabilities: String..., recipients: [String] = ["250 ok"], isPipelined: Bool = false) -> [Step] {
        var steps: [Step] = [.say("220 hi\r\n"), .expect("EHLO")]
        let lines = ["hi"] + capabilities
        steps.append(.say(lines.enumerated().map { "250\($0 == lines.count - 1 ? " " : "-")\($1)\r\n" }.joined()))
        if isPipelined {
            steps.append(.lines(2 + recipients.count))
            steps.append(.say((["250 ok"] + recipients + ["354 go"]).map { "\($0)\r\n" }.joined()))
        } else {
            steps += [.expect("MAIL FROM:<a@own.test>"), .say("250 ok\r\n")]
            for reply in recipients { steps += [.expect("RCPT TO:"), .say("\(reply)\r\n")] }
            steps += [.expect("DATA"), .say("354 go\r\n")]
        }
        return steps + [.message, .say("250 taken\r\n"), .expect("QUIT"), .say("221 bye\r\n"), .close]
    }
}

/// Takes connections, greets and agrees to all, but stops reading at DATA.
final class DeafServer: Sendable {
    private let channel: any Channel
    var port: Int { channel.localAddress?.port ?? 0 }

    init() async throws {
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelOption(.socketOption(.so_rcvbuf), value: 8_192)
            .childChannelInitializer { channel in channel.pipeline.addHandler(Handler()) }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func stop() async { try? await channel.close() }

    private final class Handler: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelActive(context: ChannelHandlerContext) { answer("220 hi", context) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let line = String(buffer: unwrapInboundIn(data))
            guard line.hasPrefix("DATA") else { return answer("250 ok", context) }
            answer("354 go", context)
            context.channel.setOption(.autoRead, value: false).whenComplete { _ in }
        }

        private func answer(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "\(text)\r\n")), promise: nil)
        }
    }
}

/// What a server offers and refuses decides how, and whether, a message goes to it.
@Suite(.timeLimit(.minutes(2))) struct ConversationTests {
    @Test func withPipeliningEverythingGoesAtOnce() async throws {
        var sending = Sending()
        sending.recipients = ["b@remote.test", "c@remote.test", "d@remote.test"]
        let replies = ["250 ok", "550 5.1.1 nobody", "450 4.2.1 later"]
        for isPipelined in [true, false] {
            let script = Conversation.taken(
                capabilities: isPipelined ? "PIPELINING" : "X",
                recipients: replies,
                isPipelined: isPipelined
            )
            let (report, record) = try await sending.run(script)
            let results = ["accepted 250 taken", "permanent 550 5.1.1 nobody", "transient 450 4.2.1 later"]
            #expect(report.results.map(\.text) == results.map { "\($0) (mail.remote.test)" })
            #expect(report.reached && record.messages.count == 1)
        }
    }

    @Test func withoutRecipientsNothingIsSent() async throws {
        let script: [Step] = [
            .say("220 hi\r\n"), .expect("EHLO"), .say("250-hi\r\n250 PIPELINING\r\n"), .lines(3),
            .say("250 ok\r\n550 5.1.1 nobody\r\n354 go\r\n"), .expect("."), .say("554 5.5.1 no recipients\r\n"),
            .expect("QUIT"), .close,
        ]
        let (report, record) = try await Sending().run(script)
        #expect(report.results.map(\.text) == ["permanent 550 5.1.1 nobody (mail.remote.test)"])
        #expect(record.messages.isEmpty)
    }

    @Test func whoDoesNotKnowEHLOGetsHELO() async throws {
        let script: [Step] = [
            .say("220 hi\r\n"), .expect("EHLO"), .say("502 what\r\n"), .expect("HELO mail.own.test"),
            .say("250 hi\r\n"),
            .expect("MAIL FROM:<a@own.test>"), .say("250 ok\r\n"), .expect("RCPT"), .say("250 ok\r\n"), .expect("DATA"),
            .say("354 go\r\n"), .message,
            .say("250 taken\r\n"), .expect("QUIT"), .close,
        ]
        let (report, record) = try await Sending().run(script)
        #expect(report.results.map(\.text) == ["accepted 250 taken (mail.remote.test)"])
        #expect(record.lines.contains("MAIL FROM:<a@own.test>"))
    }

    struct Obstacle: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let capabilities: String
        let result: String
        let adjust: @Sendable (inout Sending) -> Void
        init(
            _ name: String,
            _ capabilities: String,
            _ result: String,
            _ adjust: @escaping @Sendable (inout Sending) -> Void
        ) {
            (testDescription, self.capabilities, self.result, self.adjust) = (name, capabilities, result, adjust)
        }
    }

    static let obstacles = [
        Obstacle("8BITMIME", "X", "permanent 554 5.6.3 8BITMIME is needed but not offered") { $0.is8Bit = true },
        Obstacle("SMTPUTF8", "8BITMIME", "permanent 554 5.6.7 SMTPUTF8 is needed but not offered") {
            $0.needsSMTPUTF8 = true
        },
        Obstacle("UTF-8 recipient", "8BITMIME", "permanent 553 5.6.7 SMTPUTF8 is needed but not offered") {
            $0.recipients = ["é@remote.test"]
        },
        Obstacle("SIZE", "SIZE 10", "permanent 552 5.3.4 Message of 20 octets exceeds the server's limit of 10") { _ in
        },
        Obstacle("verified without STARTTLS", "X", "transient 454 4.7.4 STARTTLS is required but not offered") {
            $0.tls = .verified
        },
        Obstacle(
            "AUTH without TLS",
            "AUTH PLAIN",
            "transient 454 4.7.11 TLS is required for authentication but not offered"
        ) {
            $0.authentication = ("u", "p")
        },
    ]

    @Test(arguments: obstacles) func whatIsNotOfferedIsNotTried(_ obstacle: Obstacle) async throws {
        var sending = Sending()
        obstacle.adjust(&sending)
        let script: [Step] = [
            .say("220 hi\r\n"), .expect("EHLO"), .say("250-hi\r\n250 \(obstacle.capabilities)\r\n"), .expect("QUIT"),
        ]
        let (report, record) = try await sending.run(script)
        #expect(report.results.map(\.text) == ["\(obstacle.result) (mail.remote.test)"])
        #expect(!record.lines.contains { $0.hasPrefix("MAIL") || $0.hasPrefix("AUTH") })
    }

    @Test func extensionsAreUsedWhereTheyAreNeeded() async throws {
        var sending = Sending()
        sending.is8Bit = true
        sending.needsSMTPUTF8 = true
        let (report, record) = try await sending.run(Conversation.taken(capabilities: "8BITMIME", "SMTPUTF8", "SIZE 0"))
        #expect(report.results.map(\.text) == ["accepted 250 taken (mail.remote.test)"])
        #expect(record.lines.contains("MAIL FROM:<a@own.test> SIZE=20 BODY=8BITMIME SMTPUTF8"))
    }

    // MARK: - TLS

    private static let offer: [Step] = [
        .say("220 hi\r\n"), .expect("EHLO"), .say("250-hi\r\n250 STARTTLS\r\n"), .expect("STARTTLS"),
    ]

    @Test func starttlsIsUsedWhenOffered() async throws {
        let (report, record) = try await Sending().run(
            Self.offer + [.say("220 go\r\n"), .startTLS] + Conversation.taken(capabilities: "X").dropFirst()
        )
        #expect(report.results.map(\.text) == ["accepted 250 taken (mail.remote.test)"])
        #expect(report.attempt.tls != nil && record.connections == 1)
    }

    @Test func aRefusedSTARTTLSIsNoObstacleToOpportunism() async throws {
        let (report, record) = try await Sending().run(
            Self.offer + [.say("454 4.7.0 not now\r\n")] + Conversation.taken().dropFirst(3)
        )
        #expect(report.results.map(\.text) == ["accepted 250 taken (mail.remote.test)"])
        #expect(report.attempt.tls == nil && record.connections == 1)
    }

    @Test func aBrokenHandshakeIsTriedAgainInClearText() async throws {
        for broken in [Step.say("this is no TLS\r\n"), .close] {
            let (report, record) = try await Sending().run(
                Self.offer + [.say("220 go\r\n"), .anything, broken],
                Conversation.taken(capabilities: "STARTTLS")
            )
            #expect(report.results.map(\.text) == ["accepted 250 taken (mail.remote.test)"])
            #expect(record.connections == 2 && report.attempt.transcript.contains("-- again without TLS"))
        }
    }

    @Test func whatMustBeVerifiedIsNeverSentOtherwise() async throws {
        var sending = Sending()
        sending.tls = .verified
        for steps in [Self.offer + [.say("454 4.7.0 not now\r\n")], Self.offer + [.say("220 go\r\n"), .startTLS]] {
            let (report, record) = try await sending.run(steps)
            #expect(report.results.allSatisfy { $0.text.hasPrefix("transient 4") })
            #expect(!report.reached && record.connections == 1 && !record.lines.contains { $0.hasPrefix("MAIL") })
        }
    }
}
