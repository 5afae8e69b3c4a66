package import MailModel

/// How a key of the platform signs tokens, in the names of JWS (RFC 7518 §3.1, RFC 8037 §3.1).
package enum TokenAlgorithm: String, CaseIterable, Sendable {
    /// Ed25519: the platform's own access tokens.
    case edDSA = "EdDSA"
    /// ECDSA on P-256 with SHA-256: ID tokens.
    case es256 = "ES256"
    /// RSASSA-PKCS1-v1_5 with SHA-256: ID tokens of clients that know nothing newer.
    case rs256 = "RS256"
}

/// A key that signs tokens, as the store keeps it.
///
/// It is published from the start, signs from `signsFrom` until a newer one of its algorithm does, and is retired after.
package struct TokenKey: Hashable, Sendable {
    /// The `kid` of tokens and of the key set.
    package var id: String
    package var algorithm: TokenAlgorithm
    /// Sealed with the platform's master key.
    package var sealedKey: [UInt8]
    package var createdAt: Timestamp
    package var signsFrom: Timestamp

    package init(
        id: String,
        algorithm: TokenAlgorithm,
        sealedKey: [UInt8],
        createdAt: Timestamp,
        signsFrom: Timestamp
    ) {
        self.id = id
        self.algorithm = algorithm
        self.sealedKey = sealedKey
        self.createdAt = createdAt
        self.signsFrom = signsFrom
    }
}

/// The keys that sign tokens, shared by all processes.
package protocol TokenKeyStore: Sendable {
    /// Those that sign, will sign or have signed; the oldest first.
    func tokenKeys() async throws(StoreError) -> [TokenKey]
    /// Keeps a key, unless one of its algorithm was made after `since`: of several that do it at once, one does.
    ///
    /// - Parameter replacing: ends all others of its algorithm at once: what they have signed is worth nothing any more.
    /// - Returns: whether it was kept.
    func addTokenKey(
        _ key: TokenKey,
        unlessMadeAfter since: Timestamp?,
        replacing: Bool,
        audit: AuditEvent?
    ) async throws(StoreError) -> Bool
    /// Forgets keys, a line for each with the key as the subject; those that are not there are no error.
    func removeTokenKeys(_ ids: [String], audit: AuditEvent) async throws(StoreError)
}
