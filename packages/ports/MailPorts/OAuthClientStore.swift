package import MailModel

/// A program that people may let in to their account, registered beforehand (RFC 6749 §2).
package struct OAuthClient: Hashable, Sendable {
    /// `client_id`: letters, digits, `-`, `_`; never reused.
    package var id: String
    /// Whose people may use it; nil: everybody's.
    package var organisation: OrganisationID?
    package var name: String
    /// SHA-256 of its secret; nil for programs that cannot keep one (RFC 6749 §2.1: public).
    package var secretHash: [UInt8]?
    /// Compared octet by octet, but for the port of a loopback address (RFC 8252 §7.3).
    package var redirectURIs: [String]
    /// What it may ask for.
    package var scopes: [String]
    /// How its ID tokens are signed.
    package var idTokenAlgorithm: TokenAlgorithm
    /// It registered itself, as mail programs that the platform knows do (RFC 7591).
    package var isSelfRegistered: Bool
    package var createdAt: Timestamp
    /// `cli` or an account's address.
    package var createdBy: String
    /// Grows with every change.
    package var version: Int64

    package init(
        id: String,
        organisation: OrganisationID?,
        name: String,
        secretHash: [UInt8]?,
        redirectURIs: [String],
        scopes: [String],
        idTokenAlgorithm: TokenAlgorithm = .es256,
        isSelfRegistered: Bool = false,
        createdAt: Timestamp,
        createdBy: String,
        version: Int64 = 1
    ) {
        self.id = id
        self.organisation = organisation
        self.name = name
        self.secretHash = secretHash
        self.redirectURIs = redirectURIs
        self.scopes = scopes
        self.idTokenAlgorithm = idTokenAlgorithm
        self.isSelfRegistered = isSelfRegistered
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.version = version
    }

    package var isPublic: Bool { secretHash == nil }

    /// Octets of an id: those of programs that registered themselves hold what they registered.
    package static let longestID = 384
    /// Programs that registered themselves and that one account allows something at a time.
    package static let selfRegisteredPerAccount = 50
}

/// What a client was allowed by a person.
package struct OAuthConsent: Hashable, Sendable {
    package var client: String
    package var clientName: String
    package var scopes: [String]
    package var givenAt: Timestamp
    package init(client: String, clientName: String, scopes: [String], givenAt: Timestamp) {
        self.client = client
        self.clientName = clientName
        self.scopes = scopes
        self.givenAt = givenAt
    }
}

/// Registered clients, and what people allow them.
package protocol OAuthClientStore: Sendable {
    /// `.alreadyExists` for an id that is taken; `.refused` when its organisation (or the platform) has `limit` of them.
    func addOAuthClient(_ client: OAuthClient, atMost limit: Int, audit: AuditEvent) async throws(StoreError)
    func oauthClient(_ id: String) async throws(StoreError) -> OAuthClient?
    func oauthClients(_ listing: ClientListing) async throws(StoreError) -> [OAuthClient]
    /// Changes what is not its id, its organisation or how it came to be.
    ///
    /// - Throws: `.notFound` unless it is there at the version that it carries, which the store counts on.
    func changeOAuthClient(_ client: OAuthClient, audit: AuditEvent) async throws(StoreError)
    /// With every code, consent and session that it has; `.notFound` when there is none.
    func removeOAuthClient(_ id: String, audit: AuditEvent) async throws(StoreError)

    func oauthConsent(of account: AccountID, to client: String) async throws(StoreError) -> OAuthConsent?
    /// By the client's name.
    func oauthConsents(of account: AccountID) async throws(StoreError) -> [OAuthConsent]
    /// Adds scopes to those allowed.
    ///
    /// A client that registered itself is kept from the first consent on, until nobody allows it anything any more.
    ///
    /// - Throws: `.notFound` when the client is gone; `.refused` for one that registered itself when the account allows
    ///   `OAuthClient.selfRegisteredPerAccount` of them.
    func giveOAuthConsent(
        of account: AccountID,
        to client: OAuthClient,
        scopes: [String],
        audit: AuditEvent
    ) async throws(StoreError)
    /// Takes back what was allowed and ends every session of the client for the account; `.notFound` without any.
    func withdrawOAuthConsent(
        of account: AccountID,
        from client: String,
        audit: AuditEvent
    ) async throws(StoreError)
}
