import ByteParsing

/// Greeting, EHLO, STARTTLS and AUTH.
extension SMTPClientMachine {
    mutating func handle(_ reply: SMTPReply) {
        // RFC 5321 §3.8: 421 to any command means that the server goes away.
        if reply.code == 421 { return goneAway(reply) }
        switch state {
        case .awaitingGreeting:
            guard reply.isPositive else { return giveUp(reply) }
            sayHello(isExtended: true)
        case .awaitingHello(let isExtended):
            greeted(reply, isExtended: isExtended)
        case .awaitingStartTLS:
            if reply.isPositive {
                startTLS()
            } else if transaction.tls == .required {
                giveUp(reply)
            } else {
                authenticate()
            }
        case .awaitingAuth(let step):
            proceed(step, reply)
        case .awaitingEnvelope(let envelope):
            proceed(envelope, reply)
        case .awaitingDelivery:
            delivered(reply)
        case .awaitingQuit:
            close()
        case .startingTLS, .sendingBody, .closed:
            ()  // replies wait there
        }
    }

    private mutating func goneAway(_ reply: SMTPReply) {
        var reached = false
        if case .awaitingDelivery = state { reached = true }
        finish(reached: reached, undecided: .transient(reply))
        close()
    }

    /// This host does not carry our mail now: the next one may.
    ///
    /// RFC 5321 §5.1 lets a permanent refusal of the session try on too.
    private mutating func giveUp(_ reply: SMTPReply) {
        settle(reached: false, undecided: reply.isPermanent ? .permanent(reply) : .transient(reply))
    }

    /// As `giveUp`, for our own reasons: never permanent.
    private mutating func giveUp(_ status: EnhancedStatus, _ reason: String) {
        log.note(reason)
        settle(reached: false, undecided: .transient(SMTPReply(454, status, reason)))
    }

    mutating func sayHello(isExtended: Bool) {
        state = .awaitingHello(isExtended: isExtended)
        send("\(isExtended ? "EHLO" : "HELO") \(transaction.heloName)")
    }

    private mutating func greeted(_ reply: SMTPReply, isExtended: Bool) {
        guard reply.isPositive else {
            // RFC 5321 §3.2: "If the EHLO command is not acceptable ... 500, 501, 502, or 550 ... the client SHOULD try HELO".
            guard isExtended, reply.isPermanent, !tlsIsActive else { return giveUp(reply) }
            sayHello(isExtended: false)
            return
        }
        capabilities = isExtended ? EHLOCapabilities(reply) : EHLOCapabilities()
        switch transaction.tls {
        case .opportunistic where !tlsIsActive && capabilities.startTLS,
            .required where !tlsIsActive && capabilities.startTLS:
            state = .awaitingStartTLS
            send("STARTTLS")
        case .required where !tlsIsActive:
            giveUp(EnhancedStatus(4, 7, 4), "STARTTLS is required but not offered")
        case .opportunistic, .required, .implicit, .none:
            authenticate()
        }
    }

    // MARK: - AUTH

    mutating func authenticate() {
        guard let credentials = transaction.credentials else { return beginEnvelope() }
        // RFC 4954 §9: no password in clear text, unless the operator turned TLS off for this host.
        guard tlsIsActive || transaction.tls == .none else {
            return giveUp(EnhancedStatus(4, 7, 11), "TLS is required for authentication but not offered")
        }
        if capabilities.authMechanisms.contains("PLAIN") {
            let message = [0] + Array(credentials.user.utf8) + [0] + credentials.password.bytes
            state = .awaitingAuth(.outcome)
            send("AUTH PLAIN \(Self.base64(message))", transcript: "AUTH PLAIN [redacted]")
        } else if capabilities.authMechanisms.contains("LOGIN") {
            state = .awaitingAuth(.loginUser)
            send("AUTH LOGIN")
        } else {
            giveUp(EnhancedStatus(4, 7, 0), "No known authentication mechanism is offered")
        }
    }

    private mutating func proceed(_ step: SMTPClientAuth, _ reply: SMTPReply) {
        switch step {
        case .outcome where reply.isPositive:
            beginEnvelope()
        case .loginUser where reply.code == 334:
            state = .awaitingAuth(.loginPassword)
            send(Self.base64(Array((transaction.credentials?.user ?? "").utf8)), transcript: "[redacted]")
        case .loginPassword where reply.code == 334:
            state = .awaitingAuth(.outcome)
            send(Self.base64(transaction.credentials?.password.bytes ?? []), transcript: "[redacted]")
        case .outcome, .loginUser, .loginPassword:
            // A wrong password is the operator's to mend, not a reason to bounce mail.
            settle(reached: false, undecided: .transient(reply))
        }
    }

    private static func base64(_ bytes: [UInt8]) -> String { String(decoding: Base64.encode(bytes), as: UTF8.self) }
}
