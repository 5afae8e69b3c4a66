package import Accounts
import HTTPKit
import MailCrypto
import MailModel
package import MailPorts
package import OpenIDProvider
import PlatformConfig
package import SingleSignOn

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
    /// nil: programs do not register themselves.
    package var registrar: ClientRegistrar?
    /// Programs that register themselves from one client address in an hour.
    package var registrationRequests: Int
    /// Identity providers of people's domains.
    package var providers: ProviderSignIn
    /// Seals what browsers keep for the pages.
    package var secrets: any SecretSealing
    /// Whether browsers let the pages ask for passkeys.
    package var asksPasskeys: Bool

    static let returnPath = PlatformSettings.signInReturnPath

    package var issuer: String { sessions.limits.issuer }

    /// The client of that id, whoever registered it; nil for one that is not known.
    func client(_ id: String) async throws(StoreError) -> OAuthClient? {
        guard id.utf8.count <= OAuthClient.longestID else { return nil }
        if let known = try await clients.oauthClient(id) { return known }
        return registrar?.client(id, now: auth.clock.now())
    }

    /// The client, where people may be asked to let it in: one that registered itself only if it still could.
    func clientToLetIn(_ id: String) async throws(StoreError) -> OAuthClient? {
        guard let client = try await client(id) else { return nil }
        return client.isSelfRegistered ? registrar?.client(id, now: auth.clock.now()) : client
    }

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
