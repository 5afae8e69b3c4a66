import Accounts
import HTTPKit
import MailCrypto
import MailModel
import MailPorts
import SingleSignOn

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
    private(set) var action: String
    let remote: IPAddress?
    private(set) var session: (account: Account, grant: OAuthGrant)?
    /// Whether the person has signed in by this very request, or on the way to it.
    private(set) var isFresh = false
    /// What the cookie holds from now on.
    private var mark: String
    /// Empty: the browser has them already.
    private(set) var cookies: [String] = []
    /// What to tell the person, who comes back from elsewhere.
    private(set) var fault: SignInFault?
    /// Where an answer to a form of this page may lead on to: browsers hold redirects to the policy too.
    var formTarget: String?
    /// Whom the program expects.
    var hint: String?
    /// How anew the program wants people to be asked.
    var wish = SignInWish()

    /// - Parameter path: of the page; what a request writes for it may be read as another host's.
    static func open(_ request: APIRequest, at path: String, _ context: OpenIDContext) async throws -> PageVisit {
        let query = request.queryText
        let action = path + (query.isEmpty ? "" : "?" + query)
        let now = context.auth.clock.now()
        let given = request.cookie(cookie).flatMap { $0.utf8.count <= 200 ? $0 : nil }
        var visit = PageVisit(context, action, request.remote, mark: "")
        if let given, let session = try await context.sessions.browser(given, now: now) {
            (visit.session, visit.mark) = (session, given)
        } else if let given, given.utf8.count == 43 {
            // A mark of ours is kept, so that forms in several windows are good together.
            visit.mark = given
        } else {
            visit.renew()
        }
        guard let note = PageNote(request, for: action, context, now: now) else { return visit }
        visit.cookies.append(PageStep.ended)
        switch note {
        case .signedIn(let family): visit.isFresh = visit.session?.grant.family == family
        case .fault(let fault): visit.fault = fault
        }
        return visit
    }

    private init(_ context: OpenIDContext, _ action: String, _ remote: IPAddress?, mark: String) {
        self.context = context
        self.action = action
        self.remote = remote
        self.mark = mark
    }

    private mutating func renew() { put(Base64URL.encode(SecureRandom.bytes(32)), seconds: nil) }

    private mutating func put(_ value: String, seconds: Int64?) {
        mark = value
        cookies.removeAll { $0.utf8.starts(with: "\(Self.cookie)=".utf8) }
        cookies.insert(Self.cookie(Self.cookie, value, seconds: seconds), at: 0)
    }

    static func cookie(_ name: String, _ value: String, seconds: Int64?) -> String {
        "\(name)=\(value)\(seconds.map { "; Max-Age=\($0)" } ?? "")\(attributes)"
    }

    /// Of what the cookie holds, where it must not be read.
    var markHash: String { Base64URL.encode(SHA256.hash(Array("oonrumail page mark\0\(mark)".utf8))) }

    // MARK: - Forms

    /// What a form of this step carries; `bound` is what else it is good for alone.
    func token(_ step: String, bound: [String] = []) -> String {
        let text = ([step, mark, action] + bound).joined(separator: "\0")
        return Base64URL.encode(HMACSHA256.authenticate(Array(text.utf8), key: context.pageKey))
    }

    func isOurs(_ fields: FormFields, _ step: String, bound: [String] = []) -> Bool {
        constantTimeEqual(Array((fields["token"] ?? "").utf8), Array(token(step, bound: bound).utf8))
    }

    func form(_ step: String, bound: [String] = [], _ parts: [String]) -> String {
        let hidden = [HTMLPage.hidden("step", step), HTMLPage.hidden("token", token(step, bound: bound))]
        return HTMLPage.form(action, hidden + parts)
    }

    func page(
        _ title: String,
        _ body: [String],
        status: Int = 200,
        asksPasskey: Bool = false,
        next: String? = nil
    ) -> APIResponse {
        HTMLPage(
            title: title,
            body: body,
            status: status,
            formTarget: formTarget,
            cookies: cookies,
            asksPasskey: asksPasskey,
            next: next
        ).answer
    }

    /// Where the browser goes next.
    func redirect(_ place: String) -> APIResponse {
        var answer = APIResponse(status: 303, headers: ["Location": place, "Cache-Control": "no-store"])
        answer.cookies = cookies
        return answer
    }

    // MARK: - Steps

    /// What the step of a form led to.
    enum Step {
        /// Somebody is signed in, or has left.
        case went(PageVisit)
        case page(APIResponse)
    }

    /// The steps that every page has; nil: another one.
    func take(_ fields: FormFields, _ request: APIRequest) async throws -> Step? {
        switch fields["step"] {
        case "sign-in":
            guard isOurs(fields, "sign-in") else { return .page(stale) }
            return try await signIn(fields, request)
        case "code":
            guard isOurs(fields, "code") else { return .page(stale) }
            return try await secondFactor(fields, request)
        case "provider":
            guard isOurs(fields, "provider") else { return .page(stale) }
            return .page(try await askProvider(of: fields["email"] ?? ""))
        case "passkey": return try await signInByPasskey(fields, request)
        case "second-passkey": return try await secondFactorByPasskey(fields, request)
        case "enrol-code": return try await enrolCode(fields, request)
        case "enrol-passkey": return try await enrolPasskey(fields, request)
        case "leave":
            guard isOurs(fields, "leave") else { return .page(stale) }
            if let session {
                let now = context.auth.clock.now()
                try await context.sessions.end(session.grant.family, of: session.account, remote: remote, now: now)
            }
            var left = self
            (left.session, left.isFresh) = (nil, false)
            left.renew()
            return .went(left)
        default: return nil
        }
    }

    var stale: APIResponse {
        page("This page is too old", [HTMLPage.text("Go back and try again.")], status: 403)
    }

    /// - Parameter proved: when the person did; nil: now.
    func signedIn(
        _ account: Account,
        _ methods: [String],
        at proved: Timestamp? = nil,
        _ request: APIRequest
    ) async throws -> PageVisit {
        let now = context.auth.clock.now()
        if let session {
            try await context.sessions.end(session.grant.family, of: session.account, remote: remote, now: now)
        }
        let (secret, grant) = try await context.sessions.beginBrowser(
            for: account,
            Authentication(account: account.id, at: proved ?? now, methods: methods),
            from: request.origin,
            now: now
        )
        var visit = self
        visit.session = (account, grant)
        visit.isFresh = true
        visit.put(secret, seconds: context.sessions.limits.browserSeconds)
        return visit
    }

    /// The same browser at another of the pages.
    func moved(to action: String) -> PageVisit {
        var visit = self
        visit.action = action
        return visit
    }

    /// With something for the browser to keep until its next request; takes the place of what it kept.
    func keeping(_ cookie: String) -> PageVisit {
        var visit = self
        visit.cookies.removeAll { $0.utf8.starts(with: "\(PageStep.cookie)=".utf8) }
        visit.cookies.append(cookie)
        return visit
    }

    /// Who is signed in, and the way out.
    func footer(_ account: Account) -> String {
        let leave = form("leave", [HTMLPage.button("Use another account", isPlain: true)])
        return "<footer>\(HTMLPage.text("Signed in as \(account.primaryAddress)"))\(leave)</footer>"
    }
}
