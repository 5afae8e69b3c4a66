import Accounts
import IMAPWire
import Logging
import MailModel
import MailPorts
import MailboxEngine
import NIOCore
import NetKit
import SASLMechanisms

/// One IMAP connection on its event loop: cuts octets into commands, runs them one at a time, writes what they answer.
///
/// Octets are taken from the framer only when the next command may run, so a client that pipelines waits in its own socket.
final class IMAPConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Activity {
        case ready
        /// A command runs; `ready` again when it is done.
        case running
        /// Appends run, further ones may gather meanwhile.
        case appending
        case authenticating(SASLConversation, tag: String)
        case idling(tag: String)
        /// BYE has been written.
        case closing
    }

    let services: SessionServices
    let info: ConnectionInfo
    var logger: Logger
    var context: ChannelHandlerContext?
    var framer: IMAPFramer
    var activity = Activity.ready
    /// nil while a command has it.
    var session: SessionState? = SessionState()
    var account: AccountID?
    /// The account's address.
    var address: EmailAddress?
    var isUTF8 = false
    var tasks: ConnectionTasks?
    var gate: OutboundGate?
    var isTLS: Bool
    /// An event that came while it could not be acted on.
    var waitingEvent: IMAPFramer.Event?
    var collecting: CollectedAppend?
    var appends: [PendingAppend] = []
    var errors = 0
    var authenticationFailures = 0
    /// Why the connection ends after what runs; nil while it goes on.
    var farewell: String?
    /// Kept while signed in, so that a revoked password ends the session.
    var ticket: SignInRegistry.Ticket?
    var watch: (index: MailboxIndex, number: Int)?
    var hasNews = false
    var isProceeding = false
    private var readIsDue = false
    private var unreadSince: NIODeadline?
    private var timer: Scheduled<Void>?
    private var openedAt = NIODeadline.now()
    private var lastInput = NIODeadline.now()

    init(services: SessionServices, info: ConnectionInfo) {
        self.services = services
        self.info = info
        isTLS = info.isImplicitTLS
        var logger = services.logger
        logger[metadataKey: "session"] = "\(info.session)"
        self.logger = logger
        var limits = IMAPFramer.Limits()
        limits.command = services.configuration.maximumCommand
        limits.append = services.configuration.appendLimit
        framer = IMAPFramer(limits: limits)
    }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        tasks = ConnectionTasks(loop: context.eventLoop)
        gate = OutboundGate(channel: context.channel)
        if context.channel.isActive { greet() }
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        greet()
    }

    private var hasGreeted = false

    private func greet() {
        guard !hasGreeted else { return }
        hasGreeted = true
        openedAt = .now()
        lastInput = openedAt
        write {
            $0.status(
                nil,
                .ok,
                code: "CAPABILITY \(capabilities)",
                "\(services.configuration.hostname) IMAP4rev2 service is ready"
            )
        }
        schedule(after: TimeAmount(services.configuration.loginTimeout))
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    /// The connection is gone: everything that it holds goes too.
    private func end() {
        activity = .closing
        tasks?.cancel()
        gate?.close()
        timer?.cancel()
        stopWatching()
        for append in appends { services.gate.release(append.held) }
        appends = []
        if let held = collecting?.held { services.gate.release(held) }
        collecting = nil
        session = nil
        if let account {
            services.leave(account)
            if let ticket { services.authenticator.signIns.leave(ticket) }
            ticket = nil
            logger.info("signed out")
        }
        account = nil
        context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        lastInput = .now()
        if case .closing = activity { return }
        framer.receive(&bytes)
        proceed()
    }

    /// Reads go on while the next command may run: back pressure to the client.
    func read(context: ChannelHandlerContext) {
        if wantsInput { context.read() } else { readIsDue = true }
    }

    private var wantsInput: Bool {
        switch activity {
        case .ready, .authenticating, .idling, .appending: waitingEvent == nil && clientReads
        case .running, .closing: false
        }
    }

    /// Whether what was written goes out: while it does not, no further command runs.
    var clientReads: Bool { context?.channel.isWritable ?? false }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unreadSince = nil
            proceed()
        } else {
            unreadSince = .now()
            let limit = TimeAmount(services.configuration.writeTimeout)
            context.eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in self?.closeUnread(after: limit)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    private func closeUnread(after limit: TimeAmount) {
        // A running command's own writes are watched by its gate, which knows of slow progress.
        guard let since = unreadSince, .now() - since >= limit, gate?.stalledSince == nil else { return }
        logger.info("client does not read")
        context?.close(promise: nil)
    }

    func resumeReading() {
        guard readIsDue, wantsInput else { return }
        readIsDue = false
        context?.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A broken connection or TLS handshake: the client's affair.
        logger.debug("connection failed", metadata: ["error": "\(error)"])
        if HandshakeFault.isNoTLS(error) { note(.brokenTLS) }
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ConnectionQuiescing {
            end(saying: "The server is stopping; connect again")
        }
        if event is ConnectionBarred, account == nil { end(saying: Self.barred) }
        context.fireUserInboundEventTriggered(event)
    }

    /// RFC 9051 §7.1.5: what the client reads whose network is banned.
    static let barred = "Too much misuse from your network; try again later"

    /// What speaks against a client that has not signed in.
    func note(_ conduct: Conduct) {
        guard account == nil else { return }
        services.conduct?.note(conduct, of: info.remote)
    }

    /// Ends the connection after the answer of what runs.
    func end(saying text: String) {
        farewell = text
        switch activity {
        case .ready, .authenticating, .idling: bye(text)
        case .running, .appending, .closing: ()
        }
    }

    // MARK: - Writing

    func write(_ body: (inout IMAPResponseEncoder) -> Void) {
        var encoder = IMAPResponseEncoder()
        encoder.isUTF8 = isUTF8
        body(&encoder)
        write(encoder.buffer)
    }

    func write(_ buffer: ByteBuffer) {
        guard buffer.readableBytes > 0, let context else { return }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    /// RFC 9051 §7.1.5, and the end of the connection.
    func bye(_ text: String, code: String? = nil) {
        write { $0.status(nil, .bye, code: code, text) }
        close()
    }

    func close() {
        if case .closing = activity { return }
        activity = .closing
        context?.close(promise: nil)
    }

    // MARK: - Time

    private func schedule(after delay: TimeAmount) {
        timer = context?.eventLoop.assumeIsolated().scheduleTask(in: delay) { [weak self] in self?.tick() }
    }

    /// Looks at the clock only when a limit may have been reached: no timer is moved for each command.
    private func tick() {
        let configuration = services.configuration
        let now = NIODeadline.now()
        if let since = gate?.stalledSince, now - since >= TimeAmount(configuration.writeTimeout) {
            logger.info("client does not read")
            context?.close(promise: nil)
            return
        }
        let limit = TimeAmount(account == nil ? configuration.loginTimeout : configuration.idleTimeout)
        let since = account == nil ? openedAt : lastInput
        var isBusy = false
        switch activity {
        case .running, .appending: isBusy = true
        case .ready, .authenticating, .idling: ()
        case .closing: return
        }
        if now - since >= limit, !isBusy { return bye("Autologout; idle for too long") }
        schedule(after: isBusy ? .seconds(60) : max(limit - (now - since), .milliseconds(10)))
    }

    /// A command kept the connection busy: silence counts from its end.
    func touch() { lastInput = .now() }
}

extension TimeAmount {
    fileprivate static func max(_ left: TimeAmount, _ right: TimeAmount) -> TimeAmount { left < right ? right : left }
}

/// Handlers stay on their event loop.
@available(*, unavailable)
extension IMAPConnection: Sendable {}
