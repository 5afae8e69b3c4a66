package import MailModel

/// How and when a person proved who they are.
package struct Authentication: Hashable, Sendable {
    package var account: AccountID
    package var at: Timestamp
    /// In the words of RFC 8176, such as `pwd`, `otp`, `pop`, `mfa`; and `provider`.
    package var methods: [String]
    package init(account: AccountID, at: Timestamp, methods: [String]) {
        (self.account, self.at, self.methods) = (account, at, methods)
    }

    /// Among the methods of who signed in by the identity provider of their domain.
    ///
    /// RFC 8176 registers no word for it, so programs are not told this one.
    package static let provider = "fed"

    package var isByProvider: Bool { methods.contains(Self.provider) }
    package var registeredMethods: [String] { methods.filter { $0 != Self.provider } }
}

/// A session that is not of the platform's own interfaces: a client's, or a browser's at the sign-in pages.
package struct OAuthGrant: Hashable, Sendable {
    /// The session (`RefreshToken.family`).
    package var family: String
    /// nil: a browser's.
    package var client: String?
    package var scopes: [String]
    package var authentication: Authentication
    package init(family: String, client: String?, scopes: [String], authentication: Authentication) {
        self.family = family
        self.client = client
        self.scopes = scopes
        self.authentication = authentication
    }
}

/// An authorization code (RFC 6749 §4.1.2), of which only the hash is kept.
package struct AuthorizationCode: Hashable, Sendable {
    package var hash: [UInt8]
    package var client: String
    package var redirectURI: String
    package var scopes: [String]
    /// S256 (RFC 7636 §4.2); nil: the request had none.
    package var challenge: String?
    package var nonce: String?
    package var authentication: Authentication
    package var expiresAt: Timestamp
    package init(
        hash: [UInt8],
        client: String,
        redirectURI: String,
        scopes: [String],
        challenge: String?,
        nonce: String?,
        authentication: Authentication,
        expiresAt: Timestamp
    ) {
        self.hash = hash
        self.client = client
        self.redirectURI = redirectURI
        self.scopes = scopes
        self.challenge = challenge
        self.nonce = nonce
        self.authentication = authentication
        self.expiresAt = expiresAt
    }
}

package enum CodeOutcome: Hashable, Sendable {
    case good(AuthorizationCode)
    /// Unknown or expired.
    case unknown
    /// It had been used before: the session that it gave is ended now.
    case reused(account: AccountID)
}

/// What a device waits for (RFC 8628).
package struct DeviceRequest: Hashable, Sendable {
    package var deviceHash: [UInt8]
    package var userHash: [UInt8]
    package var client: String
    package var scopes: [String]
    package var expiresAt: Timestamp
    package init(deviceHash: [UInt8], userHash: [UInt8], client: String, scopes: [String], expiresAt: Timestamp) {
        self.deviceHash = deviceHash
        self.userHash = userHash
        self.client = client
        self.scopes = scopes
        self.expiresAt = expiresAt
    }
}

package enum DeviceOutcome: Hashable, Sendable {
    case pending
    /// Asked again too soon; the interval is longer from here on (RFC 8628 §3.5).
    case slowDown
    case denied
    case expired
    /// Unknown, of another client, or taken before.
    case unknown
    /// Once.
    case allowed(DeviceRequest, Authentication)
}

/// Codes, and the sessions that come of them.
///
/// Sessions are those of `SessionStore`: what ends sessions there ends these.
package protocol OAuthGrantStore: Sendable {
    /// Keeps a code; what has expired of the account's goes.
    func addAuthorizationCode(_ code: AuthorizationCode) async throws(StoreError)
    /// Takes a code, once; `alarm` is written when it had been used, with the account's primary address as its subject.
    func spendAuthorizationCode(
        _ hash: [UInt8],
        now: Timestamp,
        alarm: AuditEvent
    ) async throws(StoreError) -> CodeOutcome
    /// Begins a session.
    ///
    /// - Parameter code: what it came of; `.refused` when that was used a second time meanwhile.
    func addOAuthGrant(
        _ grant: OAuthGrant,
        token: RefreshToken,
        ofCode code: [UInt8]?,
        audit: AuditEvent
    ) async throws(StoreError)
    /// nil for sessions of the platform's own interfaces, and unknown ones.
    func oauthGrant(ofFamily family: String) async throws(StoreError) -> OAuthGrant?
    /// The browser's session whose token has this hash, unless it has ended.
    func browserSession(tokenHash: [UInt8], now: Timestamp) async throws(StoreError) -> OAuthGrant?

    /// Keeps what a device asks; what has expired goes. `.alreadyExists` when the user's code is in use.
    func addDeviceRequest(_ request: DeviceRequest, intervalSeconds: Int64) async throws(StoreError)
    /// One that waits for its person.
    func deviceRequest(userHash: [UInt8], now: Timestamp) async throws(StoreError) -> DeviceRequest?
    /// nil: denied. False when it does not wait any more.
    func decideDeviceRequest(
        userHash: [UInt8],
        _ authentication: Authentication?,
        now: Timestamp
    ) async throws(StoreError) -> Bool
    /// What became of it, for the client that asked.
    func pollDeviceRequest(
        _ deviceHash: [UInt8],
        client: String,
        now: Timestamp
    ) async throws(StoreError) -> DeviceOutcome
}
