import Accounts
package import HTTPKit
import MailModel
import MailPorts
import OpenIDWire
package import SingleSignOn

/// Signing in by the identity provider of a person's domain: `/api/auth/sso`.
///
/// Invariants: an answer tells of domains, never of accounts; no token is in an address; a step is taken by the browser that began
/// it, once.
package struct ProviderRoutes: Sendable {
    static let path = "/api/auth/sso"
    /// RFC 6265bis §4.1.3.2: of this host alone, by https, for every path.
    private static let cookie = "__Host-oonrumail-sso"

    private let providers: ProviderSignIn
    private let auth: AuthRoutes

    package init(providers: ProviderSignIn, auth: AuthRoutes) { (self.providers, self.auth) = (providers, auth) }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: Self.problem)
        set.get(Self.path) { request in try await self.discover(request) }
        set.get("\(Self.path)/start") { request in try await self.start(request) }
        set.get("\(Self.path)/callback") { request in try await self.finish(request) }
        set.post("\(Self.path)/token") { request in try await self.exchange(request) }
        Self.describe(&set)
        return set
    }

    @Sendable private static func problem(_ error: any Error) -> Problem? {
        switch error {
        case let fault as SignInStepFault: problem(fault)
        default: StoreProblem.problem(error)
        }
    }

    private static func problem(_ fault: SignInStepFault) -> Problem? {
        switch fault {
        case .noConnection: .notFound("The domain has no identity provider here.")
        case .pageRefused: Problem(400, detail: "The query's return_to takes a page that the settings name.")
        case .challengeRefused:
            Problem(400, detail: "The query's challenge takes the SHA-256 of a verifier, in base64url: 43 characters.")
        case .wishRefused: Problem(400, detail: "The query's prompt takes login and select_account, max_age seconds.")
        case .expired: Problem(400, detail: "This sign-in is not this browser's, was finished before or has expired.")
        case .provider: Problem(502, detail: "The domain's identity provider gave no usable answer.")
        case .store(let error): StoreProblem.problem(error)
        }
    }

    // MARK: - Routes

    private struct Discovery: Encodable {
        /// `password`, `optional` or `enforced`.
        var mode: String
        /// Where a browser begins, with `challenge` to be added.
        var startUrl: String?
    }

    private func discover(_ request: APIRequest) async throws -> APIResponse {
        guard let given = request.query("address"), (1...320).contains(given.utf8.count) else {
            throw Problem(400, detail: "The query's address takes an address or a domain.")
        }
        let domain = EmailAddress(given)?.domain ?? EmailAddress.lowercased(given)
        guard EmailAddress.isDomain(domain.utf8), let found = try await providers.store.connection(covering: domain)
        else {
            return try .json(Discovery(mode: "password"))
        }
        return try .json(
            Discovery(
                mode: found.isEnforced ? "enforced" : "optional",
                startUrl: Problem.providerStart(domain)
            )
        )
    }

    private func start(_ request: APIRequest) async throws -> APIResponse {
        let page = request.query("return_to")
        let begun: ProviderSignIn.Begun
        do throws(SignInStepFault) {
            begun = try await begin(request, page)
        } catch {
            // People of the sign-in pages read there what is wrong.
            guard let page, providers.places.isOwn(page), let code = error.publicCode else { throw error }
            let back = QueryText.appended([("error", code)], to: page)
            return APIResponse(status: 302, headers: ["Location": back, "Cache-Control": "no-store"])
        }
        return APIResponse(
            status: 302,
            headers: [
                "Location": begun.address, "Cache-Control": "no-store",
                "Set-Cookie": Self.cookie(begun.cookie, seconds: providers.limits.stepSeconds),
            ]
        )
    }

    private func begin(
        _ request: APIRequest,
        _ page: String?
    ) async throws(SignInStepFault) -> ProviderSignIn.Begun {
        guard let wish = SignInWish(prompt: request.query("prompt"), maxAge: request.query("max_age")) else {
            throw .wishRefused
        }
        return try await providers.begin(
            domain: EmailAddress.lowercased(request.query("domain") ?? ""),
            page: page,
            challenge: request.query("challenge") ?? "",
            hint: request.query("login_hint"),
            wish: wish,
            now: auth.clock.now()
        )
    }

    private func finish(_ request: APIRequest) async throws -> APIResponse {
        let answer = ProviderSignIn.Answer(
            state: request.query("state"),
            code: request.query("code"),
            error: request.query("error"),
            issuer: request.query("iss")
        )
        let page: String
        do throws(SignInStepFault) {
            page = try await providers.finish(
                answer,
                cookie: request.cookie(Self.cookie) ?? "",
                remote: request.remote,
                now: auth.clock.now()
            )
        } catch {
            guard error == .expired, request.takesPages else { throw error }
            let why =
                "This sign-in is not this browser's, was finished before, or took too long. Go back and begin anew."
            return HTMLPage(title: "This does not work", body: [HTMLPage.text(why)], status: 400).answer
        }
        return APIResponse(
            status: 302,
            headers: [
                "Location": page, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
                "Set-Cookie": Self.cookie("", seconds: 0),
            ]
        )
    }

    private struct Exchange: RequestDocument {
        static let members: Set<String> = ["code", "verifier"]
        var code: String
        var verifier: String
    }

    private func exchange(_ request: APIRequest) async throws -> APIResponse {
        let given = try await request.decode(Exchange.self)
        let now = auth.clock.now()
        let account: Account
        do {
            account = try await providers.proof(ofCode: given.code, verifier: given.verifier, now: now).account
        } catch SignInStepFault.expired {
            throw Problem.unauthenticated("The code is not good; sign in again.")
        }
        auth.noteSignIn(account, request)
        return try auth.answer(
            try await auth.tokens.issue(for: account, from: request.origin, byProvider: true, now: now),
            now
        )
    }

    // MARK: - Cookie

    /// Lax, as the provider sends the browser back by a link of its own.
    private static func cookie(_ value: String, seconds: Int64) -> String {
        "\(cookie)=\(value); Path=/; Max-Age=\(seconds); Secure; HttpOnly; SameSite=Lax"
    }
}

extension SignInStepFault {
    /// What the page is told; nil for what is wrong with the request, or passes.
    fileprivate var publicCode: String? {
        switch self {
        case .noConnection: "refused"
        case .provider(let failure): failure.publicCode
        case .pageRefused, .challengeRefused, .wishRefused, .expired, .store: nil
        }
    }
}

extension APIRequest {
    /// Whether a person's browser asks (RFC 9110 §12.5.1), and not a program.
    fileprivate var takesPages: Bool {
        (header("Accept") ?? "").utf8.split(separator: 44).contains {
            $0.drop { $0 == 32 }.starts(with: "text/html".utf8)
        }
    }
}

extension Problem {
    /// Where a browser begins to sign in by the domain's provider; the page adds its `challenge`.
    static func providerStart(_ domain: String) -> String { "\(ProviderRoutes.path)/start?domain=\(domain)" }

    /// The same for every account of the domain, and for none.
    static func providerNeeded(_ domain: String) -> Problem {
        let start = providerStart(domain)
        return Problem(
            .providerNeeded,
            detail: "The people of \(domain) sign in by its identity provider: begin at \(start).",
            headers: ["Link": "<\(start)>; rel=\"start\""]
        )
    }
}
