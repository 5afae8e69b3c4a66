package import MailCrypto
package import MailModel
package import MailPorts

package struct TokenPair: Sendable {
    package var accessToken: String
    package var accessExpiresAt: Timestamp
    package var refreshToken: String
    package var refreshExpiresAt: Timestamp
    /// Good for enrolling a second factor and for nothing else, until that is done.
    package var isLimited = false
}

package struct TokenLimits: Sendable {
    /// The platform's host name.
    package var issuer: String
    package var audience = "oonrumail"
    package var accessSeconds: Int64 = 600
    package var refreshSeconds: Int64 = 2_592_000
    package var acting = ActingPolicy.operators
    /// How long a token lasts by which somebody acts as another: there is no refreshing it.
    package static let actingSeconds: Int64 = 900
    package init(issuer: String) { self.issuer = issuer }
}

/// Access tokens (EdDSA, verified by anybody with the published key) and rotating refresh tokens.
package struct TokenService: Sendable {
    /// Clocks of replicas may differ by this much.
    private static let leewaySeconds: Int64 = 30

    let sessions: any SessionStore
    let directory: any DirectoryStore
    let limits: TokenLimits
    package let keys: TokenKeyRing

    package init(sessions: any SessionStore, directory: any DirectoryStore, keys: TokenKeyRing, limits: TokenLimits) {
        self.sessions = sessions
        self.directory = directory
        self.keys = keys
        self.limits = limits
    }

    /// With one key of its own.
    package init(sessions: any SessionStore, directory: any DirectoryStore, key: Ed25519PrivateKey, limits: TokenLimits)
    {
        self.init(sessions: sessions, directory: directory, keys: TokenKeyRing(key), limits: limits)
    }

    func sign(_ claims: AccessClaims, _ now: Timestamp) -> String {
        guard let signer = keys.signer(.edDSA, now: now) else {
            preconditionFailure("a ring is loaded with a key for access tokens")
        }
        return signer.sign(claims.payload)
    }

    // MARK: - Sessions

    /// Begins a session after a successful sign-in.
    ///
    /// - Parameter byProvider: the account's identity provider has said who it is.
    package func issue(
        for account: Account,
        from origin: SessionOrigin = SessionOrigin(),
        byProvider: Bool = false,
        now: Timestamp
    ) async throws(StoreError) -> TokenPair {
        let family = Base64URL.encode(SecureRandom.bytes(12))
        let refresh = RefreshSecret(family: family, account: account.id)
        await keys.refresh()
        var token = row(refresh, origin, now)
        token.isByProvider = byProvider
        try await sessions.add(token)
        return try await worthy(pair(account, refresh, now), family)
    }

    private func worthy(_ pair: TokenPair, _ family: String) async throws(StoreError) -> TokenPair {
        var pair = pair
        pair.isLimited = try await sessions.worth(ofFamily: family) == .limited
        return pair
    }

    /// Spends a refresh token for a new pair; nil when it is unknown, expired, revoked or was spent before, which ends its whole
    /// family (RFC 9700 §4.14.2).
    package func refresh(
        _ token: String,
        from origin: SessionOrigin = SessionOrigin(),
        now: Timestamp
    ) async throws(StoreError) -> TokenPair? {
        guard let old = RefreshSecret(token) else { return nil }
        await keys.refresh()
        let next = RefreshSecret(family: old.family, account: old.account)
        // Of a token that is used again the newer one may be a thief's: both must sign in again, and the operator can see it.
        let alarm = Self.event("session.reuse", of: old.family, remote: origin.remote, now)
        switch try await sessions.rotate(old.hash, to: row(next, origin, now), now: now, alarm: alarm) {
        case .unknown, .reused: return nil
        case .rotated(let id):
            guard let account = try await directory.account(id), account.status == .active else {
                let ended = Self.event("session.revoke", of: next.family, by: "system", remote: nil, now)
                try await sessions.revokeFamily(ofToken: next.hash, audit: ended)
                return nil
            }
            return try await worthy(pair(account, next, now), next.family)
        }
    }

    /// Ends the session that the refresh token belongs to.
    package func revoke(
        refreshToken token: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) {
        guard let secret = RefreshSecret(token) else { return }
        do {
            let event = Self.event("sign_out", of: secret.family, remote: remote, now)
            try await sessions.revokeFamily(ofToken: secret.hash, audit: event)
        } catch StoreError.notFound {
            // Ended already.
        }
    }

    /// A line of a session, which the store names after its account.
    ///
    /// - Parameter actor: nil: the account's owner.
    package static func event(
        _ action: String,
        of family: String?,
        by actor: String? = nil,
        remote: IPAddress?,
        _ now: Timestamp
    ) -> AuditEvent {
        AuditEvent(
            at: now,
            actor: actor ?? "",
            action: action,
            subject: "",
            remote: remote,
            detail: family.map { AuditDetail().adding("session", $0).text } ?? "{}"
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
            accessToken: sign(claims, now),
            accessExpiresAt: expires,
            refreshToken: refresh.text,
            refreshExpiresAt: now.adding(seconds: limits.refreshSeconds)
        )
    }

    // MARK: - Verification

    /// The claims of a token that this platform signed, for this audience, within its time; nil for every other text.
    package func verify(_ token: String, now: Timestamp) -> AccessClaims? {
        keys.verify(token, .edDSA).flatMap { claims(in: $0, audience: limits.audience, now) }
    }

    private func claims(in payload: [UInt8], audience: String, _ now: Timestamp) -> AccessClaims? {
        guard let claims = AccessClaims(payload: payload) else { return nil }
        guard claims.issuer == limits.issuer, claims.audience == audience else { return nil }
        guard claims.expiresAt > now, claims.issuedAt <= now.adding(seconds: Self.leewaySeconds) else { return nil }
        return claims
    }

    /// The account that a token speaks for, as the directory has it now; nil when the token is not valid, its session was ended or
    /// is limited, the account is suspended, or somebody acts as it.
    package func account(ofAccessToken token: String, now: Timestamp) async throws(StoreError) -> Account? {
        try await session(ofAccessToken: token, now: now)?.account
    }

    /// The account and the session that a token speaks for, under the same conditions.
    package func session(ofAccessToken token: String, now: Timestamp) async throws(StoreError) -> SignedIn? {
        guard let bearer = try await bearer(ofAccessToken: token, now: now), !bearer.isLimited,
            bearer.actor == nil
        else { return nil }
        return bearer
    }

    /// The same with limited sessions, and those in which somebody acts: the caller must ask of both.
    package func bearer(ofAccessToken token: String, now: Timestamp) async throws(StoreError) -> SignedIn? {
        guard let payload = await keys.verifyAnew(token, .edDSA),
            let claims = claims(in: payload, audience: limits.audience, now)
        else { return nil }
        let worth = try await sessions.worth(ofFamily: claims.family)
        guard worth != .ended else { return nil }
        guard let account = try await directory.account(claims.account), account.status == .active else { return nil }
        var actor: Account?
        if let party = claims.actor {
            actor = try await self.actor(party.account, as: account)
            guard actor != nil else { return nil }
        }
        return SignedIn(account: account, family: claims.family, isLimited: worth == .limited, actor: actor)
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
        return sign(claims, now)
    }

    func account(ofChallenge token: String, now: Timestamp) async -> AccountID? {
        guard let payload = await keys.verifyAnew(token, .edDSA) else { return nil }
        return claims(in: payload, audience: challengeAudience, now)?.account
    }

    /// The public keys as a JWK set (RFC 7517 §5).
    package var keySet: String { get async { await keys.keySet() } }
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
