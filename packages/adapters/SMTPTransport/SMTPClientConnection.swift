import MailModel
import MailPorts
import NIOCore
import NIOSSL
import NIOTLS
import NetKit
import SMTPWire

/// One outbound connection: moves bytes between the socket and the client machine.
final class SMTPClientConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Plan: Sendable {
        var message: OutboundMessage
        var host: RemoteHost
        var policy: RemotePolicy
        var tls: RemotePolicy.TLS
        var limits: SMTPTransport.TimeLimits
    }

    struct Outcome: Sendable {
        var result: SMTPClientResult
        var transcript: String
        var tls: String?
        /// The handshake failed before anything was sent: the same may work without TLS.
        var hasTLSFailed: Bool

        static func unreachable(_ reason: String, recipients: Int) -> Outcome {
            let reply = SMTPReply(451, EnhancedStatus(4, 4, 1), reason)
            return Outcome(
                result: SMTPClientResult(
                    reached: false,
                    outcomes: Array(repeating: .transient(reply), count: recipients)
                ),
                transcript: "-- \(reason)\n",
                tls: nil,
                hasTLSFailed: false
            )
        }
    }

    /// Octets of the message read at once.
    private static let chunk = 64 << 10

    private let plan: Plan
    private let outcome: EventLoopPromise<Outcome>
    private var machine: SMTPClientMachine
    private var tasks: ConnectionTasks?
    private var context: ChannelHandlerContext?
    private var stuffer = DotStuffer()
    private var sent = 0
    private var isStartingTLS = false
    private var hasTLSFailed = false
    private var tlsVersion: String?
    private var isPumping = false
    private var timer: Scheduled<Void>?
    /// Replies that had been read when the timer began.
    private var repliesSeen = -1

    init(_ plan: Plan, outcome: EventLoopPromise<Outcome>) {
        self.plan = plan
        self.outcome = outcome
        let tls: SMTPClientMachine.TLS =
            switch plan.tls {
            case .opportunistic: .opportunistic
            case .verified, .encrypted: .required
            case .implicit: .implicit
            case .none: .none
            }
        machine = SMTPClientMachine(
            SMTPClientMachine.Transaction(
                heloName: plan.policy.heloName,
                tls: tls,
                credentials: plan.policy.authentication.map {
                    SMTPClientCredentials(user: $0.user, password: $0.password)
                },
                sender: plan.message.sender,
                recipients: plan.message.recipients,
                size: plan.message.size,
                needsSMTPUTF8: plan.message.needsSMTPUTF8,
                is8Bit: plan.message.is8Bit
            )
        )
    }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        tasks = ConnectionTasks(loop: context.eventLoop)
    }

    func channelActive(context: ChannelHandlerContext) {
        if case .implicit = plan.tls { isStartingTLS = true }
        pump()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        machine.receive(unwrapInboundIn(data))
        pump()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted = event else { return context.fireUserInboundEventTriggered(event) }
        isStartingTLS = false
        let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
        tlsVersion = handler?.tlsVersion.map { "\($0)" } ?? "TLS"
        machine.tlsEstablished()
        pump()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(isStartingTLS ? "TLS handshake failed" : "connection failed")
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(isStartingTLS ? "TLS handshake failed" : "connection closed by the host")
        timer?.cancel()
        tasks?.cancel()
        self.context = nil
        // Nothing that the machine did not say by now comes later.
        outcome.succeed(.unreachable("connection closed", recipients: plan.message.recipients.count))
    }

    private func fail(_ reason: String) {
        if isStartingTLS { hasTLSFailed = true }
        machine.connectionFailed(reason)
        pump()
    }

    // MARK: - The machine

    private func pump() {
        guard !isPumping, let context else { return }
        isPumping = true
        var hasActed = false
        while let action = machine.next() {
            perform(action, context)
            hasActed = true
        }
        isPumping = false
        context.flush()
        // Octets alone buy no time: a reply must be whole within its limit.
        guard hasActed || machine.repliesRead != repliesSeen else { return }
        repliesSeen = machine.repliesRead
        restartTimer(context)
    }

    private func perform(_ action: SMTPClientMachine.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .send(let octets):
            context.write(wrapOutboundOut(octets), promise: nil)
        case .startTLS:
            startTLS(context)
        case .sendBody:
            sendBody()
        case .finished(let result):
            outcome.succeed(
                Outcome(result: result, transcript: machine.transcript, tls: tlsVersion, hasTLSFailed: hasTLSFailed)
            )
        case .close:
            context.flush()
            context.close(promise: nil)
        }
    }

    private func startTLS(_ context: ChannelHandlerContext) {
        isStartingTLS = true
        var verifies = false
        if case .verified = plan.tls { verifies = true }
        do {
            let handler = try OutboundTLS.handler(for: plan.host.name, verifies: verifies)
            try context.pipeline.syncOperations.addHandler(handler, position: .first)
        } catch {
            hasTLSFailed = true
            machine.connectionFailed("TLS cannot be set up")
        }
    }

    // MARK: - The message

    /// Reads and writes one piece after the other: what the peer does not take is not read.
    private func sendBody() {
        let (message, range) = (plan.message, sent..<min(sent + Self.chunk, plan.message.size))
        guard !range.isEmpty else { return finishBody() }
        tasks?.run { () -> ByteBuffer? in
            do throws(StoreError) {
                return try await message.read(range)
            } catch {
                return nil
            }
        } then: { [self] piece in
            guard let context else { return }
            guard let piece, piece.readableBytes > 0 else {
                machine.bodyFailed()
                return pump()
            }
            sent += piece.readableBytes
            var stuffed = ByteBuffer()
            stuffer.write(piece, into: &stuffed)
            context.writeAndFlush(wrapOutboundOut(stuffed)).assumeIsolated().whenSuccess { [self] in
                restartTimer(context)
                sendBody()
            }
        }
    }

    private func finishBody() {
        guard let context else { return }
        var end = ByteBuffer()
        stuffer.finish(into: &end)
        context.writeAndFlush(wrapOutboundOut(end), promise: nil)
        machine.bodySent()
        restartTimer(context)
        pump()
    }

    // MARK: - Time

    private func restartTimer(_ context: ChannelHandlerContext) {
        timer?.cancel()
        guard context.channel.isActive else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: plan.limits(machine.awaiting)) {
            [self] in
            fail("no answer in time")
            self.context?.close(promise: nil)
        }
    }
}
