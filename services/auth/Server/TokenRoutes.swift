import Accounts
package import HTTPKit
import MailCrypto
import MailModel
import MailPorts
import OpenIDProvider
import OpenIDWire

/// What clients ask the provider without a browser: tokens, their end, what they are worth, and whom they speak for.
///
/// Invariants: a code is taken once, by the client that it was given to, with its proof; a failed request burns its code; a
/// client reads of tokens of its own organisation's clients only.
package struct TokenRoutes: Sendable {
    let context: OpenIDContext

    package init(_ context: OpenIDContext) { self.context = context }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        set.post(ProviderDocument.token) { try await answering($0, token) }
        set.post(ProviderDocument.revocation) { try await answering($0, revoke) }
        set.post(ProviderDocument.introspection) { try await answering($0, introspect) }
        set.post(ProviderDocument.deviceAuthorization) { try await answering($0, authorizeDevice) }
        set.get(ProviderDocument.userInformation) { try await userInformation($0) }
        set.post(ProviderDocument.userInformation) { try await userInformation($0) }
        let document = Array(
            ProviderDocument.document(issuer: context.issuer, takesRegistrations: context.registrar != nil).utf8
        )
        for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
            set.get(path) { _ in
                APIResponse(
                    status: 200,
                    contentType: "application/json",
                    body: document,
                    headers: ["Cache-Control": "public, max-age=300"]
                )
            }
        }
        OpenIDDescriptions.describe(tokens: &set)
        return set
    }

    // MARK: - Clients

    private func answering(
        _ request: APIRequest,
        _ work: (APIRequest, FormFields, OAuthClient) async throws -> APIResponse
    ) async throws -> APIResponse {
        do {
            let fields = try await Self.fields(request)
            return try await work(request, fields, try await client(request, fields))
        } catch let fault as OAuthFault {
            return Self.answer(fault, request)
        }
    }

    private static func fields(_ request: APIRequest) async throws(OAuthFault) -> FormFields {
        let fields: FormFields
        do throws(Problem) {
            fields = try await request.form()
        } catch {
            throw OAuthFault(.invalidRequest, "the body is a form (application/x-www-form-urlencoded)")
        }
        guard fields.repeated == nil else { throw OAuthFault(.invalidRequest, "a parameter came twice") }
        return fields
    }

    /// RFC 6749 §2.3: by Basic or in the form, never both; public clients name themselves.
    private func client(_ request: APIRequest, _ fields: FormFields) async throws -> OAuthClient {
        let unknown = OAuthFault(.invalidClient, "the client or its secret is not known")
        let basic = request.basicCredentials
        guard basic == nil || fields["client_secret"] == nil else {
            throw OAuthFault(.invalidRequest, "the client proves itself in one way")
        }
        guard let id = basic?.user ?? fields["client_id"], fields["client_id"].map({ $0 == id }) ?? true else {
            throw unknown
        }
        let secret = basic?.password ?? fields["client_secret"]
        let client = try await context.client(id)
        switch (client, client?.isPublic, secret) {
        case (let client?, true, nil): return client
        case (let client?, false, let secret?) where ClientRegistry.isSecret(secret, of: client): return client
        default:
            noteWrong(.program, "\(id) \(secret ?? "")", request)
            throw unknown
        }
    }

    func noteWrong(_ kind: LooseSecret, _ text: String, _ request: APIRequest) {
        context.auth.authenticator.conduct?.noteWrong(kind, text, of: request.remote)
    }

    private static func answer(_ fault: OAuthFault, _ request: APIRequest) -> APIResponse {
        var members = JSONMembers()
        members.add("error", fault.code.rawValue)
        members.add("error_description", fault.why)
        let isClient = fault.code == .invalidClient
        var answer = json(members, status: isClient ? 401 : 400)
        if isClient { answer.headers["WWW-Authenticate"] = "Basic realm=\"oonrumail\"" }
        return answer
    }

    static func json(_ members: JSONMembers, status: Int = 200) -> APIResponse {
        APIResponse(
            status: status,
            contentType: "application/json",
            body: Array(members.text.utf8),
            headers: ["Cache-Control": "no-store", "Pragma": "no-cache"]
        )
    }

    // MARK: - Tokens

    private func token(_ request: APIRequest, _ fields: FormFields, _ client: OAuthClient) async throws -> APIResponse {
        switch fields["grant_type"] {
        case "authorization_code": return try await redeem(request, fields, client)
        case "refresh_token": return try await refresh(request, fields, client)
        case ProviderDocument.deviceGrant: return try await poll(request, fields, client)
        case nil: throw OAuthFault(.invalidRequest, "grant_type is missing")
        case .some: throw OAuthFault(.unsupportedGrantType, "this grant_type is not known")
        }
    }

    private func redeem(
        _ request: APIRequest,
        _ fields: FormFields,
        _ client: OAuthClient
    ) async throws -> APIResponse {
        guard let text = fields["code"], text.utf8.count <= 128 else {
            throw OAuthFault(.invalidRequest, "code is missing")
        }
        let now = context.auth.clock.now()
        let bad = OAuthFault(.invalidGrant, "the code is not good")
        let outcome = try await context.grants.spendAuthorizationCode(
            AuthorizationCode.hash(text),
            now: now,
            alarm: AuditEvent(
                at: now,
                actor: "oauth-client:\(client.id)",
                action: "oauth.code_reuse",
                subject: "",
                remote: request.remote
            )
        )
        guard case .good(let code) = outcome, code.client == client.id, Self.isProved(code, fields) else {
            noteWrong(.authorizationCode, text, request)
            throw bad
        }
        guard let account = try await context.directory.account(code.authentication.account),
            account.status == .active
        else { throw bad }
        return try await begin(client, code.scopes, account, code.authentication, code, request)
    }

    private static func isProved(_ code: AuthorizationCode, _ fields: FormFields) -> Bool {
        guard let given = fields["redirect_uri"], given.utf8.elementsEqual(code.redirectURI.utf8) else { return false }
        return switch (code.challenge, fields["code_verifier"]) {
        case (nil, nil): true
        case (let challenge?, let verifier?): ProofKey.proves(verifier, challenge: challenge)
        // RFC 9700 §4.8.2: a verifier without a challenge is a downgrade.
        case (nil, .some), (.some, nil): false
        }
    }

    func begin(
        _ client: OAuthClient,
        _ scopes: [String],
        _ account: Account,
        _ authentication: Authentication,
        _ code: AuthorizationCode?,
        _ request: APIRequest
    ) async throws -> APIResponse {
        let tokens: ClientTokens
        do throws(StoreError) {
            tokens = try await context.sessions.begin(
                client,
                scopes: scopes,
                for: account,
                authentication,
                ofCode: code?.hash,
                stays: scopes.contains(OAuthScope.offlineAccess.rawValue),
                remote: request.remote,
                now: context.auth.clock.now()
            )
        } catch {
            guard !error.isTransient else { throw error }
            throw OAuthFault(.invalidGrant, "the code is not good")
        }
        return try await answer(tokens, client, nonce: code?.nonce)
    }

    private func answer(_ tokens: ClientTokens, _ client: OAuthClient, nonce: String?) async throws -> APIResponse {
        var members = JSONMembers()
        members.add("access_token", tokens.accessToken)
        members.add("token_type", "Bearer")
        members.add("expires_in", tokens.expiresAt.seconds - context.auth.clock.now().seconds)
        members.add("scope", tokens.grant.scopes.joined(separator: " "))
        if let refresh = tokens.refreshToken { members.add("refresh_token", refresh) }
        if tokens.grant.scopes.contains(OAuthScope.openid.rawValue) {
            members.add("id_token", try await context.identityToken(tokens, client, nonce: nonce))
        }
        return Self.json(members)
    }

    private func refresh(
        _ request: APIRequest,
        _ fields: FormFields,
        _ client: OAuthClient
    ) async throws -> APIResponse {
        guard let text = fields["refresh_token"] else {
            throw OAuthFault(.invalidRequest, "refresh_token is missing")
        }
        var narrowed: [String]?
        if let scope = fields["scope"] {
            let granted = try await context.sessions.known(refreshToken: text)?.grant.scopes ?? []
            guard let words = OAuthScope.words(scope), !words.isEmpty, words.allSatisfy(granted.contains) else {
                throw OAuthFault(.invalidScope, "the scope is more than was granted")
            }
            narrowed = words
        }
        let tokens = try await context.sessions.refresh(
            text,
            by: client,
            scopes: narrowed,
            remote: request.remote,
            now: context.auth.clock.now()
        )
        guard let tokens else {
            noteWrong(.programRefreshToken, text, request)
            throw OAuthFault(.invalidGrant, "the refresh token is not good")
        }
        return try await answer(tokens, client, nonce: nil)
    }
}

extension AuthorizationCode {
    /// What the store finds a code by.
    static func hash(_ text: String) -> [UInt8] { SHA256.hash(Array("oonrumail code\0\(text)".utf8)) }
}
