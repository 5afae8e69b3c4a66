package import MailModel

/// A refresh token of one signed-in session: only its hash is kept.
package struct RefreshToken: Sendable {
    package var account: AccountID
    /// All tokens that came from one sign-in; reuse of a spent one revokes the family.
    package var family: String
    package var hash: [UInt8]
    package var issuedAt: Timestamp
    package var expiresAt: Timestamp
    package init(account: AccountID, family: String, hash: [UInt8], issuedAt: Timestamp, expiresAt: Timestamp) {
        self.account = account
        self.family = family
        self.hash = hash
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }
}

package enum RefreshOutcome: Sendable {
    case rotated(account: AccountID)
    case unknown
    /// It had been used before: the whole family is revoked now.
    case reused(account: AccountID)
}

/// Sessions of the HTTP interfaces, and small durable secrets of the platform.
package protocol SessionStore: Sendable {
    func add(_ token: RefreshToken) async throws(StoreError)
    /// Spends the token with this hash and stores its successor, in one transaction.
    func rotate(_ hash: [UInt8], to next: RefreshToken, now: Timestamp) async throws(StoreError) -> RefreshOutcome
    func revokeFamily(ofToken hash: [UInt8]) async throws(StoreError)
    func revokeAll(of account: AccountID) async throws(StoreError)
    func isRevoked(family: String) async throws(StoreError) -> Bool
    /// A named platform secret (sealed), made on first use: the closure's value wins only if none is there yet.
    func platformSecret(
        _ name: String,
        makingIfAbsent make: @Sendable () -> [UInt8]
    ) async throws(StoreError) -> [UInt8]
}
