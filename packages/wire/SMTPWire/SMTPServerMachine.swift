package import NIOCore

/// The server's side of one SMTP connection (RFC 5321), without a socket, a clock or a store.
///
///     bytes ──receive──▶ machine ──next──▶ action ──perform──▶ shell ──completion──▶ machine
///
/// The shell gives bytes with `receive`, then calls `next` until nil and performs what comes. Some actions ask a
/// question (see each case): until its completion is called, `next` gives nil, `wantsBytes` is false and the shell
/// stops reading. Replies are collected and flushed when `next` gives nil (RFC 2920 §3.2).
package struct SMTPServerMachine: ~Copyable {
    package enum Action: Equatable, Sendable {
        /// Write it; flush when `next` gives nil.
        case reply(SMTPReply)
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

    package init(_ configuration: SMTPServerConfiguration, tlsIsActive: Bool = false) {
        fatalError("sketch")
    }

    /// The client's name; nil before HELO and after STARTTLS.
    package var hello: SMTPHello? { nil }
    package var tlsIsActive: Bool { false }
    package var isAuthenticated: Bool { false }
    /// Whether the shell should read on: false while a question is open or the connection ends.
    package var wantsBytes: Bool { false }

    // MARK: - Input

    /// Appends what the connection read.
    package mutating func receive(_ bytes: consuming ByteBuffer) {}
    /// What to do now; nil: flush, then wait for bytes or for the open question. The first action is the greeting.
    package mutating func next() -> Action? { nil }

    // MARK: - Completions

    package mutating func senderVerdict(_ reply: SMTPReply) {}
    package mutating func recipientVerdict(_ reply: SMTPReply) {}
    /// The spool is open: the client is told to send (354), or its chunk is read.
    package mutating func messageBegun() {}
    package mutating func messageRefused(_ reply: SMTPReply) {}
    /// The spool failed (disk full) in the middle: the rest is read and dropped, then the reply is sent.
    package mutating func messageFailed(_ reply: SMTPReply) {}
    package mutating func messageVerdict(_ reply: SMTPReply) {}
    package mutating func authChallenge(_ challenge: [UInt8]) {}
    package mutating func authOutcome(_ outcome: AuthOutcome) {}
    /// Forgets all that was said before (RFC 3207 §4.2).
    package mutating func tlsEstablished() {}
    /// Says it and closes: 421 on shutdown or idle time, 554 for a client that is not wanted. Works in every state.
    package mutating func shutDown(_ reply: SMTPReply) {}
}
