import NIOCore

/// Ends of a session that the client did not ask for.
extension SMTPServerMachine {
    /// Says it and closes: 421 on shutdown or idle time, 554 for a client that is not wanted.
    ///
    /// Works in every state. A message whose verdict is awaited gets it first: what is stored is never denied.
    package mutating func shutDown(_ last: SMTPReply) {
        let hasQuestion = dropQuestion()
        subject = isInTransaction ? .message : .session
        switch take() {
        case .closed:
            return
        case .awaitingVerdict where hasQuestion:
            pending.append(.abandonMessage)
        case .awaitingVerdict:
            state = .awaitingVerdict
            lastReply = last
            return
        case .receivingChunk(let transfer), .awaitingChunk(let transfer):
            if !transfer.isAbandoned { pending.append(.abandonMessage) }
        case .receivingData(let transfer):
            if !transfer.isAbandoned { pending.append(.abandonMessage) }
        case .beginningMessage:
            if !hasQuestion { pending.append(.abandonMessage) }
        case .startingTLS where !hasQuestion:
            // In the middle of a handshake nothing can be said.
            return close()
        case .awaitingGreeting, .awaitingHello, .awaitingMail, .checkingSender, .awaitingRecipient, .checkingRecipient,
            .authenticating,
            .awaitingAuthResponse, .startingTLS:
            ()  // nothing is open
        }
        reply(last)
        close()
    }

    mutating func close() {
        state = .closed
        input.clear()
        discard = nil
        pending.append(.close)
    }

    /// Takes back a question that the shell has not seen; true: there was one.
    private mutating func dropQuestion() -> Bool {
        let count = pending.count
        pending.removeAll { action in
            switch action {
            case .checkSender, .checkRecipient, .beginMessage, .messageComplete, .authenticate, .authResponse,
                .startTLS:
                true
            case .reply, .refused, .messageBytes, .abandonMessage, .authCancelled, .close: false
            }
        }
        return pending.count < count
    }
}
