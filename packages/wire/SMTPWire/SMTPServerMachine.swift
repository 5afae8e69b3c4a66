package import NIOCore

/// The server's side of one SMTP connection (RFC 5321), without a socket, a clock or a store.
///
///     bytes ──receive──▶ machine ──next──▶ action ──perform──▶ shell ──completion──▶ machine
///
/// The shell gives bytes with `receive`, then calls `next` until nil and performs what comes. Some actions ask a
/// question (see each case): until its completion is called, `next` gives nil, `wantsBytes` is false and the shell
/// stops reading. Replies are collected and flushed when `next` gives nil (RFC 2920 §3.2). A completion that answers no
/// open question does nothing, so one that comes too late does no harm.
///
/// *Invariants.* One message is open at a time: `beginMessage` is followed by `messageComplete` or `abandonMessage`, or by
/// the shell's own `messageRefused` or `messageFailed`. When the peer goes away, the shell drops the spool itself.
/// Every octet is either a command's or a message's, however the stream is split. `close` is the last action.
package struct SMTPServerMachine: ~Copyable {
    package enum Action: Equatable, Sendable {
        /// Write it; flush when `next` gives nil.
        case reply(SMTPReply)
        /// A refusal for the record; its reply follows. `.session` is never given.
        case refused(SMTPSubject, SMTPReply)
        /// May this sender send? Completion: `senderVerdict`.
        case checkSender(SMTPSender)
        /// Is this recipient taken? Completion: `recipientVerdict`.
        case checkRecipient(SMTPRecipient)
        /// Open a spool for the message. Completion: `messageBegun` or `messageRefused`.
        case beginMessage(SMTPEnvelope)
        /// Append to the spool. No completion: do not call `next` before the spool has room.
        case messageBytes(ByteBuffer)
        /// The whole message is in the spool. Completion: `messageVerdict`.
        case messageComplete(SMTPEnvelope, size: Int)
        /// Drop the spool: the message was refused, reset or broken off.
        case abandonMessage
        /// AUTH began. Completion: `authChallenge` or `authOutcome`.
        case authenticate(mechanism: String, initialResponse: SensitiveBytes?)
        /// The client's answer to the last challenge. Completion: `authChallenge` or `authOutcome`.
        case authResponse(SensitiveBytes)
        /// The client broke the exchange off; the reply follows.
        case authCancelled
        /// Write the reply, flush, start TLS as server. Completion: `tlsEstablished`. Nothing was buffered behind it.
        case startTLS(SMTPReply)
        /// Flush and close; always the last action.
        case close
    }

    package enum AuthOutcome: Equatable, Sendable {
        case accepted
        /// Wrong credentials: counts towards `limits.authFailures`.
        case refused(SMTPReply)
        /// Our fault (store away): does not count.
        case unavailable(SMTPReply)
    }

    package let configuration: SMTPServerConfiguration
    var state = SMTPServerState.awaitingGreeting
    var input = ByteBuffer()
    var framer = SMTPLineFramer()
    /// A refused chunk, dropped before anything else is read, then answered.
    var discard: (receiver: DiscardReceiver, reply: SMTPReply)?
    /// Actions that follow the one just given.
    var pending: [Action] = []

    /// The client's name; nil before HELO and after STARTTLS.
    package internal(set) var hello: SMTPHello?
    package internal(set) var tlsIsActive: Bool
    package internal(set) var isAuthenticated = false

    /// What the next refusal is about.
    var subject = SMTPSubject.session

    /// Said after the verdict that is awaited, before closing.
    var lastReply: SMTPReply?

    var errors = 0
    var refusedRecipients = 0
    var authFailures = 0
    var unproductiveCommands = 0
    var transactions = 0

    /// Whether the session ends for wrong or endless commands; refused recipients and passwords are none.
    package var isAbused: Bool {
        errors >= configuration.limits.errors || unproductiveCommands > configuration.limits.unproductiveCommands
    }

    package init(_ configuration: SMTPServerConfiguration, tlsIsActive: Bool = false) {
        self.configuration = configuration
        self.tlsIsActive = tlsIsActive
    }

    /// Whether the shell should read on: false while a question is open or the connection ends.
    package var wantsBytes: Bool { mode != .waiting }

    /// Octets of a message are awaited, or of a chunk that is dropped: the shell holds them to a rate.
    package var isReceivingContent: Bool { mode == .data || mode == .chunk || discard != nil }

    // MARK: - Input

    /// Appends what the connection read.
    package mutating func receive(_ bytes: consuming ByteBuffer) {
        if case .closed = state { return }
        guard lastReply == nil else { return }
        if case .startingTLS = state {
            // RFC 3207 §6: what came in clear text behind STARTTLS could be anybody's.
            close()
            return
        }
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeBuffer(&bytes)
        }
        if mode == .waiting, input.readableBytes > configuration.limits.heldInput { shutDown(.tooManyCommands) }
    }

    /// What to do now; nil: flush, then wait for bytes or for the open question.
    ///
    /// The first action is the greeting.
    package mutating func next() -> Action? {
        while true {
            if !pending.isEmpty { return pending.removeFirst() }
            guard proceed() else {
                // An idle connection holds no read buffer.
                if input.readableBytes == 0 { input = ByteBuffer() }
                return nil
            }
        }
    }

    /// One step; false: nothing can be done without more bytes or an answer.
    private mutating func proceed() -> Bool {
        if let discard { return drop(discard) }
        switch mode {
        case .greeting:
            state = .awaitingHello
            reply(.greeting(configuration.hostname))
        case .commands:
            guard let frame = framer.next(&input) else { return false }
            handle(frame)
        case .authResponse:
            guard let frame = framer.next(&input) else { return false }
            handleAuthResponse(frame)
        case .data:
            return proceedWithData()
        case .chunk:
            return proceedWithChunk()
        case .waiting:
            return false
        }
        return true
    }

    // MARK: - Inside

    /// What the next bytes are.
    private enum Mode {
        case greeting, commands, authResponse, data, chunk, waiting
    }

    private var mode: Mode {
        switch state {
        case .awaitingGreeting: .greeting
        case .awaitingHello, .awaitingMail, .awaitingRecipient, .awaitingChunk: .commands
        case .awaitingAuthResponse: .authResponse
        case .receivingData: .data
        case .receivingChunk: .chunk
        case .checkingSender, .checkingRecipient, .beginningMessage, .awaitingVerdict, .authenticating, .startingTLS,
            .closed:
            .waiting
        }
    }

    /// Takes the state out, to be replaced at once.
    mutating func take() -> SMTPServerState {
        var taken = SMTPServerState.closed
        swap(&taken, &state)
        return taken
    }

    mutating func reply(_ reply: SMTPReply) {
        if reply.code >= 400, subject != .session { pending.append(.refused(subject, reply)) }
        pending.append(.reply(reply))
    }

    /// Refuses a command; too many end the session.
    mutating func refuse(_ refusal: SMTPReply) {
        errors += 1
        reply(refusal)
        // RFC 5321 §4.3.2 lets 421 come at any time.
        if errors >= configuration.limits.errors { shutDown(.tooManyErrors) }
    }

    private mutating func drop(_ dropping: (receiver: DiscardReceiver, reply: SMTPReply)) -> Bool {
        var receiver = dropping.receiver
        guard receiver.consume(&input) else {
            discard = (receiver, dropping.reply)
            return false
        }
        discard = nil
        reply(dropping.reply)
        return true
    }
}
