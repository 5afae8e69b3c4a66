import Accounts
import HTTPKit
import MailModel
import MailPorts
import OpenIDProvider

/// What tokens are worth, and their end.
extension TokenRoutes {
    /// RFC 7009: the whole session ends, whichever of its tokens is given; an unknown token is no error.
    func revoke(_ request: APIRequest, _ fields: FormFields, _ client: OAuthClient) async throws -> APIResponse {
        guard let text = fields["token"] else { throw OAuthFault(.invalidRequest, "token is missing") }
        let now = context.auth.clock.now()
        if let known = try await context.sessions.known(refreshToken: text) {
            if known.grant.client == client.id {
                try await context.sessions.endIfGood(text, known, remote: request.remote, now: now)
            }
        } else if let signIn = try await context.sessions.signIn(ofToken: text, now: now),
            signIn.claims.client == client.id
        {
            try await context.sessions.end(signIn.claims.family, of: signIn.account, remote: request.remote, now: now)
        }
        return APIResponse(status: 200)
    }

    /// RFC 7662, for access tokens.
    func introspect(
        _ request: APIRequest,
        _ fields: FormFields,
        _ client: OAuthClient
    ) async throws -> APIResponse {
        guard !client.isPublic else { throw OAuthFault(.invalidClient, "the client or its secret is not known") }
        guard let text = fields["token"] else { throw OAuthFault(.invalidRequest, "token is missing") }
        var members = JSONMembers()
        let signIn = try await context.sessions.signIn(ofToken: text, now: context.auth.clock.now())
        guard let signIn, let holder = try await context.clients.oauthClient(signIn.claims.client),
            holder.organisation == client.organisation
        else {
            members.add("active", false)
            return Self.json(members)
        }
        members.add("active", true)
        members.add("scope", signIn.claims.scopes.joined(separator: " "))
        members.add("client_id", signIn.claims.client)
        members.add("username", signIn.account.primaryAddress.description)
        members.add("token_type", "Bearer")
        members.add("exp", signIn.claims.expiresAt.seconds)
        members.add("iat", signIn.claims.issuedAt.seconds)
        members.add("sub", signIn.account.id.description)
        members.add("aud", context.issuer)
        members.add("iss", context.issuer)
        members.add("jti", signIn.claims.tokenID)
        return Self.json(members)
    }

    /// OpenID Connect Core §5.3: the one route that takes a client's token.
    func userInformation(_ request: APIRequest) async throws -> APIResponse {
        let challenge = "Bearer realm=\"oonrumail\""
        guard let token = request.bearerToken else { throw Problem.unauthenticated() }
        guard let signIn = try await context.sessions.signIn(ofToken: token, now: context.auth.clock.now()) else {
            throw Problem(
                401,
                detail: "The access token is not valid.",
                headers: ["WWW-Authenticate": challenge + ", error=\"invalid_token\""]
            )
        }
        let scopes = signIn.claims.scopes.compactMap { OAuthScope(rawValue: $0) }
        guard scopes.contains(.openid) else {
            throw Problem(
                403,
                detail: "The access token is not for this.",
                headers: ["WWW-Authenticate": challenge + ", error=\"insufficient_scope\", scope=\"openid\""]
            )
        }
        var members = JSONMembers()
        members.add("sub", signIn.account.id.description)
        if scopes.contains(.email) {
            members.add("email", signIn.account.primaryAddress.description)
            members.add("email_verified", true)
        }
        if scopes.contains(.profile) { members.add("name", signIn.account.displayName) }
        return Self.json(members)
    }
}
