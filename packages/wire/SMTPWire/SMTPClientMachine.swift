package import MailModel
package import NIOCore

/// One SMTP transaction as client, without a socket or a clock.
///
/// The shell connects (with TLS at once for `.implicit`), gives bytes with `receive`, calls `next` until nil, performs
/// what comes, and bounds every wait by `SMTPTimeout.seconds` of `awaiting`.
package struct SMTPClientMachine: ~Copyable {
    package enum TLS: Hashable, Sendable {
        /// STARTTLS when offered (RFC 7435).
        case opportunistic
        /// STARTTLS or nothing is sent.
        case required
        /// TLS is there from the first byte.
        case implicit
        case none
    }

    package struct Transaction: Sendable {
        package var heloName: String
        package var tls: TLS
        package var credentials: SMTPClientCredentials?
        package var sender: ReversePath
        package var recipients: [EmailAddress]
        package var size: Int
        package var needsSMTPUTF8: Bool
        package var is8Bit: Bool
        package init(
            heloName: String,
            tls: TLS,
            credentials: SMTPClientCredentials? = nil,
            sender: ReversePath,
            recipients: [EmailAddress],
            size: Int,
            needsSMTPUTF8: Bool,
            is8Bit: Bool
        ) {
            self.heloName = heloName
            self.tls = tls
            self.credentials = credentials
            self.sender = sender
            self.recipients = recipients
            self.size = size
            self.needsSMTPUTF8 = needsSMTPUTF8
            self.is8Bit = is8Bit
        }
    }

    package enum Action: Equatable, Sendable {
        case send(ByteBuffer)
        /// Start TLS as client. Completion: `tlsEstablished` or `connectionFailed`.
        case startTLS
        /// Stream the message through a `DotStuffer` (its `finish` writes the final dot). Completion: `bodySent` or `bodyFailed`.
        case sendBody
        /// The outcome is known; QUIT may follow. Given once.
        case finished(SMTPClientResult)
        /// Close the connection; always the last action.
        case close
    }

    let transaction: Transaction
    var state = SMTPClientState.awaitingGreeting
    var capabilities = EHLOCapabilities()
    var tlsIsActive: Bool
    /// One per recipient; nil: undecided.
    var outcomes: [SMTPClientOutcome?]
    /// Recipients that the next reply to the data speaks for.
    var accepted: [Int] = []
    var pending: [Action] = []
    var log = SMTPTranscript()
    private var input = ByteBuffer()
    private var parser = SMTPReplyParser()
    private var hasFinished = false
    /// Whole replies so far: the only progress that a server makes.
    package private(set) var repliesRead = 0

    package init(_ transaction: Transaction) {
        self.transaction = transaction
        tlsIsActive = transaction.tls == .implicit
        outcomes = Array(repeating: nil, count: transaction.recipients.count)
    }

    /// Octets of replies that may wait while the body is sent.
    package static let maximumInput = 64 << 10

    /// What is waited for, for the shell's timer.
    package var awaiting: SMTPTimeout {
        switch state {
        case .awaitingGreeting: .greeting
        case .awaitingHello: .hello
        case .awaitingStartTLS, .startingTLS: .startTLS
        case .awaitingAuth: .auth
        case .awaitingEnvelope(let envelope):
            switch envelope.commands[envelope.answered] {
            case .mail: .mail
            case .recipient: .recipient
            case .data: .dataInitiation
            }
        case .sendingBody: .dataBlock
        case .awaitingDelivery: .dataTermination
        case .awaitingQuit, .closed: .quit
        }
    }

    /// `C: ` and `S: ` lines, without content and credentials, at most `SMTPTranscript.maximumSize` octets.
    package var transcript: String { log.text }

    // MARK: - Input

    package mutating func receive(_ bytes: consuming ByteBuffer) {
        if case .closed = state { return }
        if case .startingTLS = state {
            // RFC 3207 §6: nothing said in clear text may be taken for an answer given under TLS.
            connectionFailed("clear text behind the reply to STARTTLS")
            return
        }
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeBuffer(&bytes)
        }
        if case .sendingBody = state, input.readableBytes > Self.maximumInput {
            connectionFailed("replies without commands")
        }
    }

    package mutating func next() -> Action? {
        while true {
            if !pending.isEmpty { return pending.removeFirst() }
            switch state {
            case .sendingBody, .startingTLS, .closed: return nil
            case .awaitingGreeting, .awaitingHello, .awaitingStartTLS, .awaitingAuth, .awaitingEnvelope,
                .awaitingDelivery, .awaitingQuit:
                ()
            }
            do throws(SMTPReplyParser.Failure) {
                guard let reply = try parser.next(&input) else { return nil }
                log.server(reply)
                repliesRead += 1
                handle(reply)
            } catch {
                connectionFailed("not an SMTP reply")
            }
        }
    }

    // MARK: - Completions

    package mutating func tlsEstablished() {
        guard case .startingTLS = state else { return }
        tlsIsActive = true
        log.note("TLS")
        // RFC 3207 §4.2: "The client MUST discard any knowledge obtained from the server".
        capabilities = EHLOCapabilities()
        sayHello(isExtended: true)
    }

    package mutating func bodySent() {
        guard case .sendingBody = state else { return }
        log.client("[message of \(transaction.size) octets]")
        log.client(".")
        state = .awaitingDelivery
    }

    /// The message could not be read: the connection is dropped without the final dot.
    package mutating func bodyFailed() {
        guard case .sendingBody = state else { return }
        log.note("message could not be read")
        finish(
            reached: true,
            undecided: .transient(SMTPReply(451, EnhancedStatus(4, 3, 0), "Message could not be read"))
        )
        close()
    }

    /// Closed by the peer, reset, timed out, or TLS failed; `reason` is one line for the operator and the bounce.
    package mutating func connectionFailed(_ reason: String) {
        // What the server said before it went is the better reason.
        if case .sendingBody = state, let last = try? parser.next(&input), !last.isPositive, !last.isIntermediate {
            log.server(last)
            finish(reached: last.code != 421, undecided: SMTPClientOutcome(last))
            return close()
        }
        if case .closed = state { return }
        log.note(reason)
        // After the final dot the message may have been taken: another host must not get it at once.
        var reached = false
        if case .awaitingDelivery = state { reached = true }
        finish(reached: reached, undecided: .transient(SMTPReply(451, EnhancedStatus(4, 4, 2), reason)))
        close()
    }

    // MARK: - Inside

    mutating func send(_ line: String, transcript: String? = nil) {
        log.client(transcript ?? line)
        pending.append(.send(ByteBuffer(string: line + "\r\n")))
    }

    /// Gives the result once.
    mutating func finish(reached: Bool, undecided: SMTPClientOutcome) {
        guard !hasFinished else { return }
        hasFinished = true
        pending.append(.finished(SMTPClientResult(reached: reached, outcomes: outcomes.map { $0 ?? undecided })))
    }

    /// The outcome is known and the connection sound.
    mutating func settle(reached: Bool = true, undecided: SMTPClientOutcome) {
        finish(reached: reached, undecided: undecided)
        state = .awaitingQuit
        send("QUIT")
    }

    mutating func close() {
        state = .closed
        input.clear()
        pending.append(.close)
    }

    /// Starts TLS; clear text must not wait behind the reply.
    mutating func startTLS() {
        guard input.readableBytes == 0 else { return connectionFailed("clear text behind the reply to STARTTLS") }
        state = .startingTLS
        pending.append(.startTLS)
    }
}

extension SMTPClientOutcome {
    /// RFC 5321 §4.2.1: what is neither accepted nor refused for good is worth another try.
    package init(_ reply: SMTPReply) {
        self = reply.isPositive ? .accepted(reply) : reply.isPermanent ? .permanent(reply) : .transient(reply)
    }
}
