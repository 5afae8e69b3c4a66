/// What the connection waits for; each state holds what only it needs.
enum SMTPServerState {
    case awaitingGreeting
    /// Greeted, or TLS just began.
    case awaitingHello
    case awaitingMail
    /// A question is open: `senderVerdict`.
    case checkingSender(SMTPSender)
    case awaitingRecipient(SMTPTransaction)
    /// A question is open: `recipientVerdict`.
    case checkingRecipient(SMTPRecipient, SMTPTransaction)
    /// A question is open: `messageBegun` or `messageRefused`.
    case beginningMessage(SMTPTransaction, SMTPTransferStart)
    case receivingData(SMTPDataTransfer)
    case receivingChunk(SMTPChunkTransfer)
    case awaitingChunk(SMTPChunkTransfer)
    /// A question is open: `messageVerdict`.
    case awaitingVerdict
    /// A question is open: `authChallenge` or `authOutcome`.
    case authenticating
    case awaitingAuthResponse
    case startingTLS
    case closed
}

/// MAIL was accepted.
struct SMTPTransaction {
    var envelope: SMTPEnvelope
    /// RCPT commands, refused ones included.
    var attempts = 0

    init(sender: SMTPSender) { envelope = SMTPEnvelope(sender: sender, recipients: []) }
}

/// Which command begins a message.
enum SMTPTransferStart {
    case data
    case chunk(size: Int, isLast: Bool)
}

/// After 354.
struct SMTPDataTransfer {
    let envelope: SMTPEnvelope
    var receiver: DataReceiver
    var isComplete = false
    /// The shell knows that the message will be refused.
    var isAbandoned = false
    var failure: SMTPReply?
}

/// Between the first BDAT and the one with LAST.
struct SMTPChunkTransfer {
    let envelope: SMTPEnvelope
    var receiver: BDATReceiver
    var chunkSize: Int
    var isLast: Bool
    var isComplete = false
    var isAbandoned = false
    var failure: SMTPReply?
}
