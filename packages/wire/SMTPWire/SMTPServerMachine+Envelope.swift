import MailModel

/// MAIL and RCPT.
extension SMTPServerMachine {
    mutating func mail(_ sender: SMTPSender) {
        do throws(SMTPRefusal) {
            try check(sender)
        } catch {
            refuse(error.reply)
            return
        }
        guard transactions < configuration.limits.transactions else { return shutDown(.tooManyMessages) }
        unproductiveCommands += 1
        guard unproductiveCommands <= configuration.limits.unproductiveCommands else {
            return shutDown(.tooManyCommands)
        }
        state = .checkingSender(sender)
        pending.append(.checkSender(sender))
    }

    private func check(_ sender: SMTPSender) throws(SMTPRefusal) {
        switch state {
        case .awaitingMail: ()
        case .awaitingHello, .awaitingGreeting: throw SMTPRefusal(.helloFirst)
        case .awaitingChunk: throw SMTPRefusal(.chunksBegun)
        case .awaitingRecipient, .checkingSender, .checkingRecipient, .beginningMessage, .receivingData,
            .receivingChunk, .awaitingVerdict,
            .authenticating, .awaitingAuthResponse, .startingTLS, .closed:
            // RFC 5321 §4.1.4: "MAIL ... MUST NOT be sent if a mail transaction is already open".
            throw SMTPRefusal(.badSequence)
        }
        if configuration.requiresAuth, !isAuthenticated {
            let needsTLS = configuration.offersTLS && !tlsIsActive && !configuration.allowsPlaintextAuth
            throw SMTPRefusal(needsTLS ? .tlsRequired : .authRequired)
        }
        let parameters = sender.parameters
        // RFC 5321 §4.1.1.11: a parameter that was not offered is 555. DSN and REQUIRETLS are not, yet.
        guard !parameters.requireTLS, parameters.dsnReturn == nil, parameters.envelopeID == nil else {
            throw SMTPRefusal(SMTPSyntaxError.unknownParameter.reply)
        }
        // RFC 1870 §6.1: refuse before the message is sent.
        if let size = parameters.size, size > configuration.limits.messageSize { throw SMTPRefusal(.messageTooLarge) }
        if case .address(let address) = sender.path, address.needsUTF8, !parameters.smtpUTF8 {
            throw SMTPRefusal(.utf8NotAnnounced)
        }
    }

    package mutating func senderVerdict(_ verdict: SMTPReply) {
        switch take() {
        case .checkingSender(let sender):
            state = verdict.isPositive ? .awaitingRecipient(SMTPTransaction(sender: sender)) : .awaitingMail
            answer(verdict)
        case let other:
            state = other
        }
    }

    mutating func rcpt(_ recipient: SMTPRecipient) {
        switch take() {
        case .awaitingRecipient(var transaction):
            do throws(SMTPRefusal) {
                try check(recipient, transaction)
            } catch {
                transaction.attempts += 1
                state = .awaitingRecipient(transaction)
                refuse(error.reply)
                return
            }
            // RFC 5321 §4.5.3.1.10: 452 for too many recipients; those accepted stay.
            guard transaction.attempts < configuration.limits.recipients else {
                state = .awaitingRecipient(transaction)
                reply(.tooManyRecipients)
                return
            }
            transaction.attempts += 1
            state = .checkingRecipient(recipient, transaction)
            pending.append(.checkRecipient(recipient))
        case let other:
            state = other
            refuse(orderRefusal(otherwise: .mailFirst))
        }
    }

    private func check(_ recipient: SMTPRecipient, _ transaction: borrowing SMTPTransaction) throws(SMTPRefusal) {
        guard recipient.notify == nil, recipient.originalRecipient == nil else {
            throw SMTPRefusal(SMTPSyntaxError.unknownParameter.reply)
        }
        // RFC 6531 §3.4: UTF-8 in an address only where MAIL said SMTPUTF8.
        if case .address(let address) = recipient.path, address.needsUTF8,
            !transaction.envelope.sender.parameters.smtpUTF8
        {
            throw SMTPRefusal(.utf8NotAnnounced)
        }
    }

    package mutating func recipientVerdict(_ verdict: SMTPReply) {
        switch take() {
        case .checkingRecipient(let recipient, var transaction):
            if verdict.isPositive { transaction.envelope.recipients.append(recipient) }
            state = .awaitingRecipient(transaction)
            guard verdict.isPermanent else { return answer(verdict) }
            refusedRecipients += 1
            answer(verdict)
            if refusedRecipients >= configuration.limits.refusedRecipients { shutDown(.tooManyErrors) }
        case let other:
            state = other
        }
    }

    /// Gives the shell's verdict to the client; 421 ends the session, whoever says it.
    mutating func answer(_ verdict: SMTPReply) {
        guard verdict.code == 421 else { return reply(verdict) }
        shutDown(verdict)
    }

    /// Why RCPT, DATA or BDAT may not come now.
    func orderRefusal(otherwise: SMTPReply) -> SMTPReply {
        switch state {
        case .awaitingHello, .awaitingGreeting: .helloFirst
        case .awaitingChunk: .chunksBegun
        case .awaitingMail, .awaitingRecipient, .checkingSender, .checkingRecipient, .beginningMessage, .receivingData,
            .receivingChunk,
            .awaitingVerdict, .authenticating, .awaitingAuthResponse, .startingTLS, .closed:
            otherwise
        }
    }
}

/// A command that may not be done, with what the client is told.
struct SMTPRefusal: Error {
    let reply: SMTPReply
    init(_ reply: SMTPReply) { self.reply = reply }
}
