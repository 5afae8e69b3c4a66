package import MailCrypto
package import MailModel
package import MailPorts

package struct TokenPair: Sendable {
    package var accessToken: String
    package var accessExpiresAt: Timestamp
    package var refreshToken: String
    package var refreshExpiresAt: Timestamp
}

package struct TokenLimits: Sendable {
    /// The platform's host name.
    package var issuer: String
    package var audience = "oonrumail"
    package var accessSeconds: Int64 = 600
    package var refreshSeconds: Int64 = 2_592_000
    package init(issuer: String) { self.issuer = issuer }
}

/// Access tokens (EdDSA, verified by anybody with the published key) and rotating refresh tokens.
package struct TokenService: Sendable {
    /// Clocks of replicas may differ by this much.
    private static let leewaySeconds: Int64 = 30

    let sessions: any SessionStore
    private let directory: any DirectoryStore
    private let limits: TokenLimits
    private let signer: CompactJWS
    private let keyID: String
    private let publicKey: [UInt8]

    /// Takes the signing key of the store, sealed there, made on the first start.
    package static func load(
        sessions: any SessionStore,
        directory: any DirectoryStore,
        masterKey: MasterKey,
        limits: TokenLimits
    ) async throws(StoreError) -> TokenService {
        let sealed = try await sessions.platformSecret("token-signing-key") {
            SecretBox.seal(Ed25519PrivateKey().seed, with: masterKey)
        }
        guard let seed = try? SecretBox.open(sealed, with: masterKey), let key = Ed25519PrivateKey(seed: seed) else {
            throw .refused("the token key in the store was not sealed with this master key")
        }
        return TokenService(sessions: sessions, directory: directory, key: key, limits: limits)
    }

    package init(sessions: any SessionStore, directory: any DirectoryStore, key: Ed25519PrivateKey, limits: TokenLimits)
    {
        self.sessions = sessions
        self.directory = directory
        self.limits = limits
        publicKey = key.publicKey
        keyID = Base64URL.encode(Array(SHA256.hash(key.publicKey)[..<9]))
        signer = CompactJWS(key: key, keyID: keyID)
    }

    // MARK: - Sessions

    /// Begins a session after a successful sign-in.
    package func issue(
        for account: Account,
        from origin: SessionOrigin = SessionOrigin(),
        now: Timestamp
    ) async throws(StoreError) -> TokenPair {
        let family = Base64URL.encode(SecureRandom.bytes(12))
        let refresh = RefreshSecret(family: family, account: account.id)
        try await sessions.add(row(refresh, origin, now))
        return pair(account, refresh, now)
    }

    /// Spends a refresh token for a new pair; nil when it is unknown, expired, revoked or was spent before, which ends its whole
    /// family (RFC 9700 §4.14.2).
    package func refresh(
        _ token: String,
        from origin: SessionOrigin = SessionOrigin(),
        now: Timestamp
    ) async throws(StoreError) -> TokenPair? {
        guard let old = RefreshSecret(token) else { return nil }
        let next = RefreshSecret(family: old.family, account: old.account)
        switch try await sessions.rotate(old.hash, to: row(next, origin, now), now: now) {
        case .unknown: return nil
        case .reused(let id):
            // Whoever has the newer token may be a thief: both must sign in again, and the operator can see it.
            if let account = try await directory.account(id) {
                await audit("session.reuse", account, account.primaryAddress.canonical, old.family, origin.remote, now)
            }
            return nil
        case .rotated(let id):
            guard let account = try await directory.account(id), account.status == .active else {
                try await sessions.revokeFamily(ofToken: next.hash)
                return nil
            }
            return pair(account, next, now)
        }
    }

    /// Ends the session that the refresh token belongs to.
    package func revoke(refreshToken token: String) async throws(StoreError) {
        guard let secret = RefreshSecret(token) else { return }
        do {
            try await sessions.revokeFamily(ofToken: secret.hash)
        } catch StoreError.notFound {
            // Ended already.
        }
    }

    func audit(
        _ action: String,
        _ account: Account,
        _ actor: String,
        _ family: String?,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) async {
        // The change is made; a lost audit line must not undo it. The store logs its own failure.
        try? await directory.recordAudit(
            AuditEvent(
                at: now,
                actor: actor,
                action: action,
                subject: account.primaryAddress.canonical,
                remote: remote,
                // Of base64url.
                detail: family.map { "{\"session\":\"\($0)\"}" } ?? "{}"
            )
        )
    }

    private func row(_ secret: RefreshSecret, _ origin: SessionOrigin, _ now: Timestamp) -> RefreshToken {
        RefreshToken(
            account: secret.account,
            family: secret.family,
            hash: secret.hash,
            issuedAt: now,
            expiresAt: now.adding(seconds: limits.refreshSeconds),
            origin: origin
        )
    }

    private func pair(_ account: Account, _ refresh: RefreshSecret, _ now: Timestamp) -> TokenPair {
        let expires = now.adding(seconds: limits.accessSeconds)
        let claims = AccessClaims(
            issuer: limits.issuer,
            account: account.id,
            audience: limits.audience,
            issuedAt: now,
            expiresAt: expires,
            tokenID: Base64URL.encode(SecureRandom.bytes(12)),
            family: refresh.family,
            role: account.role,
            organisation: account.organisation
        )
        return TokenPair(
            accessToken: signer.sign(claims.payload),
            accessExpiresAt: expires,
            refreshToken: refresh.text,
            refreshExpiresAt: now.adding(seconds: limits.refreshSeconds)
        )
    }

    // MARK: - Verification

    /// The claims of a token that this platform signed, for this audience, within its time; nil for every other text.
    package func verify(_ token: String, now: Timestamp) -> AccessClaims? {
        claims(of: token, audience: limits.audience, now)
    }

    private func claims(of token: String, audience: String, _ now: Timestamp) -> AccessClaims? {
        guard let payload = signer.verify(token), let claims = AccessClaims(payload: payload) else { return nil }
        guard claims.issuer == limits.issuer, claims.audience == audience else { return nil }
        guard claims.expiresAt > now, claims.issuedAt <= now.adding(seconds: Self.leewaySeconds) else { return nil }
        return claims
    }

    /// The account that a token speaks for, as the directory has it now; nil when the token is not valid, its session was ended or
    /// the account is suspended.
    package func account(ofAccessToken token: String, now: Timestamp) async throws(StoreError) -> Account? {
        try await session(ofAccessToken: token, now: now)?.account
    }

    /// The account and the session that a token speaks for, under the same conditions.
    package func session(ofAccessToken token: String, now: Timestamp) async throws(StoreError) -> SignedIn? {
        guard let claims = verify(token, now: now) else { return nil }
        guard try await !sessions.isRevoked(family: claims.family) else { return nil }
        guard let account = try await directory.account(claims.account), account.status == .active else { return nil }
        return SignedIn(account: account, family: claims.family)
    }

    // MARK: - Challenges

    /// How long a second factor may take.
    static let challengeSeconds: Int64 = 300
    /// Another audience: no access token is a challenge, no challenge an access token.
    private var challengeAudience: String { limits.audience + " second factor" }

    /// A token that says that the account's password was right, and nothing more.
    func challenge(for account: Account, now: Timestamp) -> String {
        let claims = AccessClaims(
            issuer: limits.issuer,
            account: account.id,
            audience: challengeAudience,
            issuedAt: now,
            expiresAt: now.adding(seconds: Self.challengeSeconds),
            tokenID: Base64URL.encode(SecureRandom.bytes(12)),
            family: "",
            role: account.role,
            organisation: account.organisation
        )
        return signer.sign(claims.payload)
    }

    func account(ofChallenge token: String, now: Timestamp) -> AccountID? {
        claims(of: token, audience: challengeAudience, now)?.account
    }

    /// RFC 8037 §2 public key in a JWK set (RFC 7517 §5).
    package var keySet: String {
        """
        {"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"\(keyID)","x":"\(Base64URL.encode(publicKey))"}]}
        """
    }
}

/// A refresh token: family, account and 32 random octets, base64url.
///
/// The store knows its hash only; family and account in it are worth nothing with a wrong hash.
struct RefreshSecret {
    let family: String
    let account: AccountID
    let text: String

    var hash: [UInt8] { SHA256.hash(Array(text.utf8)) }

    init(family: String, account: AccountID) {
        self.family = family
        self.account = account
        text = "\(family).\(account).\(Base64URL.encode(SecureRandom.bytes(32)))"
    }

    init?(_ text: String) {
        guard text.utf8.count <= 128 else { return nil }
        let parts = text.utf8.split(separator: 46, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].count == 16, parts[2].count == 43 else { return nil }
        guard let account = Int64(String(decoding: parts[1], as: UTF8.self)), Base64URL.decode(parts[2])?.count == 32
        else { return nil }
        family = String(decoding: parts[0], as: UTF8.self)
        self.account = AccountID(account)
        self.text = text
    }
}
