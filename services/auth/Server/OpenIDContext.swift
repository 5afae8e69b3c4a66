package import Accounts
import HTTPKit
import MailCrypto
import MailModel
package import MailPorts
import OpenIDProvider

/// What the provider's routes share.
package struct OpenIDContext: Sendable {
    package var auth: AuthRoutes
    package var sessions: ClientSessions
    package var clients: any OAuthClientStore
    package var grants: any OAuthGrantStore
    package var directory: any DirectoryStore
    package var limiter: any RateLimiter
    package var keys: TokenKeyRing
    /// Binds forms to the browser that they were shown to.
    package var pageKey: [UInt8]

    package var issuer: String { sessions.limits.issuer }

    /// The ID token of a sign-in.
    func identityToken(
        _ tokens: ClientTokens,
        _ client: OAuthClient,
        nonce: String?
    ) async throws -> String {
        let now = auth.clock.now()
        guard let signer = try await keys.signerMaking(client.idTokenAlgorithm, now: now) else {
            throw StoreError.refused("there is no key for ID tokens")
        }
        let token = IssuedIDToken(
            issuer: issuer,
            client: client.id,
            authentication: tokens.grant.authentication,
            nonce: nonce,
            accessToken: tokens.accessToken,
            issuedAt: now,
            expiresAt: tokens.expiresAt,
            session: tokens.grant.family
        )
        return signer.sign(token.payload)
    }
}
