package import Accounts
package import HTTPKit
package import MailModel
package import MailPorts
import ServiceHost
package import SingleSignOn

/// Sessions of the HTTP interfaces.
///
/// Invariants: a token is verified by its signature on every request; a spent refresh token ends its family; answers to a wrong
/// password and to an unknown address are the same.
package struct AuthRoutes: Sendable {
    let authenticator: AccountAuthenticator
    let factors: SecondFactorService
    let passkeys: PasskeyService
    let tokens: TokenService
    let accounts: AccountService
    let audit: any AuditStore
    let appPasswords: AppPasswordService
    let clock: any WallClock
    /// nil: no provider's word is asked for.
    let providers: ProviderSignIn?

    package init(
        authenticator: AccountAuthenticator,
        tokens: TokenService,
        accounts: AccountService,
        audit: any AuditStore,
        factors: SecondFactorService,
        passkeys: PasskeyService,
        appPasswords: AppPasswordService,
        clock: any WallClock,
        providers: ProviderSignIn? = nil
    ) {
        self.authenticator = authenticator
        self.tokens = tokens
        self.accounts = accounts
        self.audit = audit
        self.factors = factors
        self.passkeys = passkeys
        self.appPasswords = appPasswords
        self.clock = clock
        self.providers = providers
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let tokens = tokens
        set.post("/api/auth/login") { request in try await self.login(request) }
        set.post("/api/auth/second-factor") { request in try await self.completeSecondFactor(request) }
        set.post("/api/auth/refresh") { request in try await self.refresh(request) }
        set.post("/api/auth/logout") { request in try await self.logout(request) }
        let signedIn = BearerGuard.tokens(tokens, clock)
        let enrolling = BearerGuard.tokens(tokens, clock, toEnrol: true)
        set.get("/api/audit", signedIn(listAudit))
        let inSession = BearerGuard.sessions(tokens, clock)
        set.put("/api/users/me/password", inSession(changePassword))
        set.delete("/api/users/me/password", inSession(removePassword))
        set.get("/api/users/me/sessions", whileActing: true, inSession(listSessions))
        set.delete("/api/users/me/sessions/{id}", inSession(revokeSession))
        set.post("/api/users/me/sessions/revoke-others", inSession(revokeOtherSessions))
        set.get("/api/users/me/app-passwords", signedIn(listAppPasswords))
        set.post("/api/users/me/app-passwords", signedIn(addAppPassword))
        set.delete("/api/users/me/app-passwords/{id}", signedIn(revokeAppPassword))
        set.get("/api/users/me/second-factor", enrolling(showSecondFactor))
        set.post("/api/users/me/second-factor", enrolling(beginSecondFactor))
        set.post("/api/users/me/second-factor/confirm", enrolling(confirmSecondFactor))
        set.post("/api/users/me/second-factor/recovery-codes", signedIn(renewRecoveryCodes))
        set.post("/api/users/me/second-factor/disable", signedIn(disableSecondFactor))
        set.get("/.well-known/jwks.json") { _ in
            APIResponse(
                status: 200,
                contentType: "application/jwk-set+json",
                body: Array(await tokens.keySet.utf8),
                headers: ["Cache-Control": "public, max-age=300"]
            )
        }
        Self.describe(&set)
        return set
    }

    // MARK: - Routes

    private struct Credentials: RequestDocument {
        static let members: Set<String> = ["email", "password"]
        var email: String
        var password: String
    }

    private func login(_ request: APIRequest) async throws -> APIResponse {
        let credentials = try await request.decode(Credentials.self)
        let now = clock.now()
        let outcome = await authenticator.authenticate(
            user: credentials.email,
            password: credentials.password,
            remote: request.remote,
            service: "http",
            now: now
        )
        switch outcome {
        case .success(let signIn), .enrolmentNeeded(let signIn):
            return try answer(try await tokens.issue(for: signIn.account, from: request.origin, now: now), now)
        case .secondFactorNeeded(let account): return try await challenge(account, now)
        case .providerNeeded(let domain): throw Problem.providerNeeded(domain)
        case .invalid, .appPasswordNeeded: throw Self.wrongPassword
        case .lockedOut(let seconds): throw Self.lockedOut(seconds)
        case .unavailable: throw Problem.unavailable()
        }
    }

    static var wrongPassword: Problem {
        Problem(
            401,
            detail: "The address or the password is wrong.",
            headers: ["WWW-Authenticate": "Bearer realm=\"oonrumail\""]
        )
    }

    static var wrongPasskey: Problem { Problem.unauthenticated("The passkey was not accepted.") }

    static func lockedOut(_ seconds: Int) -> Problem {
        Problem(429, detail: "Too many failed attempts.", headers: ["Retry-After": "\(seconds)"])
    }

    private struct Refresh: RequestDocument {
        static let members: Set<String> = ["refresh_token"]
        var refreshToken: String

        private enum CodingKeys: String, CodingKey {
            case refreshToken = "refresh_token"
        }
    }

    private func refresh(_ request: APIRequest) async throws -> APIResponse {
        let token = try await request.decode(Refresh.self).refreshToken
        let now = clock.now()
        guard let pair = try await tokens.refresh(token, from: request.origin, now: now) else {
            authenticator.conduct?.noteWrong(.refreshToken, token, of: request.remote)
            throw Problem.unauthenticated("The refresh token is not valid; sign in again.")
        }
        return try answer(pair, now)
    }

    /// Who signed in by a provider speaks for the network too.
    func noteSignIn(_ account: Account, _ request: APIRequest) {
        guard let remote = request.remote else { return }
        authenticator.conduct?.note(.signedIn(account.id), of: remote)
    }

    private func logout(_ request: APIRequest) async throws -> APIResponse {
        // An unknown token is no error: the session is over either way.
        try await tokens.revoke(
            refreshToken: try await request.decode(Refresh.self).refreshToken,
            remote: request.remote,
            now: clock.now()
        )
        return .noContent
    }

    /// RFC 6749 §5.1 names.
    private struct Tokens: Encodable {
        var accessToken: String
        var tokenType = "Bearer"
        var expiresIn: Int64
        var refreshToken: String
        var refreshExpiresIn: Int64
        /// What a session that may do nothing else is good for.
        var limitedTo: String?
    }

    static let enrolment = "second-factor-enrolment"

    func answer(_ pair: TokenPair, _ now: Timestamp) throws -> APIResponse {
        try .json(
            Tokens(
                accessToken: pair.accessToken,
                expiresIn: pair.accessExpiresAt.seconds - now.seconds,
                refreshToken: pair.refreshToken,
                refreshExpiresIn: pair.refreshExpiresAt.seconds - now.seconds,
                limitedTo: pair.isLimited ? Self.enrolment : nil
            )
        )
    }
}
