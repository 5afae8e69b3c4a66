import MailCrypto
package import MailModel
package import MailPorts

/// Browsers at the sign-in pages.
extension ClientSessions {
    /// Signs a browser in at the sign-in pages; the text is for its cookie.
    package func beginBrowser(
        for account: Account,
        _ authentication: Authentication,
        from origin: SessionOrigin,
        now: Timestamp
    ) async throws(StoreError) -> (secret: String, grant: OAuthGrant) {
        let secret = RefreshSecret(family: Base64URL.encode(SecureRandom.bytes(12)), account: account.id)
        let grant = OAuthGrant(family: secret.family, client: nil, scopes: [], authentication: authentication)
        var token = row(secret, .browser, origin.device, origin.remote, limits.browserSeconds, now)
        token.isByProvider = authentication.isByProvider
        try await grants.addOAuthGrant(
            grant,
            token: token,
            ofCode: nil,
            audit: AuditEvent(
                at: now,
                actor: account.primaryAddress.canonical,
                action: "session.browser",
                subject: account.primaryAddress.canonical,
                remote: origin.remote,
                detail: AuditDetail().adding("session", grant.family).text
            )
        )
        return (secret.text, grant)
    }

    /// Who is signed in by that cookie; nil: nobody.
    package func browser(
        _ text: String,
        now: Timestamp
    ) async throws(StoreError) -> (account: Account, grant: OAuthGrant)? {
        guard let secret = RefreshSecret(text),
            let grant = try await grants.browserSession(tokenHash: secret.hash(for: .browser), now: now),
            try await sessions.worth(ofFamily: grant.family) == .full,
            let account = try await directory.account(grant.authentication.account), account.status == .active
        else { return nil }
        return (account, grant)
    }
}
