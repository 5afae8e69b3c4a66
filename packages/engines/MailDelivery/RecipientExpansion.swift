package import MailModel
package import MailPorts

/// Where mail to one accepted recipient goes in the end.
package struct RecipientExpansion: Hashable, Sendable {
    package struct Local: Hashable, Sendable {
        package var account: AccountID
        /// For Delivered-To: the address that names the account, as the sender or an alias wrote it.
        package var address: EmailAddress
        /// The address is a masked one, whose last use is noted.
        package var isMasked: Bool
        /// The version of the Sieve script that the account's mail goes through; nil for none.
        package var script: Int64?
        /// Senders may have to be answered that the person is away.
        package var isAway = false
        package init(account: AccountID, address: EmailAddress, isMasked: Bool = false, script: Int64? = nil) {
            self.account = account
            self.address = address
            self.isMasked = isMasked
            self.script = script
        }
    }

    /// A list that was reached, with its members.
    package struct List: Hashable, Sendable {
        package struct Member: Hashable, Sendable {
            package var local: Local
            /// Octets that the mailbox takes; nil for any.
            package var room: Int64?
            package init(local: Local, room: Int64?) { (self.local, self.room) = (local, room) }
        }

        package var list: DistributionList
        package var members: [Member] = []
        package var remote: [EmailAddress] = []
        package init(list: DistributionList) { self.list = list }
    }

    package var local: [Local] = []
    /// Targets of aliases that lie elsewhere, and recipients of submitted mail.
    package var remote: [EmailAddress] = []
    package var lists: [List] = []

    /// The smallest quota among the local accounts: what exceeds it fits in no emptied mailbox either.
    package var smallestQuota: Int64?

    package init(local: [Local] = [], remote: [EmailAddress] = [], smallestQuota: Int64? = nil) {
        self.local = local
        self.remote = remote
        self.smallestQuota = smallestQuota
    }

    package var isEmpty: Bool { local.isEmpty && remote.isEmpty && lists.isEmpty }
}

/// Why a recipient is not taken.
package enum RecipientRefusal: Error, Equatable, Sendable {
    /// Not a domain of ours, and the client may not relay (permanent).
    case relayDenied
    /// The domain is ours, the address is nobody's (permanent).
    case noSuchUser
    case suspended
    /// The sender may not write to this list (permanent).
    case notPermitted
    /// No room now; somebody may delete mail (transient).
    case mailboxFull
    /// No room in the domain or the organisation; the client hears no more than of a full mailbox (transient).
    case levelFull(QuotaLevel)
    /// Larger than the whole quota, or than a list takes (permanent).
    case neverFits
    /// Aliases that name each other, or name more than one message should go to (permanent).
    case aliasLoop
    /// The directory cannot say (transient); the log has the cause under the id.
    case unavailable(reportID: String)

    init(_ error: StoreError) {
        self =
            switch error {
            case .unavailable(let id), .damaged(let id): .unavailable(reportID: id)
            case .notFound, .alreadyExists, .refused, .overQuota, .levelFull: .noSuchUser
            }
    }
}
