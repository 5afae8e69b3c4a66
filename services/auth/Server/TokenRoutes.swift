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
        guard let client = try await context.client(id) else { throw unknown }
        switch (client.isPublic, basic?.password ?? fields["client_secret"]) {
        case (true, nil): return client
        case (false, let secret?) where ClientRegistry.isSecret(secret, of: client): return client
        case (true, .some), (false, _): throw unknown
        }
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
        guard case .good(let code) = outcome else { throw bad }
        guard code.client == client.id else { throw bad }
        guard let given = fields["redirect_uri"], given.utf8.elementsEqual(code.redirectURI.utf8) else { throw bad }
        switch (code.challenge, fields["code_verifier"]) {
        case (nil, nil): ()
        case (let challenge?, let verifier?) where ProofKey.proves(verifier, challenge: challenge): ()
        // RFC 9700 §4.8.2: a verifier without a challenge is a downgrade.
        default: throw bad
        }
        guard let account = try await context.directory.account(code.authentication.account),
            account.status == .active
        else { throw bad }
        return try await begin(client, code.scopes, account, code.authentication, code, request)
    }

    private func begin(
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
        guard let tokens else { throw OAuthFault(.invalidGrant, "the refresh token is not good") }
        return try await answer(tokens, client, nonce: nil)
    }

    private func poll(
        _ request: APIRequest,
        _ fields: FormFields,
        _ client: OAuthClient
    ) async throws -> APIResponse {
        guard let code = fields["device_code"], code.utf8.count <= 128 else {
            throw OAuthFault(.invalidRequest, "device_code is missing")
        }
        let outcome = try await context.grants.pollDeviceRequest(
            DeviceCode.hash(device: code),
            client: client.id,
            now: context.auth.clock.now()
        )
        switch outcome {
        case .pending: throw OAuthFault(.authorizationPending, "nobody has decided yet")
        case .slowDown: throw OAuthFault(.slowDown, "this was asked too soon")
        case .denied: throw OAuthFault(.accessDenied, "access was not allowed")
        case .expired: throw OAuthFault(.expiredToken, "the code is too old")
        case .unknown: throw OAuthFault(.invalidGrant, "the code is not good")
        case .allowed(let asked, let authentication):
            guard let account = try await context.directory.account(authentication.account), account.status == .active
            else { throw OAuthFault(.invalidGrant, "the code is not good") }
            return try await begin(client, asked.scopes, account, authentication, nil, request)
        }
    }

    /// RFC 8628 §3.1.
    private func authorizeDevice(
        _ request: APIRequest,
        _ fields: FormFields,
        _ client: OAuthClient
    ) async throws -> APIResponse {
        // Its code can be asked for from afar: whoever sends somebody the link to it would get the tokens.
        guard !client.isSelfRegistered else {
            throw OAuthFault(.unauthorizedClient, "a program that registered itself is let in on its own device")
        }
        let scopes: [String]
        do throws(AuthorizationRequest.Refusal) {
            scopes = try AuthorizationRequest.scopes(fields["scope"], client) {
                .answer(OAuthFault($0, $1), redirectURI: "", state: nil)
            }
        } catch {
            guard case .answer(let fault, _, _) = error else {
                throw OAuthFault(.invalidScope, "the scope is not good")
            }
            throw fault
        }
        let (device, user) = (DeviceCode.random(), DeviceCode.randomUserCode())
        try await context.grants.addDeviceRequest(
            DeviceRequest(
                deviceHash: DeviceCode.hash(device: device),
                userHash: DeviceCode.hash(user: user),
                client: client.id,
                scopes: scopes,
                expiresAt: context.auth.clock.now().adding(seconds: DeviceCode.lifetime)
            ),
            intervalSeconds: DeviceCode.interval
        )
        var members = JSONMembers()
        members.add("device_code", device)
        members.add("user_code", user)
        members.add("verification_uri", context.issuer + ProviderDocument.devicePage)
        members.add("verification_uri_complete", context.issuer + ProviderDocument.devicePage + "?user_code=" + user)
        members.add("expires_in", DeviceCode.lifetime)
        members.add("interval", DeviceCode.interval)
        return Self.json(members)
    }
}

extension AuthorizationCode {
    /// What the store finds a code by.
    static func hash(_ text: String) -> [UInt8] { SHA256.hash(Array("oonrumail code\0\(text)".utf8)) }
}
