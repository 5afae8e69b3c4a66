package import MailModel

/// Why a whole message is not taken after its last octet.
package enum DeliveryRefusal: Error, Equatable, Sendable {
    /// More Received fields than any honest path has (permanent).
    case loop
    /// The sender in the envelope or in the header is not an address of the account (permanent).
    case senderNotOwned
    /// The header is not one that may be sent: the text says what is wrong, and the client may read it (permanent).
    case malformed(String)
    /// A list does not take it, as the text says (permanent).
    case refusedByList(String)
    /// The only recipient's script does not take it: lines of printable ASCII (permanent, RFC 5429 §2).
    case refusedByScript(String)
    /// A recipient's mailbox has no room (transient).
    case mailboxFull
    /// A recipient's domain or organisation has no room (transient).
    case levelFull(QuotaLevel)
    /// It is larger than a recipient's whole quota (permanent).
    case neverFits
    /// A domain's policy does not let it pass (the refusal says for how long).
    case policy(PolicyRefusal)
    /// The store cannot take it now (transient); the log has the cause under the id.
    case unavailable(reportID: String)
}

extension DeliveryRefusal {
    /// What trace and log say beside the reply; nil where the reply says all.
    package var cause: String? {
        switch self {
        case .levelFull(let level): "the \(level.rawValue)'s quota is full"
        case .policy(let refusal): refusal.cause
        case .refusedByScript: "by the script of the recipient"
        case .loop, .senderNotOwned, .malformed, .refusedByList, .mailboxFull, .neverFits, .unavailable: nil
        }
    }
}

extension RecipientRefusal {
    /// What trace and log say beside the reply; nil where the reply says all.
    package var cause: String? {
        switch self {
        case .levelFull(let level): "the \(level.rawValue)'s quota is full"
        case .relayDenied, .noSuchUser, .suspended, .notPermitted, .mailboxFull, .neverFits, .aliasLoop, .unavailable:
            nil
        }
    }
}
