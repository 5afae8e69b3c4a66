import ByteParsing

/// AUTH (RFC 4954).
extension SMTPServerMachine {
    mutating func auth(_ mechanism: String, _ initialResponse: SensitiveBytes?) {
        guard !configuration.mechanisms.isEmpty else { return refuse(.notImplemented) }
        // RFC 4954 §4: once a session, after EHLO, not inside a transaction.
        guard !isAuthenticated else { return refuse(.alreadyAuthenticated) }
        guard hello != nil, case .awaitingMail = state else { return refuse(orderRefusal(otherwise: .badSequence)) }
        // RFC 4954 §4: 538 for a mechanism that needs encryption.
        guard tlsIsActive || configuration.allowsPlaintextAuth else { return refuse(.encryptionRequired) }
        guard configuration.mechanisms.contains(mechanism) || configuration.unlistedMechanisms.contains(mechanism)
        else { return refuse(.unknownMechanism) }
        state = .authenticating
        pending.append(.authenticate(mechanism: mechanism, initialResponse: initialResponse))
    }

    package mutating func authChallenge(_ challenge: [UInt8]) {
        guard case .authenticating = state else { return }
        state = .awaitingAuthResponse
        reply(SMTPReply(334, nil, String(decoding: Base64.encode(challenge), as: UTF8.self)))
    }

    package mutating func authOutcome(_ outcome: AuthOutcome) {
        guard case .authenticating = state else { return }
        state = .awaitingMail
        switch outcome {
        case .accepted:
            isAuthenticated = true
            reply(.authenticated)
        case .refused(let refusal):
            authFailures += 1
            answer(refusal)
            if authFailures >= configuration.limits.authFailures { shutDown(.tooManyErrors) }
        case .unavailable(let refusal):
            answer(refusal)
        }
    }

    mutating func handleAuthResponse(_ frame: SMTPLineFramer.Frame) {
        switch frame {
        case .bareLineEnding: breakOff(.bareLineEndingInCommand)
        case .tooLong: breakOff(SMTPSyntaxError.lineTooLong.reply)
        // RFC 4954 §4: "If the client wishes to cancel the authentication exchange, it issues a line with a single "*"".
        case .line([ASCII.star]): breakOff(.authCancelled)
        case .line(let line):
            guard let response = Base64.decode(line) else { return breakOff(SMTPSyntaxError.badBase64.reply) }
            state = .authenticating
            pending.append(.authResponse(SensitiveBytes(response)))
        }
    }

    private mutating func breakOff(_ refusal: SMTPReply) {
        state = .awaitingMail
        pending.append(.authCancelled)
        refuse(refusal)
    }
}
