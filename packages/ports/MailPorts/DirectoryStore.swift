package import MailModel

package struct Organisation: Hashable, Sendable {
    package var id: OrganisationID
    package var name: String
    package init(id: OrganisationID, name: String) { (self.id, self.name) = (id, name) }
}

package struct HostedDomain: Hashable, Sendable {
    package enum Status: String, Sendable {
        /// Verified: proved by its owner, or vouched for by an operator.
        case active
        /// Takes no mail and sends none; its people may read.
        case suspended
        /// As if it were not hosted, until it is restored or removed for good.
        case deleted
    }
    package var id: DomainID
    package var organisation: OrganisationID
    /// Lower case.
    package var name: String
    package var status: Status
    package var createdAt: Timestamp
    /// Why it is suspended.
    package var reason: String?
    /// When a deleted one is removed for good.
    package var purgeAt: Timestamp?
    package init(
        id: DomainID,
        organisation: OrganisationID,
        name: String,
        status: Status,
        createdAt: Timestamp,
        reason: String? = nil,
        purgeAt: Timestamp? = nil
    ) {
        self.id = id
        self.organisation = organisation
        self.name = name
        self.status = status
        self.createdAt = createdAt
        self.reason = reason
        self.purgeAt = purgeAt
    }
}

package enum Role: String, Sendable, CaseIterable {
    case platformAdmin = "platform-admin"
    case owner, admin, member
}

package struct Account: Hashable, Sendable {
    package enum Status: String, CaseIterable, Sendable {
        case active, suspended
        /// To be removed for good; nobody signs in, and mail is answered as for a suspended one.
        case deleted
    }
    package var id: AccountID
    package var organisation: OrganisationID
    package var primaryAddress: EmailAddress
    package var displayName: String
    package var role: Role
    package var status: Status
    /// Octets of mail; nil for no limit of its own.
    package var quotaBytes: Int64?
    package var usedBytes: Int64
    package var usedMessages: Int64
    package var createdAt: Timestamp
    /// false: it signs in by a passkey or by its domain's identity provider.
    package var hasPassword: Bool
    package init(
        id: AccountID,
        organisation: OrganisationID,
        primaryAddress: EmailAddress,
        displayName: String,
        role: Role,
        status: Status,
        quotaBytes: Int64?,
        usedBytes: Int64,
        usedMessages: Int64,
        createdAt: Timestamp,
        hasPassword: Bool = true
    ) {
        self.id = id
        self.organisation = organisation
        self.primaryAddress = primaryAddress
        self.displayName = displayName
        self.role = role
        self.status = status
        self.quotaBytes = quotaBytes
        self.usedBytes = usedBytes
        self.usedMessages = usedMessages
        self.createdAt = createdAt
        self.hasPassword = hasPassword
    }
}

package struct NewAccount: Sendable {
    /// For an account that is there before its person is: whoever spends the token chooses how to sign in to it.
    package struct Invitation: Sendable {
        package var tokenHash: [UInt8]
        package var expiresAt: Timestamp
        package init(tokenHash: [UInt8], expiresAt: Timestamp) {
            (self.tokenHash, self.expiresAt) = (tokenHash, expiresAt)
        }
    }

    package var organisation: OrganisationID
    package var address: EmailAddress
    package var displayName: String
    package var role: Role
    /// Argon2id string as libsodium writes it, never logged; nil without a password.
    package var passwordHash: String?
    package var quotaBytes: Int64?
    package var invitation: Invitation?
    package init(
        organisation: OrganisationID,
        address: EmailAddress,
        displayName: String = "",
        role: Role = .member,
        passwordHash: String?,
        quotaBytes: Int64? = nil
    ) {
        self.organisation = organisation
        self.address = address
        self.displayName = displayName
        self.role = role
        self.passwordHash = passwordHash
        self.quotaBytes = quotaBytes
    }
}

/// What becomes of mail to one address.
package enum RecipientResolution: Hashable, Sendable {
    /// Delivered here. `usedBytes`/`quotaBytes` are as of now; the delivery transaction decides.
    /// `script` is the version of the Sieve script that its mail goes through; nil for none. `isAway`: an answer to senders is switched
    /// on, be it for another day.
    case account(AccountID, usedBytes: Int64, quotaBytes: Int64?, script: Int64? = nil, isAway: Bool = false)
    /// The account is there and a level of its quota tree has no room, in octets or in messages.
    case full(AccountID, QuotaLevel)
    /// An alias: its targets, each resolved in turn by the planner (nesting bounded there).
    case alias([EmailAddress])
    /// A distribution list, under its own address.
    case list(EmailAddress)
    /// Delivered to the account that made this masked address.
    case masked(AccountID, usedBytes: Int64, quotaBytes: Int64?, script: Int64? = nil)
    /// The domain is hosted here, the address is not.
    case unknownAddress
    /// The account, its domain or a masked address takes no mail.
    case suspended
    /// Not a domain of ours.
    case notHosted

    package var isMasked: Bool {
        guard case .masked = self else { return false }
        return true
    }

    package var isAway: Bool {
        guard case .account(_, usedBytes: _, quotaBytes: _, script: _, let isAway) = self else { return false }
        return isAway
    }
}

/// A DKIM key of a domain.
///
/// The private key is sealed (libsodium secretbox) with the platform's master key.
package struct DKIMKey: Hashable, Sendable {
    package enum Algorithm: String, Sendable, CaseIterable {
        case rsaSHA256 = "rsa-sha256"
        case ed25519SHA256 = "ed25519-sha256"
    }
    package enum State: String, CaseIterable, Sendable {
        /// Made, to be published; signs once it is seen.
        case published
        case signing
        /// Signs no more; verifies what is under way until it is removed.
        case retired
    }
    package var domain: String
    package var selector: String
    package var algorithm: Algorithm
    package var sealedPrivateKey: [UInt8]
    /// As the `p=` tag wants it: SubjectPublicKeyInfo for RSA, the raw 32 bytes for Ed25519.
    package var publicKey: [UInt8]
    package var createdAt: Timestamp
    package var state: State
    /// When a retired key is removed.
    package var removeAt: Timestamp?
    package init(
        domain: String,
        selector: String,
        algorithm: Algorithm,
        sealedPrivateKey: [UInt8],
        publicKey: [UInt8],
        createdAt: Timestamp,
        state: State = .signing,
        removeAt: Timestamp? = nil
    ) {
        self.state = state
        self.removeAt = removeAt
        self.domain = domain
        self.selector = selector
        self.algorithm = algorithm
        self.sealedPrivateKey = sealedPrivateKey
        self.publicKey = publicKey
        self.createdAt = createdAt
    }
}

/// Organisations, domains, accounts, addresses and credentials.
package protocol DirectoryStore: ListingStore {
    /// The line's subject is the organisation's number.
    func addOrganisation(name: String, audit: AuditEvent) async throws(StoreError) -> Organisation
    func organisations() async throws(StoreError) -> [Organisation]
    /// As it is kept; version 0 where nothing was set.
    func signInPolicy(of organisation: OrganisationID) async throws(StoreError) -> SignInPolicyRecord

    /// Adds the domain with its signing keys in one step. `.alreadyExists` if any organisation has it.
    func addDomain(
        _ name: String,
        organisation: OrganisationID,
        keys: [DKIMKey],
        audit: AuditEvent
    ) async throws(StoreError) -> HostedDomain
    /// In whatever state; a domain that is only claimed is not hosted.
    func domain(named name: String) async throws(StoreError) -> HostedDomain?
    /// Those that are not deleted, by name, ascending, after `after`; of one organisation or all.
    func domains(
        of organisation: OrganisationID?,
        after: String?,
        limit: Int
    ) async throws(StoreError) -> [HostedDomain]
    /// In every state, by selector.
    func dkimKeys(of domain: String) async throws(StoreError) -> [DKIMKey]
    /// Those that sign now.
    func signingKeys(of domain: String) async throws(StoreError) -> [DKIMKey]

    /// Makes the account, its primary address, credential, counters, default folders and invitation in one transaction.
    ///
    /// - Parameter audit: written with it; nil leaves no line.
    func addAccount(_ account: NewAccount, audit: AuditEvent?) async throws(StoreError) -> Account
    func account(_ id: AccountID) async throws(StoreError) -> Account?
    func account(withAddress address: EmailAddress) async throws(StoreError) -> Account?
    func accounts(ofDomain domain: String, after: String?, limit: Int) async throws(StoreError) -> [Account]
    func setAccountStatus(_ id: AccountID, _ status: Account.Status) async throws(StoreError)
    func setQuota(_ id: AccountID, bytes: Int64?, audit: AuditEvent?) async throws(StoreError)
    /// Mail, folders and settings made anew; the account, its addresses and password stay. New UIDVALIDITY.
    func resetAccount(_ id: AccountID, audit: AuditEvent?) async throws(StoreError)

    /// An active account by any of its addresses, with its Argon2id string or nil where it has no password.
    func credential(for address: EmailAddress) async throws(StoreError) -> (account: Account, passwordHash: String?)?
    /// The same password under other costs: ends no session.
    ///
    /// - Throws: `.notFound` when `old` is not the hash any more.
    func setPassword(_ id: AccountID, hash: String, replacing old: String) async throws(StoreError)
    /// Another password, or a first one: the old one's hash joins the history, of which the newest `keeping` stay; HTTP sessions
    /// end but the one named, and mail sessions that signed in with it.
    func changePassword(
        _ id: AccountID,
        hash: String,
        keeping history: Int,
        exceptSession family: String?,
        audit: AuditEvent?
    ) async throws(StoreError)
    /// Takes the password away, with all that a change of it does.
    ///
    /// - Parameter evenIfOnlyWayIn: false: `.refused` where neither a passkey that has verified its user nor a link with an
    ///   identity provider is left to sign in by.
    /// - Throws: `.notFound` when there is none.
    func removePassword(
        _ id: AccountID,
        keeping history: Int,
        exceptSession family: String?,
        evenIfOnlyWayIn: Bool,
        audit: AuditEvent
    ) async throws(StoreError)
    /// Hashes, the present one first.
    func passwordHistory(of id: AccountID, limit: Int) async throws(StoreError) -> [String]

    func addAlias(_ alias: EmailAddress, targets: [EmailAddress]) async throws(StoreError)
    func removeAlias(_ alias: EmailAddress) async throws(StoreError)
    func aliases(ofDomain domain: String) async throws(StoreError) -> [(alias: EmailAddress, targets: [EmailAddress])]

    /// After domain aliases and details of addresses; the domain's catch-all is not asked.
    func resolve(_ address: EmailAddress) async throws(StoreError) -> RecipientResolution
    /// Every address the account may send as: its own, and aliases whose only target it is.
    func sendingAddresses(of account: AccountID) async throws(StoreError) -> [EmailAddress]

    /// A line of what no transaction of the store makes; a change is written with its own.
    func recordAudit(_ event: AuditEvent) async throws(StoreError)
    /// A line of what changes nothing, such as a refusal: a trail that cannot be written is no reason to fail, but the log has the
    /// line then, and `oonrumail_audit_lost_total` counts it.
    func noteAudit(_ event: AuditEvent) async
}

package struct AuditEvent: Sendable {
    package var at: Timestamp
    /// `cli`, `system`, or the account's address.
    package var actor: String
    /// Dotted, such as `account.add`.
    package var action: String
    package var subject: String
    package var remote: IPAddress?
    /// JSON object without secrets.
    package var detail: String
    /// Who acts as the actor, in the task that made the event.
    package let acting = ActingParty.current
    package init(
        at: Timestamp,
        actor: String,
        action: String,
        subject: String,
        remote: IPAddress? = nil,
        detail: String = "{}"
    ) {
        self.at = at
        self.actor = actor
        self.action = action
        self.subject = subject
        self.remote = remote
        self.detail = detail
    }

    /// As the trail keeps it: where somebody acts as another, they are the actor and `as` in the detail says as whom.
    package var attributed: AuditEvent {
        guard let acting else { return self }
        var event = self
        event.actor = acting.actor
        // Octets: a mark behind the brace would be one `Character` with it.
        let members = detail.utf8.dropFirst()
        let rest = members.elementsEqual("}".utf8) ? "}" : "," + String(decoding: members, as: UTF8.self)
        event.detail = "{\"as\":\(JSONMembers.quoted(acting.account))" + rest
        return event
    }
}
