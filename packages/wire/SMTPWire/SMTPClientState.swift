/// What the client waits for.
enum SMTPClientState {
    case awaitingGreeting
    case awaitingHello(isExtended: Bool)
    case awaitingStartTLS
    case startingTLS
    case awaitingAuth(SMTPClientAuth)
    case awaitingEnvelope(SMTPClientEnvelope)
    case sendingBody
    case awaitingDelivery
    case awaitingQuit
    case closed
}

/// Which answer to AUTH is next.
enum SMTPClientAuth {
    case outcome
    case loginUser
    case loginPassword
}

/// Commands from MAIL to DATA: sent at once with PIPELINING, one by one without.
struct SMTPClientEnvelope {
    enum Command {
        case mail
        /// The recipient's place in the transaction.
        case recipient(Int)
        case data
    }
    let commands: [Command]
    var sent = 0
    var answered = 0
    var accepted: [Int] = []
    var mailRefusal: SMTPReply?
}
