import Accounts
import Logging
import MailDelivery
import MailModel
import MailPorts
import NIOCore
import NIOSSL
import NIOTLS
import NetKit
import SASLMechanisms
import SMTPWire

/// One SMTP connection: moves bytes between the socket and the machine, and does what the machine asks for.
///
/// Lives on its channel's event loop. Questions that need a store run elsewhere and are answered here; until then the machine
/// wants no bytes, and the socket is not read.
final class SMTPConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// What is known of the transaction that MAIL began.
    struct Transaction {
        var queueID: QueueID
        var sender: ReversePath
        /// The SIZE parameter; 0 without.
        var announcedSize: Int
        var expansions: [ForwardPath: RecipientExpansion] = [:]
        var spool: MessageSpool?
        var traceSize = 0
        /// The machine dropped the message; its next refusal says why.
        var isAbandoned = false
    }

    let info: ConnectionInfo
    let settings: SMTPServiceConfiguration
    let backend: SMTPBackend
    let tls: TLSContextStore
    let resolver: RecipientResolver
    let logger: Logger
    var machine: SMTPServerMachine
    var tasks: ConnectionTasks?
    var context: ChannelHandlerContext?
    var transaction: Transaction?
    var exchange: SASLExchange?
    /// Who has signed in.
    var account: Account?
    /// What the account may send as, as of the last MAIL.
    var submitter: Submitter?

    private var isStartingTLS = false
    /// The spool must catch up before the machine goes on.
    private var isSpooling = false
    private var isPumping = false
    /// The service stops: a message under way is finished, then the connection ends.
    private var isQuiescing = false
    private var isReadHeld = false
    private var output = ByteBuffer()
    private var lastActivity = NIODeadline.now()
    private var idleTimer: Scheduled<Void>?

    init(
        _ info: ConnectionInfo,
        machine: SMTPServerConfiguration,
        settings: SMTPServiceConfiguration,
        backend: SMTPBackend,
        tls: TLSContextStore
    ) {
        self.info = info
        self.settings = settings
        self.backend = backend
        self.tls = tls
        self.machine = SMTPServerMachine(machine, tlsIsActive: info.isImplicitTLS)
        resolver = RecipientResolver(directory: backend.directory)
        var logger = backend.logger
        logger[metadataKey: "session"] = "\(info.session)"
        self.logger = logger
    }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        tasks = ConnectionTasks(loop: context.eventLoop)
    }

    func channelActive(context: ChannelHandlerContext) {
        logger.debug("connected", metadata: ["remote": "\(info.remote)", "port": "\(info.localPort)"])
        scheduleIdleCheck(context, after: settings.idleTimeout)
        guard !info.isTrusted else { return pump() }
        let (limiter, now, limit) = (backend.limiter, backend.clock.now(), settings.connectionRate)
        let key = "smtp.connection:\(info.remote)"
        tasks?.run {
            await limiter.count(key, limit: limit, windowSeconds: 60, now: now)
        } then: { [self] decision in
            if decision != .allowed { machine.shutDown(.tooManyConnections) }
            pump()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastActivity = .now()
        machine.receive(unwrapInboundIn(data))
        pump()
    }

    /// Reads wait while the machine has a question open or the spool is behind.
    func read(context: ChannelHandlerContext) {
        guard isStartingTLS || (machine.wantsBytes && !isSpooling) else {
            isReadHeld = true
            return
        }
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ConnectionQuiescing:
            isQuiescing = true
            pump()
        case TLSUserEvent.handshakeCompleted where isStartingTLS:
            isStartingTLS = false
            machine.tlsEstablished()
            account = nil
            submitter = nil
            pump()
        case ChannelEvent.inputClosed:
            context.close(promise: nil)
        default:
            break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("connection failed", metadata: ["cause": "\(error)"])
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        logger.debug("disconnected")
        idleTimer?.cancel()
        tasks?.cancel()
        transaction?.spool?.discard()
        transaction = nil
        exchange = nil
        self.context = nil
    }

    // MARK: - The machine

    /// Performs actions until the machine needs bytes or an answer, then flushes.
    func pump() {
        guard !isPumping, let context else { return }
        isPumping = true
        while !isSpooling, let action = machine.next() { perform(action, context) }
        if isQuiescing, transaction?.spool == nil {
            isQuiescing = false
            machine.shutDown(.shuttingDown)
            while let action = machine.next() { perform(action, context) }
        }
        isPumping = false
        guard context.channel.isActive else { return }
        if output.readableBytes > 0 {
            context.writeAndFlush(wrapOutboundOut(output), promise: nil)
            output = ByteBuffer()
        }
        if isReadHeld, isStartingTLS || (machine.wantsBytes && !isSpooling) {
            isReadHeld = false
            context.read()
        }
    }

    private func perform(_ action: SMTPServerMachine.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .reply(let reply): send(reply)
        case .checkSender(let sender): check(sender)
        case .checkRecipient(let recipient): check(recipient)
        case .beginMessage(let envelope): begin(envelope, context)
        case .messageBytes(let octets): append(octets)
        case .messageComplete(let envelope, let size): complete(envelope, size)
        case .abandonMessage: abandon()
        case .authenticate(let mechanism, let response): authenticate(mechanism, response)
        case .authResponse(let response): respond(response)
        case .authCancelled: exchange = nil
        case .startTLS(let reply): startTLS(reply, context)
        case .close:
            context.writeAndFlush(wrapOutboundOut(output)).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
            output = ByteBuffer()
        }
    }

    private func send(_ reply: SMTPReply) {
        reply.encode(into: &output)
        if reply.code >= 400 { noteRefusal(reply) }
    }

    private func startTLS(_ reply: SMTPReply, _ context: ChannelHandlerContext) {
        reply.encode(into: &output)
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
        output = ByteBuffer()
        isStartingTLS = true
        do {
            try context.pipeline.syncOperations.addHandler(
                NIOSSLServerHandler(context: tls.context()),
                position: .first
            )
        } catch {
            context.close(promise: nil)
        }
    }

    /// Pauses the machine until the future is done.
    func pause<Value: Sendable>(
        for future: EventLoopFuture<Value>,
        _ then: @escaping (Result<Value, any Error>) -> Void
    ) {
        isSpooling = true
        future.assumeIsolated().whenComplete { [self] result in
            isSpooling = false
            then(result)
            pump()
        }
    }

    // MARK: - Silence

    private func scheduleIdleCheck(_ context: ChannelHandlerContext, after delay: TimeAmount) {
        idleTimer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { [self] in
            guard let context = self.context else { return }
            // A client that waits for our answer is not silent.
            guard machine.wantsBytes || isStartingTLS else {
                return scheduleIdleCheck(context, after: settings.idleTimeout)
            }
            let silence = NIODeadline.now() - lastActivity
            guard silence >= settings.idleTimeout else {
                return scheduleIdleCheck(context, after: settings.idleTimeout - silence)
            }
            guard !isStartingTLS else { return context.close(promise: nil) }
            machine.shutDown(.idleTooLong)
            pump()
        }
    }
}
