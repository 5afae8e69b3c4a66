package import MailModel

/// Where mail to one accepted recipient goes in the end.
package struct RecipientExpansion: Hashable, Sendable {
    package struct Local: Hashable, Sendable {
        package var account: AccountID
        /// For Delivered-To: the address that names the account, as the sender or an alias wrote it.
        package var address: EmailAddress
        package init(account: AccountID, address: EmailAddress) {
            self.account = account
            self.address = address
        }
    }

    package var local: [Local] = []
    /// Targets of aliases that lie elsewhere, and recipients of submitted mail.
    package var remote: [EmailAddress] = []

    /// The smallest quota among the local accounts: what exceeds it fits in no emptied mailbox either.
    package var smallestQuota: Int64?

    package init(local: [Local] = [], remote: [EmailAddress] = [], smallestQuota: Int64? = nil) {
        self.local = local
        self.remote = remote
        self.smallestQuota = smallestQuota
    }

    package var isEmpty: Bool { local.isEmpty && remote.isEmpty }
}

/// Why a recipient is not taken.
package enum RecipientRefusal: Error, Equatable, Sendable {
    /// Not a domain of ours, and the client may not relay (permanent).
    case relayDenied
    /// The domain is ours, the address is nobody's (permanent).
    case noSuchUser
    case suspended
    /// No room now; somebody may delete mail (transient).
    case mailboxFull
    /// Larger than the whole quota (permanent).
    case neverFits
    /// Aliases that name each other, or name more than one message should go to (permanent).
    case aliasLoop
    /// The directory cannot say (transient); the log has the cause under the id.
    case unavailable(reportID: String)
}
