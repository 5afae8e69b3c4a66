import NIOCore

/// DATA and BDAT.
extension SMTPServerMachine {
    mutating func data() {
        switch take() {
        case .awaitingRecipient(let transaction):
            guard !transaction.envelope.recipients.isEmpty else {
                let refusal = Self.refusalWithoutRecipients(transaction)
                state = .awaitingRecipient(transaction)
                return refuse(refusal)
            }
            // RFC 3030 §3: "DATA ... with BODY=BINARYMIME ... MUST be rejected with a 503".
            guard transaction.envelope.sender.parameters.body != .binaryMIME else {
                state = .awaitingRecipient(transaction)
                return refuse(.binaryNeedsChunks)
            }
            pending.append(.beginMessage(transaction.envelope))
            state = .beginningMessage(transaction, .data)
        case let other:
            state = other
            refuse(orderRefusal(otherwise: .mailFirst))
        }
    }

    mutating func bdat(size: Int, isLast: Bool) {
        switch take() {
        case .awaitingRecipient(let transaction):
            guard !transaction.envelope.recipients.isEmpty else {
                // The transaction goes: a later chunk must not become the whole of a message.
                state = .awaitingMail
                return discardChunk(size, Self.refusalWithoutRecipients(transaction))
            }
            pending.append(.beginMessage(transaction.envelope))
            state = .beginningMessage(transaction, .chunk(size: size, isLast: isLast))
        case .awaitingChunk(var transfer):
            // Chunks of next to nothing hold a connection for as long as they like.
            if size < configuration.limits.smallChunk, !isLast { unproductiveCommands += 1 }
            guard unproductiveCommands <= configuration.limits.unproductiveCommands else {
                state = .awaitingChunk(transfer)
                return shutDown(.tooManyCommands)
            }
            transfer.receiver.beginChunk(size: size)
            transfer.chunkSize = size
            transfer.isLast = isLast
            transfer.isComplete = false
            state = .receivingChunk(transfer)
        case let other:
            state = other
            discardChunk(size, orderRefusal(otherwise: .mailFirst))
        }
    }

    /// RFC 2920 §3.1: DATA pipelined behind recipients that were all refused is 554; without any it came too early.
    private static func refusalWithoutRecipients(_ transaction: SMTPTransaction) -> SMTPReply {
        transaction.attempts == 0 ? .recipientFirst : .noValidRecipients
    }

    /// RFC 3030 §2: the octets of a refused chunk are read all the same.
    ///
    /// Chunks behind a refused one are no errors.
    private mutating func discardChunk(_ size: Int, _ reply: SMTPReply) {
        discard = (DiscardReceiver(size: size), reply)
        unproductiveCommands += 1
        if unproductiveCommands > configuration.limits.unproductiveCommands { shutDown(.tooManyCommands) }
    }

    // MARK: - The shell's answers

    /// The spool is open: the client is told to send (354), or its chunk is read.
    package mutating func messageBegun() {
        let limits = configuration.limits
        switch take() {
        case .beginningMessage(let transaction, .data):
            let receiver = DataReceiver(maximumSize: limits.messageSize, maximumLine: limits.textLine)
            state = .receivingData(SMTPDataTransfer(envelope: transaction.envelope, receiver: receiver))
            reply(.startMail)
        case .beginningMessage(let transaction, .chunk(let size, let isLast)):
            let isVerbatim = transaction.envelope.sender.parameters.body == .binaryMIME
            var receiver = BDATReceiver(
                maximumSize: limits.messageSize,
                maximumLine: limits.textLine,
                isVerbatim: isVerbatim
            )
            receiver.beginChunk(size: size)
            state = .receivingChunk(
                SMTPChunkTransfer(envelope: transaction.envelope, receiver: receiver, chunkSize: size, isLast: isLast)
            )
        case let other:
            state = other
        }
    }

    package mutating func messageRefused(_ refusal: SMTPReply) {
        switch take() {
        case .beginningMessage(_, .data):
            state = .awaitingMail
            answer(refusal)
        case .beginningMessage(_, .chunk(let size, _)):
            state = .awaitingMail
            guard refusal.code != 421 else { return shutDown(refusal) }
            discardChunk(size, refusal)
        case let other:
            state = other
        }
    }

    /// The spool failed (disk full) in the middle and is gone: the rest is read and dropped, then the reply is sent.
    package mutating func messageFailed(_ reply: SMTPReply) {
        switch take() {
        case .receivingData(var transfer):
            transfer.isAbandoned = true
            transfer.failure = reply
            state = .receivingData(transfer)
        case .receivingChunk(var transfer):
            transfer.isAbandoned = true
            transfer.failure = reply
            state = .receivingChunk(transfer)
        case .awaitingChunk(var transfer):
            transfer.isAbandoned = true
            transfer.failure = reply
            state = .awaitingChunk(transfer)
        case let other:
            state = other
        }
    }

    package mutating func messageVerdict(_ verdict: SMTPReply) {
        guard case .awaitingVerdict = state else { return }
        state = .awaitingMail
        if verdict.isPositive { unproductiveCommands = 0 }
        answer(verdict)
        if let lastReply { shutDown(lastReply) }
    }

    // MARK: - Octets

    /// False: more bytes are needed.
    mutating func proceedWithData() -> Bool {
        guard case .receivingData(var transfer) = take() else { preconditionFailure("called while DATA is received") }
        guard !transfer.isComplete else {
            finish(transfer.receiver.violation, transfer.failure, transfer.envelope, size: transfer.receiver.size)
            return true
        }
        guard input.readableBytes > 0 else {
            state = .receivingData(transfer)
            return false
        }
        var text = ByteBuffer()
        transfer.isComplete = transfer.receiver.consume(&input, into: &text)
        spool(text, transfer.receiver.violation, &transfer.isAbandoned)
        state = .receivingData(transfer)
        return true
    }

    /// False: more bytes are needed.
    mutating func proceedWithChunk() -> Bool {
        guard case .receivingChunk(var transfer) = take() else {
            preconditionFailure("called while a chunk is received")
        }
        if transfer.isComplete {
            finishChunk(transfer)
            return true
        }
        guard input.readableBytes > 0 || transfer.receiver.remaining == 0 else {
            state = .receivingChunk(transfer)
            return false
        }
        var octets = ByteBuffer()
        transfer.isComplete = transfer.receiver.consume(&input, into: &octets)
        if transfer.isComplete, transfer.isLast { transfer.receiver.finish() }
        spool(octets, transfer.receiver.violation, &transfer.isAbandoned)
        state = .receivingChunk(transfer)
        return true
    }

    private mutating func spool(_ octets: ByteBuffer, _ violation: MessageViolation?, _ isAbandoned: inout Bool) {
        guard !isAbandoned else { return }
        guard violation == nil else {
            isAbandoned = true
            pending.append(.abandonMessage)
            return
        }
        if octets.readableBytes > 0 { pending.append(.messageBytes(octets)) }
    }

    private mutating func finishChunk(_ transfer: SMTPChunkTransfer) {
        let isRefused = transfer.failure != nil || transfer.receiver.violation != nil
        guard !transfer.isLast, !isRefused else {
            finish(transfer.receiver.violation, transfer.failure, transfer.envelope, size: transfer.receiver.size)
            return
        }
        state = .awaitingChunk(transfer)
        reply(.chunkReceived(transfer.chunkSize))
    }

    private mutating func finish(
        _ violation: MessageViolation?,
        _ failure: SMTPReply?,
        _ envelope: SMTPEnvelope,
        size: Int
    ) {
        transactions += 1
        state = .awaitingMail
        if let failure { return answer(failure) }
        switch violation {
        case nil:
            state = .awaitingVerdict
            pending.append(.messageComplete(envelope, size: size))
        case .bareLineEnding: refuse(.bareLineEndingInMessage)
        case .lineTooLong: refuse(.lineTooLongInMessage)
        case .tooLarge: refuse(.messageTooLarge)
        }
    }
}
