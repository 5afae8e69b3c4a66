import NIOCore

/// Check, then proceed: each command is first held against the state, then done.
extension SMTPServerMachine {
    mutating func handle(_ frame: SMTPLineFramer.Frame) {
        subject = .session
        switch frame {
        case .bareLineEnding:
            refuse(.bareLineEndingInCommand)
        case .tooLong:
            refuse(SMTPSyntaxError.lineTooLong.reply)
        case .line(let line):
            do throws(SMTPSyntaxError) {
                let command = try SMTPCommandParser.parse(line)
                subject = subject(of: command)
                proceed(with: command)
            } catch {
                subject = subject(ofUnreadable: line)
                refuse(error.reply)
                if error == .lostFraming { abandonAndClose() }
            }
        }
    }

    private mutating func proceed(with command: SMTPCommand) {
        switch command {
        case .hello(let hello): greet(hello)
        case .mail(let sender): mail(sender)
        case .rcpt(let recipient): rcpt(recipient)
        case .data: data()
        case .bdat(let size, let isLast): bdat(size: size, isLast: isLast)
        case .rset: rset()
        case .noop: unproductive(.ok)
        case .vrfy: unproductive(.cannotVerify)  // RFC 5321 §3.5.3
        case .expn: unproductive(.notImplemented)
        case .help: unproductive(.help)
        case .quit: quit()
        case .startTLS: startTLS()
        case .auth(let mechanism, let initialResponse): auth(mechanism, initialResponse)
        }
    }

    /// RFC 5321 §4.1.4: EHLO "MUST clear all buffers and reset the state exactly as if a RSET command had been issued".
    private mutating func greet(_ hello: SMTPHello) {
        reset()
        self.hello = hello
        state = .awaitingMail
        guard hello.isExtended else {
            unproductive(.hello(configuration.hostname))
            return
        }
        unproductive(SMTPReply(250, nil, lines: [configuration.hostname] + capabilities))
    }

    private var capabilities: [String] {
        var lines = [
            "PIPELINING", "SIZE \(configuration.limits.messageSize)", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME",
        ]
        lines.append("ENHANCEDSTATUSCODES")
        if configuration.offersTLS, !tlsIsActive { lines.append("STARTTLS") }
        if !configuration.mechanisms.isEmpty, !isAuthenticated, tlsIsActive || configuration.allowsPlaintextAuth {
            lines.append("AUTH \(configuration.mechanisms.joined(separator: " "))")
        }
        lines.append("LIMITS RCPTMAX=\(configuration.limits.recipients)")  // RFC 9422
        return lines
    }

    private mutating func rset() {
        reset()
        unproductive(.ok)
    }

    /// Drops the transaction, if there is one; the session stays.
    private mutating func reset() {
        switch take() {
        case .awaitingGreeting, .awaitingHello:
            state = .awaitingHello
        case .awaitingChunk(let transfer):
            if !transfer.isAbandoned { pending.append(.abandonMessage) }
            state = .awaitingMail
        case .awaitingMail, .awaitingRecipient, .checkingSender, .checkingRecipient, .beginningMessage, .receivingData,
            .receivingChunk,
            .awaitingVerdict, .authenticating, .awaitingAuthResponse, .startingTLS, .closed:
            state = .awaitingMail
        }
    }

    private mutating func quit() {
        reset()
        reply(.closing(configuration.hostname))
        close()
    }

    /// The next command's place in the stream is unknown: nothing more may be read.
    private mutating func abandonAndClose() {
        if case .closed = state { return }
        reset()
        close()
    }

    /// Answers a command that moves no message; too many of them end the session.
    mutating func unproductive(_ answer: SMTPReply) {
        unproductiveCommands += 1
        reply(answer)
        if unproductiveCommands > configuration.limits.unproductiveCommands { shutDown(.tooManyCommands) }
    }

    private mutating func startTLS() {
        guard configuration.offersTLS else { return refuse(.notImplemented) }
        // RFC 3207 §4: once a session; not inside a transaction, so that nothing said in clear text survives.
        guard !tlsIsActive, hello != nil, case .awaitingMail = state else { return refuse(.badSequence) }
        guard input.readableBytes == 0 else {
            reply(.bytesBehindSTARTTLS)
            close()
            return
        }
        state = .startingTLS
        pending.append(.startTLS(.readyForTLS))
    }

    /// RFC 3207 §4.2: "The server MUST discard any knowledge obtained from the client".
    package mutating func tlsEstablished() {
        guard case .startingTLS = state else { return }
        hello = nil
        isAuthenticated = false
        tlsIsActive = true
        framer = SMTPLineFramer()
        state = .awaitingHello
    }
}
