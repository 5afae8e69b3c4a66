package import MailModel

/// Who is given rights in a mailbox: an account, by its number so that another address changes nothing, or everybody.
package enum MailboxIdentifier: Hashable, Sendable {
    case account(AccountID)
    /// Every account of the owner's organisation.
    case anyone
}

/// Rights of one identifier in one mailbox.
package struct MailboxGrant: Hashable, Sendable {
    package var identifier: MailboxIdentifier
    /// nil for `anyone`.
    package var address: EmailAddress?
    package var rights: MailboxRights
    package init(identifier: MailboxIdentifier, address: EmailAddress?, rights: MailboxRights) {
        self.identifier = identifier
        self.address = address
        self.rights = rights
    }

    /// As protocols name it: an address, or `anyone` (RFC 4314 §2).
    package var name: String { address?.description ?? "anyone" }
}

/// A mailbox of another account, as one that has rights in it sees it.
package struct SharedMailbox: Hashable, Sendable {
    package var owner: AccountID
    package var ownerAddress: EmailAddress
    /// The owner is an account without sign-in.
    package var isTeam: Bool
    /// Under the name that it has at its owner; subscriptions are the reader's own and not told here.
    package var record: MailboxRecord
    /// Those of the reader and of everybody together; never empty.
    package var rights: MailboxRights
    package init(
        owner: AccountID,
        ownerAddress: EmailAddress,
        isTeam: Bool,
        record: MailboxRecord,
        rights: MailboxRights
    ) {
        self.owner = owner
        self.ownerAddress = ownerAddress
        self.isTeam = isTeam
        self.record = record
        self.rights = rights
    }
}

/// How rights change (RFC 4314 §3.1).
package struct RightsChange: Hashable, Sendable {
    package enum Mode: Sendable { case replace, add, remove }
    package var mode: Mode
    package var rights: MailboxRights
    package init(_ mode: Mode, _ rights: MailboxRights) { (self.mode, self.rights) = (mode, rights) }

    package func applied(to old: MailboxRights) -> MailboxRights {
        switch mode {
        case .replace: rights
        case .add: old.union(rights)
        case .remove: old.subtracting(rights)
        }
    }
}

/// Messages that go from a mailbox to another, perhaps of another account.
package struct MessageTransfer: Sendable {
    package var uids: UIDRanges
    package var from: MailboxID
    package var fromAccount: AccountID
    package var to: MailboxID
    package var toAccount: AccountID
    /// Flags that the copies keep.
    package var keeps: FlagScope
    package var isMove: Bool
    /// Messages that go to another account at once: each is written anew there.
    package var mostAcross: Int
    package init(
        _ uids: UIDRanges,
        from: MailboxID,
        of fromAccount: AccountID,
        to: MailboxID,
        of toAccount: AccountID,
        keeps: FlagScope,
        isMove: Bool,
        mostAcross: Int
    ) {
        self.uids = uids
        self.from = from
        self.fromAccount = fromAccount
        self.to = to
        self.toAccount = toAccount
        self.keeps = keeps
        self.isMove = isMove
        self.mostAcross = mostAcross
    }
}

/// An account without sign-in, whose mailboxes others work in.
package struct TeamAccount: Hashable, Sendable {
    package var account: AccountID
    package var address: EmailAddress
    package var displayName: String
    package var status: Account.Status
    package var createdAt: Timestamp
    package init(
        account: AccountID,
        address: EmailAddress,
        displayName: String,
        status: Account.Status,
        createdAt: Timestamp
    ) {
        self.account = account
        self.address = address
        self.displayName = displayName
        self.status = status
        self.createdAt = createdAt
    }
}

/// Rights in mailboxes, and what they open to others than the owner.
///
/// Rights hold while owner and reader are of one organisation and the owner's account is active; otherwise they wait.
package protocol MailboxSharingStore: Sendable {
    /// What other accounts share with the reader, in no order.
    func sharedMailboxes(with reader: AccountID) async throws(StoreError) -> [SharedMailbox]
    /// By the owner's primary address and the mailbox's name there; nil when the reader has no right in it, or it is not there.
    func sharedMailbox(
        named name: String,
        ofOwner owner: EmailAddress,
        with reader: AccountID
    ) async throws(StoreError) -> SharedMailbox?
    /// As of now; nil when the reader has no right in it, or it is not there.
    func sharedMailbox(
        _ mailbox: MailboxID,
        of owner: AccountID,
        with reader: AccountID
    ) async throws(StoreError) -> SharedMailbox?

    /// By identifier, `anyone` first; accounts of other organisations and accounts that are gone are left out.
    ///
    /// - Throws: `.notFound` when the mailbox is not there.
    func grants(in mailbox: MailboxID, of owner: AccountID) async throws(StoreError) -> [MailboxGrant]
    /// Changes the rights of one identifier; without rights left it is none. Sessions in the mailbox hear of it.
    ///
    /// - Parameter audit: its detail is written here: mailbox, identifier, rights before and after.
    /// - Returns: the rights after it.
    /// - Throws: `.notFound` when the mailbox is not there, or the account is not of the owner's organisation; `.refused` for the
    ///   owner itself and beyond `limit` identifiers of one mailbox.
    func changeRights(
        _ change: RightsChange,
        of identifier: MailboxIdentifier,
        in mailbox: MailboxID,
        of owner: AccountID,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> MailboxRights

    /// Copies or moves in one transaction; a copy in another account counts there, and is another message there.
    ///
    /// `.refused` beyond `mostAcross`, `.overQuota` of the account that gets them.
    func transfer(_ transfer: MessageTransfer) async throws(StoreError) -> CopyReceipt

    /// Makes an account without sign-in, as `addAccount` does; the password hash is not looked at.
    func addTeamAccount(_ account: NewAccount, audit: AuditEvent) async throws(StoreError) -> Account
    func teamAccounts(_ listing: TeamListing) async throws(StoreError) -> [TeamAccount]
}
