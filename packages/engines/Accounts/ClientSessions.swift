import MailCrypto
package import MailModel
package import MailPorts

/// What a client gets (RFC 6749 §5.1).
package struct ClientTokens: Sendable {
    package var accessToken: String
    package var expiresAt: Timestamp
    /// nil: the client was not allowed to stay.
    package var refreshToken: String?
    package var grant: OAuthGrant
    package var account: Account
}

/// Whom a client's access token speaks for, and what it may be used for.
package struct ClientSignIn: Sendable {
    package var account: Account
    package var claims: ClientClaims
}

/// A client's refresh token as it is known now.
package struct KnownRefreshToken: Sendable {
    package var grant: OAuthGrant
    package var account: Account
}

package struct ClientSessionLimits: Sendable {
    /// The provider's address, `https://…` without a slash at its end: issuer and audience of clients' tokens.
    package var issuer: String
    package var accessSeconds: Int64 = 600
    /// From one use to the next.
    package var refreshSeconds: Int64 = 7_776_000
    /// How long a browser stays signed in at the sign-in pages.
    package var browserSeconds: Int64 = 43_200
    package init(issuer: String) { self.issuer = issuer }
}

/// Sessions of clients and of browsers: what ends a session of the platform ends these (a revoked one, a suspended account,
/// a new password), and with it mail connections that signed in by its tokens.
///
/// Invariants: no token or secret of one kind is good as another, nor as one of the platform's own interfaces; a refresh
/// token is good once, and a second use ends the session.
package struct ClientSessions: Sendable {
    /// Clocks of replicas may differ by this much.
    private static let leewaySeconds: Int64 = 30

    let sessions: any SessionStore
    let grants: any OAuthGrantStore
    let directory: any DirectoryStore
    let keys: TokenKeyRing
    package let limits: ClientSessionLimits

    package init(
        sessions: any SessionStore,
        grants: any OAuthGrantStore,
        directory: any DirectoryStore,
        keys: TokenKeyRing,
        limits: ClientSessionLimits
    ) {
        self.sessions = sessions
        self.grants = grants
        self.directory = directory
        self.keys = keys
        self.limits = limits
    }

    // MARK: - Clients

    /// Begins a client's session.
    ///
    /// - Parameters:
    ///   - code: what it came of.
    ///   - stays: whether the client gets a refresh token.
    /// - Throws: `.refused` when the code was used twice, `.notFound` when the client is gone.
    package func begin(
        _ client: OAuthClient,
        scopes: [String],
        for account: Account,
        _ authentication: Authentication,
        ofCode code: [UInt8]? = nil,
        stays: Bool,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> ClientTokens {
        let secret = RefreshSecret(family: Base64URL.encode(SecureRandom.bytes(12)), account: account.id)
        let grant = OAuthGrant(
            family: secret.family,
            client: client.id,
            scopes: scopes.filter(client.scopes.contains),
            authentication: authentication
        )
        // Without a refresh token the session is as long as its one access token.
        let lifetime = stays ? limits.refreshSeconds : limits.accessSeconds
        var token = row(secret, .client, client.name, remote, lifetime, now)
        token.isByProvider = authentication.isByProvider
        try await grants.addOAuthGrant(
            grant,
            token: token,
            ofCode: code,
            audit: event("oauth.grant", account, grant, client, remote, now)
        )
        // What the organisation demands may have changed since the person was at the sign-in pages.
        guard try await sessions.worth(ofFamily: grant.family) == .full else {
            let ended = TokenService.event("session.revoke", of: grant.family, by: "system", remote: nil, now)
            try await sessions.revokeSession(grant.family, of: account.id, audit: ended)
            throw .refused("a second factor is demanded")
        }
        return try await tokens(grant, account, stays ? secret : nil, now)
    }

    /// - Parameter account: nil: the one that the store finds.
    private func event(
        _ action: String,
        _ account: Account?,
        _ grant: OAuthGrant,
        _ client: OAuthClient,
        _ remote: IPAddress?,
        _ now: Timestamp
    ) -> AuditEvent {
        let address = account?.primaryAddress.canonical ?? ""
        return AuditEvent(
            at: now,
            actor: address,
            action: action,
            subject: address,
            remote: remote,
            detail: AuditDetail().adding("session", grant.family).adding("client", client.id)
                .adding("name", client.name).adding("scope", grant.scopes.joined(separator: " ")).text
        )
    }

    /// The session of a refresh token, without using it: whether its secret is right shows when it is used.
    package func known(refreshToken text: String) async throws(StoreError) -> KnownRefreshToken? {
        guard let secret = RefreshSecret(text), let grant = try await grants.oauthGrant(ofFamily: secret.family),
            grant.client != nil, grant.authentication.account == secret.account,
            try await sessions.worth(ofFamily: secret.family) == .full,
            let account = try await directory.account(secret.account), account.status == .active
        else { return nil }
        return KnownRefreshToken(grant: grant, account: account)
    }

    /// Spends a refresh token of the client for new tokens; nil when it is not good, and its session is over when it had been
    /// used before (RFC 9700 §4.14.2).
    ///
    /// - Parameter scopes: fewer than were granted, for the access token alone (RFC 6749 §6); nil: all.
    package func refresh(
        _ text: String,
        by client: OAuthClient,
        scopes: [String]?,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> ClientTokens? {
        guard let old = RefreshSecret(text), let grant = try await grants.oauthGrant(ofFamily: old.family),
            grant.client == client.id, try await sessions.worth(ofFamily: old.family) != .limited
        else { return nil }
        let next = RefreshSecret(family: old.family, account: grant.authentication.account)
        let successor = row(next, .client, client.name, remote, limits.refreshSeconds, now)
        let alarm = event("session.reuse", nil, grant, client, remote, now)
        switch try await sessions.rotate(old.hash(for: .client), to: successor, now: now, alarm: alarm) {
        case .unknown, .reused: return nil
        case .rotated(let id):
            guard let account = try await directory.account(id), account.status == .active else {
                let ended = TokenService.event("session.revoke", of: next.family, by: "system", remote: nil, now)
                try await sessions.revokeFamily(ofToken: next.hash(for: .client), audit: ended)
                return nil
            }
            // What the client may not ask for any more goes from its sessions too.
            var narrowed = grant
            narrowed.scopes = (scopes ?? grant.scopes).filter(client.scopes.contains)
            return try await tokens(narrowed, account, next, now)
        }
    }

    private func tokens(
        _ grant: OAuthGrant,
        _ account: Account,
        _ secret: RefreshSecret?,
        _ now: Timestamp
    ) async throws(StoreError) -> ClientTokens {
        guard let signer = try await keys.signerMaking(.edDSA, type: ClientClaims.type, now: now) else {
            throw .refused("there is no key for access tokens")
        }
        let claims = ClientClaims(
            issuer: limits.issuer,
            account: account.id,
            client: grant.client ?? "",
            scopes: grant.scopes,
            issuedAt: now,
            expiresAt: now.adding(seconds: limits.accessSeconds),
            tokenID: Base64URL.encode(SecureRandom.bytes(12)),
            family: grant.family
        )
        return ClientTokens(
            accessToken: signer.sign(claims.payload),
            expiresAt: claims.expiresAt,
            refreshToken: secret?.text,
            grant: grant,
            account: account
        )
    }

    /// Whom a client's access token speaks for; nil when it is not valid, its session was ended or the account is suspended.
    package func signIn(ofToken token: String, now: Timestamp) async throws(StoreError) -> ClientSignIn? {
        guard let payload = await keys.verifyAnew(token, .edDSA, type: ClientClaims.type),
            let claims = ClientClaims(payload: payload), claims.issuer == limits.issuer, claims.expiresAt > now,
            claims.issuedAt <= now.adding(seconds: Self.leewaySeconds)
        else { return nil }
        guard try await sessions.worth(ofFamily: claims.family) == .full else { return nil }
        guard let account = try await directory.account(claims.account), account.status == .active else { return nil }
        return ClientSignIn(account: account, claims: claims)
    }

    /// Ends a session; nothing when it has ended.
    package func end(_ family: String, of account: Account, remote: IPAddress?, now: Timestamp) async throws(StoreError)
    {
        do throws(StoreError) {
            let event = TokenService.event("session.revoke", of: family, remote: remote, now)
            try await sessions.revokeSession(family, of: account.id, audit: event)
        } catch .notFound {
            // It has ended.
        }
    }

    /// Ends the session of a refresh token whose secret is right; nothing else.
    package func endIfGood(
        _ text: String,
        _ known: KnownRefreshToken,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) {
        guard let secret = RefreshSecret(text) else { return }
        do throws(StoreError) {
            let event = TokenService.event("session.revoke", of: known.grant.family, remote: remote, now)
            try await sessions.revokeFamily(ofToken: secret.hash(for: .client), audit: event)
        } catch .notFound {
            // It has ended.
        }
    }

    func row(
        _ secret: RefreshSecret,
        _ use: RefreshSecret.Use,
        _ device: String,
        _ remote: IPAddress?,
        _ seconds: Int64,
        _ now: Timestamp
    ) -> RefreshToken {
        RefreshToken(
            account: secret.account,
            family: secret.family,
            hash: secret.hash(for: use),
            issuedAt: now,
            expiresAt: now.adding(seconds: seconds),
            origin: SessionOrigin(device: device, remote: remote)
        )
    }
}

extension RefreshSecret {
    /// What a secret is good for, beside the platform's own sessions.
    enum Use: String { case client, browser }

    /// What the store finds it by: a secret of one kind is unknown as one of another.
    func hash(for use: Use) -> [UInt8] { SHA256.hash(Array("oonrumail \(use.rawValue) session\0\(text)".utf8)) }
}
