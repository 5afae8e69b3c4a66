package import MailModel

/// Why a port could not do what it was asked.
///
/// Unknown causes are `.unavailable`: transient.
package enum StoreError: Error, Equatable, Sendable {
    /// The account, mailbox, message, domain or queue row is not there (permanent).
    case notFound
    /// A name or address is taken (permanent).
    case alreadyExists
    /// The request breaks a rule of the store; the text names it and may be shown to a client (permanent).
    case refused(String)
    /// The account's quota has no room. Worth trying later: somebody may delete mail.
    case overQuota
    /// A level above the account has no room, whatever the account's own quota is. Worth trying later.
    case levelFull(QuotaLevel)
    /// The backend is away, full, or failed. `reportID` is in the log beside the cause (transient).
    case unavailable(reportID: String)
    /// A record is damaged; the log has the details under the id (needs an operator).
    case damaged(reportID: String)

    /// Whether the same request may succeed later without anybody changing it.
    package var isTransient: Bool {
        switch self {
        case .overQuota, .levelFull, .unavailable, .damaged: true
        case .notFound, .alreadyExists, .refused: false
        }
    }

    /// A quota stands in the way, the account's or one above it.
    package var isForWantOfRoom: Bool {
        switch self {
        case .overQuota, .levelFull: true
        case .notFound, .alreadyExists, .refused, .unavailable, .damaged: false
        }
    }
}
