import Accounts
import Logging
import MailDelivery
import MailModel
import MailPolicy
import MailPorts
import NIOCore
import NIOSSL
import NIOTLS
import NetKit
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
        /// What the domains of the recipients so far rule of contents; nil before the first of a domain here.
        var contentRules: ContentRules?
        var spool: MessageSpool?
        var traceSize = 0
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
    private var hasBegun = false
    /// The greeting has been said.
    private var hasReplied = false
    /// The client spoke before it.
    var hasTalkedEarly = false
    var transaction: Transaction?
    var conversation: SASLConversation?
    /// Who has signed in.
    var account: Account?
    /// What the account may send as, as of the last MAIL.
    var submitter: Submitter?

    /// Who tries to sign in.
    var userTried: String?
    /// A TLS handshake is under way: nothing is said, nothing is done.
    private(set) var isHandshaking: Bool
    /// The spool must catch up before the machine goes on.
    private(set) var isSpooling = false
    var progress = Progress()
    var progressTimer: Scheduled<Void>?
    var handshakeTimer: Scheduled<Void>?
    /// Runs while replies do not go out.
    var writeTimer: Scheduled<Void>?
    private var isPumping = false
    /// With what the connection ends once a message under way is finished; nil while it goes on.
    var farewell: SMTPReply?
    /// Why the next refusal is one, for trace and log; the client does not read it.
    var cause: String?
    /// Kept while signed in, so that a revoked password ends the session.
    var ticket: SignInRegistry.Ticket?
    private var isReadHeld = false
    private var output = ByteBuffer()

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
        isHandshaking = info.isImplicitTLS
        self.machine = SMTPServerMachine(machine, tlsIsActive: info.isImplicitTLS)
        resolver = RecipientResolver(
            directory: backend.directory,
            addresses: backend.addresses,
            hostname: settings.hostname,
            people: backend.people
        )
        var logger = backend.logger
        logger[metadataKey: "session"] = "\(info.session)"
        self.logger = logger
    }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        tasks = ConnectionTasks(loop: context.eventLoop)
        // Behind a load balancer the connection is older than its handler.
        if context.channel.isActive { begin() }
    }

    func channelActive(context: ChannelHandlerContext) { begin() }

    private func begin() {
        guard !hasBegun else { return }
        hasBegun = true
        logger.debug("connected", metadata: ["remote": "\(info.remote)", "port": "\(info.localPort)"])
        markProgress()
        scheduleProgressCheck(after: settings.idleTimeout)
        if isHandshaking { limitHandshake() }
        guard !info.isTrusted else { return pump() }
        let (limiter, now, limit) = (backend.limiter, backend.clock.now(), settings.connectionRate)
        let key = "smtp.connection:\(info.remote.client)"
        tasks?.run {
            await limiter.count(key, limit: limit, windowSeconds: 60, now: now)
        } then: { [self] decision in
            if decision != .allowed { machine.shutDown(.tooManyConnections) }
            pump()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if !hasReplied { noteEarlyTalk() }
        progress.octets += bytes.readableBytes
        machine.receive(bytes)
        pump()
    }

    /// Reads wait while the machine has a question open, the spool is behind or replies do not go out.
    func read(context: ChannelHandlerContext) {
        guard wantsInput else {
            isReadHeld = true
            return
        }
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ConnectionQuiescing:
            farewell = .shuttingDown
            pump()
        case is ConnectionBarred:
            endBarred()
        case TLSUserEvent.handshakeCompleted where isHandshaking:
            isHandshaking = false
            handshakeTimer?.cancel()
            markProgress()
            machine.tlsEstablished()
            signOut()
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
        if isHandshaking, HandshakeFault.isNoTLS(error) { note(.brokenTLS) }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        logger.debug("disconnected")
        cancelTimers()
        tasks?.cancel()
        signOut()
        noteLoss()
        transaction?.spool?.discard()
        transaction = nil
        conversation = nil
        self.context = nil
    }

    private var wantsInput: Bool { isHandshaking || (machine.wantsBytes && !isSpooling && isWritable) }

    // MARK: - The machine

    /// Octets of replies that are written at once.
    private static let outputChunk = 16 << 10

    /// Performs actions until the machine needs bytes or an answer or the client must read, then flushes.
    func pump() {
        guard !isPumping, let context else { return }
        isPumping = true
        while !isSpooling, !isHandshaking, isWritable, let action = machine.next() {
            perform(action, context)
            if output.readableBytes >= Self.outputChunk { flush(context) }
        }
        if let reply = farewell, transaction?.spool == nil {
            farewell = nil
            machine.shutDown(reply)
            while let action = machine.next() { perform(action, context) }
        }
        isPumping = false
        guard context.channel.isActive else { return }
        flush(context)
        if isReadHeld, wantsInput {
            isReadHeld = false
            context.read()
        }
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard output.readableBytes > 0 else { return }
        let whole = output
        output = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(whole), promise: nil)
    }

    private func perform(_ action: SMTPServerMachine.Action, _ context: ChannelHandlerContext) {
        switch action {
        // Octets of a message are progress by their number alone.
        case .messageBytes, .refused: ()
        case .reply, .checkSender, .checkRecipient, .beginMessage, .messageComplete, .abandonMessage, .authenticate,
            .authResponse, .authCancelled, .startTLS, .close:
            markProgress()
        }
        switch action {
        case .reply(let reply):
            hasReplied = true
            reply.encode(into: &output)
        case .refused(let subject, let reply): note(subject, reply)
        case .checkSender(let sender): check(sender)
        case .checkRecipient(let recipient): check(recipient)
        case .beginMessage(let envelope): begin(envelope, context)
        case .messageBytes(let octets): append(octets)
        case .messageComplete(let envelope, let size): complete(envelope, size)
        case .abandonMessage: abandon()
        case .authenticate(let mechanism, let response): authenticate(mechanism, response)
        case .authResponse(let response): respond(response)
        case .authCancelled: conversation = nil
        case .startTLS(let reply): startTLS(reply, context)
        case .close:
            if machine.isAbused { note(.protocolAbuse) }
            let last = output
            output = ByteBuffer()
            context.writeAndFlush(wrapOutboundOut(last)).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
            limitWrite()
        }
    }

    private func startTLS(_ reply: SMTPReply, _ context: ChannelHandlerContext) {
        reply.encode(into: &output)
        context.writeAndFlush(wrapOutboundOut(output), promise: nil)
        output = ByteBuffer()
        isHandshaking = true
        limitHandshake()
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
}
