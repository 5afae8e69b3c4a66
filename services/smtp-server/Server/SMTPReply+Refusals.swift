import MailDelivery
import MailModel
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
    static let notPermitted = SMTPReply(550, EnhancedStatus(5, 7, 1), "You may not write to this list")
    static let aliasLoop = SMTPReply(550, EnhancedStatus(5, 4, 6), "The address leads in a circle")

    /// What a domain's policy says: limits that pass with time are transient (RFC 5321 §4.2.1), so that mail programs that
    /// queue try again; what stays is permanent.
    init(_ refusal: PolicyRefusal) {
        self =
            switch refusal {
            case .tooLarge: SMTPReply(552, EnhancedStatus(5, 3, 4), "Message larger than the domain takes")
            case .tooManyRecipients: SMTPReply(452, EnhancedStatus(4, 5, 3), "Too many recipients")
            case .otherRules: SMTPReply(452, EnhancedStatus(4, 5, 3), "One domain at a time")
            case .sendingLimit: SMTPReply(451, EnhancedStatus(4, 7, 1), "Sending limit reached, try again later")
            case .recipientNotAllowed: SMTPReply(550, EnhancedStatus(5, 7, 1), "Your domain does not write there")
            case .senderBlocked: SMTPReply(550, EnhancedStatus(5, 7, 1), "Your mail is not taken here")
            // RFC 3207 §4.
            case .needsTLS: SMTPReply(530, EnhancedStatus(5, 7, 0), "Must issue a STARTTLS command first")
            case .attachment: SMTPReply(550, EnhancedStatus(5, 7, 1), "An attachment of that kind is not taken")
            }
    }

    init(_ refusal: RecipientRefusal) {
        self =
            switch refusal {
            case .relayDenied: .relayDenied
            case .noSuchUser: .noSuchUser
            case .suspended: .mailboxDisabled
            case .notPermitted: .notPermitted
            case .mailboxFull, .levelFull: .mailboxFull
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
            case .refusedByList(let text): SMTPReply(550, EnhancedStatus(5, 7, 1), text)
            case .refusedByScript(let text):
                SMTPReply(
                    550,
                    EnhancedStatus(5, 7, 1),
                    lines: text.utf8.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
                )
            case .mailboxFull, .levelFull: .mailboxFull
            case .neverFits: .neverFits
            case .policy(let refusal): SMTPReply(refusal)
            case .unavailable(let id): .localError(id)
            }
    }

    init(_ error: StoreError) {
        self =
            switch error {
            case .unavailable(let id), .damaged(let id): .localError(id)
            case .overQuota, .levelFull: .mailboxFull
            case .notFound, .alreadyExists, .refused: .localError("changed")
            }
    }
}
