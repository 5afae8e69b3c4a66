import MailDelivery
import MailPorts
import SMTPWire

extension SMTPReply {
    static let tooManyFailedSignIns = SMTPReply(
        454,
        EnhancedStatus(4, 7, 0),
        "Too many failed sign-ins, try again later"
    )
    static let mailboxDisabled = SMTPReply(550, EnhancedStatus(5, 2, 1), "Mailbox disabled")
    static let neverFits = SMTPReply(552, EnhancedStatus(5, 2, 3), "Message larger than the mailbox may be")
    static let aliasLoop = SMTPReply(550, EnhancedStatus(5, 4, 6), "The address leads in a circle")

    init(_ refusal: RecipientRefusal) {
        self =
            switch refusal {
            case .relayDenied: .relayDenied
            case .noSuchUser: .noSuchUser
            case .suspended: .mailboxDisabled
            case .mailboxFull: .mailboxFull
            case .neverFits: .neverFits
            case .aliasLoop: .aliasLoop
            case .unavailable(let id): .localError(id)
            }
    }

    init(_ refusal: DeliveryRefusal) {
        self =
            switch refusal {
            case .loop: .mailLoop
            case .senderNotOwned: .senderNotOwned
            case .malformed(let text): SMTPReply(554, EnhancedStatus(5, 6, 0), text)
            case .mailboxFull: .mailboxFull
            case .neverFits: .neverFits
            case .unavailable(let id): .localError(id)
            }
    }

    init(_ error: StoreError) {
        self =
            switch error {
            case .unavailable(let id), .damaged(let id): .localError(id)
            case .overQuota: .mailboxFull
            case .notFound, .alreadyExists, .refused: .localError("changed")
            }
    }
}
