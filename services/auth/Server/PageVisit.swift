import Accounts
import HTTPKit
import MailCrypto
import MailModel
import MailPorts

/// One request to the sign-in pages: who is signed in, and what its forms are bound to.
///
/// Invariants: a form is good for the browser, the step and the request that it was shown for; the cookie changes when
/// somebody signs in or out, so that nobody's form is good for another session.
struct PageVisit: Sendable {
    /// RFC 6265bis: of this host alone, and by TLS alone.
    static let cookie = "__Host-oonrumail"
    private static let attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax"

    let context: OpenIDContext
    /// Path and query of the page.
    let action: String
    let remote: IPAddress?
    private(set) var session: (account: Account, grant: OAuthGrant)?
    /// Whether the person has signed in by this very request.
    private(set) var isFresh = false
    /// What the cookie holds from now on.
    private var mark: String
    /// nil: the browser has it already.
    private(set) var setCookie: String?
    /// Where an answer to a form of this page may lead on to: browsers hold redirects to the policy too.
    var formTarget: String?

    static func open(_ request: APIRequest, _ context: OpenIDContext) async throws -> PageVisit {
        let query = request.queryText
        let action = request.path + (query.isEmpty ? "" : "?" + query)
        let given = request.cookie(cookie).flatMap { $0.utf8.count <= 200 ? $0 : nil }
        if let given, let session = try await context.sessions.browser(given, now: context.auth.clock.now()) {
            return PageVisit(context, action, request.remote, session: session, mark: given, setCookie: nil)
        }
        // A mark of ours is kept, so that forms in several windows are good together.
        if let given, given.utf8.count == 43 {
            return PageVisit(context, action, request.remote, session: nil, mark: given, setCookie: nil)
        }
        return PageVisit(context, action, request.remote)
    }

    private init(
        _ context: OpenIDContext,
        _ action: String,
        _ remote: IPAddress?,
        session: (account: Account, grant: OAuthGrant)?,
        mark: String,
        setCookie: String?
    ) {
        self.context = context
        self.action = action
        self.remote = remote
        self.session = session
        self.mark = mark
        self.setCookie = setCookie
    }

    private init(_ context: OpenIDContext, _ action: String, _ remote: IPAddress?) {
        let mark = Base64URL.encode(SecureRandom.bytes(32))
        self.init(context, action, remote, session: nil, mark: mark, setCookie: "")
        put(mark, seconds: nil)
    }

    private mutating func put(_ value: String, seconds: Int64?) {
        mark = value
        setCookie = "\(Self.cookie)=\(value)\(seconds.map { "; Max-Age=\($0)" } ?? "")\(Self.attributes)"
    }

    // MARK: - Forms

    /// What a form of this step carries.
    func token(_ step: String) -> String {
        Base64URL.encode(
            HMACSHA256.authenticate(Array("\(step)\0\(mark)\0\(action)".utf8), key: context.pageKey)
        )
    }

    func isOurs(_ fields: FormFields, _ step: String) -> Bool {
        constantTimeEqual(Array((fields["token"] ?? "").utf8), Array(token(step).utf8))
    }

    func form(_ step: String, _ parts: [String]) -> String {
        HTMLPage.form(action, [HTMLPage.hidden("step", step), HTMLPage.hidden("token", token(step))] + parts)
    }

    func page(_ title: String, _ body: [String], status: Int = 200) -> APIResponse {
        HTMLPage(title: title, body: body, status: status, formTarget: formTarget, setCookie: setCookie).answer
    }

    /// Where the browser goes next.
    func redirect(_ place: String) -> APIResponse {
        var headers = ["Location": place, "Cache-Control": "no-store"]
        headers["Set-Cookie"] = setCookie
        return APIResponse(status: 303, headers: headers)
    }

    // MARK: - Signing in

    /// What the step of a form led to.
    enum Step {
        /// Somebody is signed in, or has left.
        case went(PageVisit)
        case page(APIResponse)
    }

    func signInPage(hint: String? = nil, fault: String? = nil, status: Int = 200) -> APIResponse {
        let parts = [
            HTMLPage.fault(fault),
            form(
                "sign-in",
                [
                    HTMLPage.input("email", "Address", type: "email", value: hint ?? "", autocomplete: "username"),
                    HTMLPage.input("password", "Password", type: "password", autocomplete: "current-password"),
                    HTMLPage.button("Sign in"),
                ]
            ),
        ]
        return page("Sign in", parts, status: status)
    }

    private func codePage(_ account: Account, fault: String? = nil, status: Int = 200) -> APIResponse {
        let challenge = context.auth.factors.challenge(account, now: context.auth.clock.now())
        let parts = [
            HTMLPage.fault(fault),
            HTMLPage.text("Give the code of your authenticator program, or a recovery code."),
            form(
                "code",
                [
                    HTMLPage.hidden("challenge", challenge),
                    HTMLPage.input("code", "Code", autocomplete: "one-time-code"), HTMLPage.button("Go on"),
                ]
            ),
        ]
        return page("Second step", parts, status: status)
    }

    /// The steps that every page has; nil: another one.
    func take(_ fields: FormFields, hint: String?, _ request: APIRequest) async throws -> Step? {
        switch fields["step"] {
        case "sign-in":
            guard isOurs(fields, "sign-in") else { return .page(stale) }
            return try await signIn(fields, request)
        case "code":
            guard isOurs(fields, "code") else { return .page(stale) }
            return try await secondFactor(fields, request)
        case "leave":
            guard isOurs(fields, "leave") else { return .page(stale) }
            if let session {
                let now = context.auth.clock.now()
                try await context.sessions.end(session.grant.family, of: session.account, remote: remote, now: now)
            }
            var left = PageVisit(context, action, remote)
            left.formTarget = formTarget
            return .went(left)
        default: return nil
        }
    }

    var stale: APIResponse {
        page("This page is too old", [HTMLPage.text("Go back and try again.")], status: 403)
    }

    private func signIn(_ fields: FormFields, _ request: APIRequest) async throws -> Step {
        let email = fields["email"] ?? ""
        let outcome = await context.auth.authenticator.authenticate(
            user: email,
            password: fields["password"] ?? "",
            remote: remote,
            service: "http",
            now: context.auth.clock.now()
        )
        switch outcome {
        case .success(let signIn): return .went(try await signedIn(signIn.account, ["pwd"], request))
        case .secondFactorNeeded(let account): return .page(codePage(account))
        case .enrolmentNeeded:
            let fault = "Your organisation demands a second factor: sign in to your mailbox and enrol one first."
            return .page(signInPage(hint: email, fault: fault, status: 403))
        case .invalid, .appPasswordNeeded:
            return .page(signInPage(hint: email, fault: "The address or the password is wrong.", status: 401))
        case .lockedOut:
            return .page(signInPage(hint: email, fault: "Too many failed attempts. Try again later.", status: 429))
        case .providerNeeded(let domain):
            let fault = "Addresses of \(domain) sign in at their organisation's provider; this page takes none of them."
            return .page(signInPage(hint: email, fault: fault, status: 403))
        case .unavailable:
            return .page(signInPage(hint: email, fault: "This cannot be checked now. Try again.", status: 503))
        }
    }

    private func secondFactor(_ fields: FormFields, _ request: APIRequest) async throws -> Step {
        let now = context.auth.clock.now()
        let challenge = fields["challenge"] ?? ""
        let outcome = try await context.auth.factors.complete(
            challenge: challenge,
            code: fields["code"] ?? "",
            remote: remote,
            now: now
        )
        switch outcome {
        case .passed(let account): return .went(try await signedIn(account, ["pwd", "otp", "mfa"], request))
        case .wrongCode:
            guard let account = try await context.auth.factors.account(ofChallenge: challenge, now: now) else {
                return .page(signInPage(fault: "That took too long. Sign in again."))
            }
            return .page(codePage(account, fault: "The code is wrong.", status: 401))
        case .lockedOut: return .page(signInPage(fault: "Too many wrong codes. Try again later.", status: 429))
        case .noChallenge: return .page(signInPage(fault: "That took too long. Sign in again."))
        }
    }

    private func signedIn(_ account: Account, _ methods: [String], _ request: APIRequest) async throws -> PageVisit {
        let now = context.auth.clock.now()
        if let session {
            try await context.sessions.end(session.grant.family, of: session.account, remote: remote, now: now)
        }
        let (secret, grant) = try await context.sessions.beginBrowser(
            for: account,
            Authentication(account: account.id, at: now, methods: methods),
            from: request.origin,
            now: now
        )
        var visit = self
        visit.session = (account, grant)
        visit.isFresh = true
        visit.put(secret, seconds: context.sessions.limits.browserSeconds)
        return visit
    }

    /// Who is signed in, and the way out.
    func footer(_ account: Account) -> String {
        let leave = form("leave", [HTMLPage.button("Use another account", isPlain: true)])
        return "<footer>\(HTMLPage.text("Signed in as \(account.primaryAddress)"))\(leave)</footer>"
    }
}
