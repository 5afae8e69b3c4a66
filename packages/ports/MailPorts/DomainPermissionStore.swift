package import MailModel

/// What an account may do with one domain of its organisation, beyond what its role allows.
package struct DomainPermissions: OptionSet, Hashable, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// Its records, signing keys, addresses, lists, policy and branding.
    package static let manage = DomainPermissions(rawValue: 1)
    /// Sending with any of its addresses.
    package static let sendAs = DomainPermissions(rawValue: 2)
    /// Reading what its DNS, quota and mail were like.
    package static let analytics = DomainPermissions(rawValue: 4)
    /// Its people: accounts of role member, invitations and registrations.
    package static let users = DomainPermissions(rawValue: 8)

    /// As interfaces name them, in order.
    package static let words: [(word: String, permission: DomainPermissions)] = [
        ("manage", .manage), ("send-as", .sendAs), ("analytics", .analytics), ("users", .users),
    ]

    /// nil when one is no permission.
    package init?(words: [String]) {
        var found: DomainPermissions = []
        for text in words {
            guard let known = Self.words.first(where: { $0.word.utf8.elementsEqual(text.utf8) }) else { return nil }
            found.insert(known.permission)
        }
        self = found
    }

    package var words: [String] { Self.words.filter { contains($0.permission) }.map(\.word) }
}

/// What one account may do with one domain.
package struct DomainGrant: Hashable, Sendable {
    package var domain: String
    package var account: AccountID
    /// The account's primary address.
    package var address: EmailAddress
    /// Never empty.
    package var permissions: DomainPermissions
    /// When it was last changed.
    package var grantedAt: Timestamp
    /// `cli` or an account's address.
    package var grantedBy: String
    package init(
        domain: String,
        account: AccountID,
        address: EmailAddress,
        permissions: DomainPermissions,
        grantedAt: Timestamp,
        grantedBy: String
    ) {
        self.domain = domain
        self.account = account
        self.address = address
        self.permissions = permissions
        self.grantedAt = grantedAt
        self.grantedBy = grantedBy
    }
}

/// What a list of who may do something with a domain is asked for.
package struct DomainGrantListing: Listing {
    package enum Sort: String, ListSort {
        case email
        case grantedAt = "granted_at"
    }
    package var domain: String
    /// Only those that have it.
    package var permission: DomainPermissions?
    package var sort = Sort.email
    package var isDescending = false
    /// By address a text, by time microseconds; ties by account.
    package var after: ListPosition?
    package var limit: Int
    package init(domain: String, limit: Int) { (self.domain, self.limit) = (domain, limit) }
}

extension DomainGrant: Listed {
    package func place(by sort: DomainGrantListing.Sort) -> ListPosition {
        switch sort {
        case .email: ListPosition(key: .text(address.canonical), tie: account.rawValue)
        case .grantedAt: ListPosition(key: .number(grantedAt.microseconds), tie: account.rawValue)
        }
    }
}

/// Who may do what with which domain.
///
/// A permission holds while the account is active and the domain one of its organisation that is not deleted.
package protocol DomainPermissionStore: Sendable {
    /// Those given on the domain, whether they hold now or not.
    func domainGrants(_ listing: DomainGrantListing) async throws(StoreError) -> [DomainGrant]
    /// Those that hold now, by domain.
    func domainGrants(heldBy account: AccountID) async throws(StoreError) -> [DomainGrant]
    /// What the account was given on the domain, whether it holds now or not.
    func domainGrant(of account: AccountID, on domain: String) async throws(StoreError) -> DomainGrant?
    /// As of now; empty where there are none.
    func domainPermissions(of account: AccountID, on domain: String) async throws(StoreError) -> DomainPermissions
    /// Domains with any of whose addresses the account may send now: those that may send at all.
    func sendingDomains(of account: AccountID) async throws(StoreError) -> [String]
    /// Whether `manager` manages the account by permissions: its role is member, it has addresses only in domains on which the
    /// manager has `.users` now, and it was given no permission itself, which a new password would hand on.
    func managesUser(_ account: AccountID, by manager: AccountID) async throws(StoreError) -> Bool
    /// Puts exactly these in force; none takes all away. `audit.detail` is written by the store: before and after.
    ///
    /// - Parameter limit: accounts with permissions on one domain, and domains of one account.
    /// - Returns: nil when none are left.
    /// - Throws: `.notFound` unless domain and account are there and of one organisation; `.refused` beyond `limit`.
    func setDomainPermissions(
        _ permissions: DomainPermissions,
        of account: AccountID,
        on domain: String,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> DomainGrant?
}
