package import MailModel

/// What one row of an import says of an account; what it does not say stays, or is as for a new one.
package struct BulkAccount: Sendable {
    package var address: EmailAddress
    package var displayName: String?
    /// `.set(nil)`: no limit of its own; a new account has the platform's default then.
    package var quotaBytes: Edit<Int64>
    /// `active` or `suspended`.
    package var status: Account.Status?
    package var profile: ProfileChange
    /// For a new account; nil: nobody is invited.
    package var invitation: BulkInvitation?
    package init(
        address: EmailAddress,
        displayName: String? = nil,
        quotaBytes: Edit<Int64> = .keep,
        status: Account.Status? = nil,
        profile: ProfileChange = ProfileChange(),
        invitation: BulkInvitation? = nil
    ) {
        self.address = address
        self.displayName = displayName
        self.quotaBytes = quotaBytes
        self.status = status
        self.profile = profile
        self.invitation = invitation
    }
}

/// Who chooses how to sign in to a new account.
package struct BulkInvitation: Sendable {
    package var contact: EmailAddress
    package var tokenHash: [UInt8]
    package var expiresAt: Timestamp
    package init(contact: EmailAddress, tokenHash: [UInt8], expiresAt: Timestamp) {
        (self.contact, self.tokenHash, self.expiresAt) = (contact, tokenHash, expiresAt)
    }
}

/// What one row of an import says of a list; nil stays, or is as for a new one.
package struct BulkList: Sendable {
    package var address: EmailAddress
    package var name: String?
    package var posting: PostingRule?
    package var maximumSize: Edit<Int64>
    /// Primary or other addresses of accounts of the organisation.
    package var owners: [EmailAddress]?
    package var members: [EmailAddress]?
    package var senders: [EmailAddress]?
    package init(
        address: EmailAddress,
        name: String? = nil,
        posting: PostingRule? = nil,
        maximumSize: Edit<Int64> = .keep,
        owners: [EmailAddress]? = nil,
        members: [EmailAddress]? = nil,
        senders: [EmailAddress]? = nil
    ) {
        self.address = address
        self.name = name
        self.posting = posting
        self.maximumSize = maximumSize
        self.owners = owners
        self.members = members
        self.senders = senders
    }
}

package enum BulkRow: Sendable {
    case account(BulkAccount)
    case alias(Alias)
    case list(BulkList)

    package var address: EmailAddress {
        switch self {
        case .account(let account): account.address
        case .alias(let alias): alias.address
        case .list(let list): list.address
        }
    }
}

/// What became of a row, or would.
package enum BulkOutcome: Hashable, Sendable {
    case created, changed, unchanged
    /// Why, and by which column where one is to blame; may be shown to a client.
    case refused(column: String?, String)

    package var isRefused: Bool {
        switch self {
        case .refused: true
        case .created, .changed, .unchanged: false
        }
    }
}

/// An import of rows into one domain.
package struct BulkImport: Sendable {
    package enum Mode: Sendable {
        /// Says what would be, and changes nothing.
        case trial
        /// Every row, or none when one is refused.
        case whole
        /// Those that are not refused.
        case partial
    }

    package var domain: String
    package var organisation: OrganisationID
    /// What the rows are, for the audit.
    package var kind: String
    package var rows: [BulkRow]
    package var mode: Mode
    /// Who imports: nobody changes an account whose role is above theirs, or suspends their own.
    package var role: Role
    package var account: AccountID?
    package var defaultQuota: Int64?
    package var openInvitations: Int
    package var members: Int
    /// Who, when and from where; action, subject and detail are written by the store.
    package var audit: AuditEvent
    package init(
        domain: String,
        organisation: OrganisationID,
        kind: String,
        rows: [BulkRow],
        mode: Mode,
        role: Role,
        account: AccountID?,
        defaultQuota: Int64?,
        openInvitations: Int,
        members: Int,
        audit: AuditEvent
    ) {
        self.domain = domain
        self.organisation = organisation
        self.kind = kind
        self.rows = rows
        self.mode = mode
        self.role = role
        self.account = account
        self.defaultQuota = defaultQuota
        self.openInvitations = openInvitations
        self.members = members
        self.audit = audit
    }
}

/// An account as an export has it: the status is its own, whatever its domain's and its organisation's say.
package struct BulkAccountRow: Hashable, Sendable {
    package var address: EmailAddress
    package var displayName: String
    package var quotaBytes: Int64?
    package var status: Account.Status
    package var language: String?
    package var timeZone: String?
    package init(
        address: EmailAddress,
        displayName: String,
        quotaBytes: Int64?,
        status: Account.Status,
        language: String?,
        timeZone: String?
    ) {
        self.address = address
        self.displayName = displayName
        self.quotaBytes = quotaBytes
        self.status = status
        self.language = language
        self.timeZone = timeZone
    }
}

/// A masked address of a domain, without what its owner noted of it.
package struct BulkMaskedRow: Hashable, Sendable {
    package var address: EmailAddress
    package var account: EmailAddress
    package var isEnabled: Bool
    package init(address: EmailAddress, account: EmailAddress, isEnabled: Bool) {
        (self.address, self.account, self.isEnabled) = (address, account, isEnabled)
    }
}

/// Many accounts, aliases or lists of one domain at once.
package protocol BulkStore: Sendable {
    /// Takes the rows in their order, in one transaction with their audit lines and one for the import.
    ///
    /// Rules are those of the single changes; a row that breaks one is refused and leaves nothing behind. Whoever sees a
    /// refused row in an import of the mode `whole` knows that nothing was changed.
    ///
    /// - Returns: an outcome for each row.
    func apply(_ bulk: BulkImport) async throws(StoreError) -> [BulkOutcome]

    /// Those that are not deleted, by address, ascending, after `after`.
    func bulkAccounts(ofDomain domain: String, after: String?, limit: Int) async throws(StoreError) -> [BulkAccountRow]
    /// By address, ascending, after `after`.
    func bulkMasked(ofDomain domain: String, after: String?, limit: Int) async throws(StoreError) -> [BulkMaskedRow]
}
