package import MailModel

/// How a domain's people sign in by a provider of theirs (OpenID Connect).
package struct ProviderConnection: Hashable, Sendable {
    package var domain: String
    /// Exactly as the provider writes it.
    package var issuer: String
    package var clientID: String
    /// Sealed with the master key; nil for a client without a secret.
    package var sealedSecret: [UInt8]?
    /// Nobody but owners and platform administrators signs in by password.
    package var isEnforced = false
    /// Takes addresses of the domain's aliases for the same person's here.
    package var coversAliases = false
    /// Makes an account for an address that has none.
    package var makesAccounts = false
    /// Of accounts that are made, in octets; nil for the platform's default.
    package var quotaBytes: Int64?
    /// The claim that is the address, and the one that is the name.
    package var addressClaim = "email"
    package var nameClaim = "name"
    /// Wants `email_verified`.
    package var needsVerifiedAddress = true
    /// Between spaces.
    package var scopes = "openid email profile"
    /// The role of who set it: nobody with a greater one is signed in by it.
    package var setBy: Role
    /// 0 before it is kept.
    package var version: Int64 = 0
    package var changedAt: Timestamp?

    package init(domain: String, issuer: String, clientID: String, sealedSecret: [UInt8]?, setBy: Role) {
        self.domain = domain
        self.issuer = issuer
        self.clientID = clientID
        self.sealedSecret = sealedSecret
        self.setBy = setBy
    }
}

/// Whom a provider names.
package struct ProviderIdentity: Hashable, Sendable {
    /// `iss` and `sub`: what does not change.
    package var issuer: String
    package var subject: String
    /// Of the connection's own domain.
    package var address: EmailAddress
    package init(issuer: String, subject: String, address: EmailAddress) {
        (self.issuer, self.subject, self.address) = (issuer, subject, address)
    }
}

/// An account and who it is at the provider.
package struct ProviderLink: Hashable, Sendable {
    package var account: AccountID
    package var address: EmailAddress
    package var issuer: String
    package var subject: String
    package var linkedAt: Timestamp
    package var lastUse: LastUse?
    package init(
        account: AccountID,
        address: EmailAddress,
        issuer: String,
        subject: String,
        linkedAt: Timestamp,
        lastUse: LastUse?
    ) {
        self.account = account
        self.address = address
        self.issuer = issuer
        self.subject = subject
        self.linkedAt = linkedAt
        self.lastUse = lastUse
    }
}

package enum ProviderSignInOutcome: Equatable, Sendable {
    case signedIn(Account)
    /// Nobody has the address, and none is made.
    case noAccount
    /// The address is that of a list or an alias.
    case addressTaken
    /// The address is that of an account which belongs to another domain.
    case otherDomain
    /// The account is linked with another subject: somebody else has the address at the provider now.
    case otherSubject
    /// The account's role is above that of who set the connection.
    case roleAbove
    case suspended
    /// The connection was changed or removed meanwhile.
    case connectionChanged
}

/// Connections with identity providers, and who is linked by them.
package protocol SingleSignOnStore: Sendable {
    /// The connection that the domain itself has; nil too when it is not hosted.
    func connection(of domain: String) async throws(StoreError) -> ProviderConnection?

    /// The connection that an address of the domain signs in by: its own, or that of the domain which it is an alias of when
    /// that one covers aliases. The domains are verified and not suspended.
    func connection(covering domain: String) async throws(StoreError) -> ProviderConnection?

    /// Keeps a connection; its version is made here. Another issuer ends what links there were.
    ///
    /// - Throws: `.alreadyExists` when the version in force is not `expected`; `.notFound` when the domain is not hosted.
    func setConnection(
        _ connection: ProviderConnection,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> ProviderConnection

    /// Links go with it.
    func removeConnection(of domain: String, audit: AuditEvent) async throws(StoreError)

    func links(_ listing: LinkListing) async throws(StoreError) -> [ProviderLink]

    /// `.notFound` when the account is not linked by that domain's connection.
    func removeLink(of account: AccountID, at domain: String, audit: AuditEvent) async throws(StoreError)

    /// False when it was spent before; remembers it until then.
    func spendSignInStep(_ hash: [UInt8], until: Timestamp) async throws(StoreError) -> Bool

    /// Finds the account by its link, or by its address and links it, or makes it from `new`, in one step.
    ///
    /// The audit lines are written with it: `audit` says when, from where and for which domain.
    func signIn(
        _ identity: ProviderIdentity,
        by connection: ProviderConnection,
        making new: NewAccount?,
        audit: AuditEvent
    ) async throws(StoreError) -> ProviderSignInOutcome
}
