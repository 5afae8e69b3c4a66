import Accounts
package import HTTPKit
import MailCrypto
import MailModel
import MailPorts
import OpenIDProvider
import SingleSignOn

/// The pages on which a person lets a program in: sign-in, consent and the code of a device.
///
/// Invariants: who asks and where answers go is checked before anything is shown or sent; every step checks the whole request
/// anew; a program without a secret is let in by a person's own click each time (RFC 8252 §8.6).
package struct AuthorizationRoutes: Sendable {
    /// Seconds from a code to its use (RFC 6749 §4.1.2: ten minutes at most).
    private static let codeSeconds: Int64 = 60

    let context: OpenIDContext

    package init(_ context: OpenIDContext) { self.context = context }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        set.get(ProviderDocument.authorization) { try await show($0) }
        set.post(ProviderDocument.authorization) { try await take($0) }
        let device = DevicePages(context: context)
        set.get(ProviderDocument.devicePage) { try await device.show($0) }
        set.post(ProviderDocument.devicePage) { try await device.take($0) }
        let back = ProviderReturn(context: context)
        set.get(OpenIDContext.returnPath) { try await back.show($0) }
        OpenIDDescriptions.describe(pages: &set)
        return set
    }

    // MARK: - Requests

    /// The request in the query, or the page or answer that refuses it.
    private enum Asked {
        case good(AuthorizationRequest)
        case refused(APIResponse)
    }

    private func asked(_ request: APIRequest, _ visit: PageVisit) async throws -> Asked {
        func page(_ why: String) -> Asked {
            .refused(visit.page("This does not work", [HTMLPage.text(why)], status: 400))
        }
        let fields = try request.queryFields()
        guard fields.repeated == nil else { return page("The program asked for one thing twice.") }
        guard let id = fields["client_id"], let client = try await context.clientToLetIn(id) else {
            return page("The program that sent you here is not known (client_id).")
        }
        do throws(AuthorizationRequest.Refusal) {
            return .good(try AuthorizationRequest(fields.given, client: client))
        } catch {
            switch error {
            case .page(let why): return page(why)
            case .answer(let fault, let place, let state): return .refused(refuse(fault, place, state, visit))
            }
        }
    }

    private func refuse(_ fault: OAuthFault, _ place: String, _ state: String?, _ visit: PageVisit) -> APIResponse {
        visit.redirect(AuthorizationRequest.answer(fault, to: place, state: state, issuer: context.issuer))
    }

    private func refuse(_ fault: OAuthFault, _ asked: AuthorizationRequest, _ visit: PageVisit) -> APIResponse {
        refuse(fault, asked.redirectURI, asked.state, visit)
    }

    // MARK: - Steps

    private func show(_ request: APIRequest) async throws -> APIResponse {
        var visit = try await PageVisit.open(request, at: ProviderDocument.authorization, context)
        switch try await asked(request, visit) {
        case .refused(let answer): return answer
        case .good(let asked):
            Self.bind(&visit, to: asked)
            return try await goOn(asked, visit, request)
        }
    }

    private func take(_ request: APIRequest) async throws -> APIResponse {
        var visit = try await PageVisit.open(request, at: ProviderDocument.authorization, context)
        let asked: AuthorizationRequest
        switch try await self.asked(request, visit) {
        case .refused(let answer): return answer
        case .good(let good): asked = good
        }
        Self.bind(&visit, to: asked)
        let fields = try await request.form()
        switch try await visit.take(fields, request) {
        case .page(let page): return page
        case .went(let visit): return try await goOn(asked, visit, request)
        case nil: ()
        }
        guard fields["step"] == "consent", visit.isOurs(fields, "consent"), let session = visit.session else {
            return visit.stale
        }
        guard fields["decision"] == "allow" else {
            return refuse(OAuthFault(.accessDenied, "access was not allowed"), asked, visit)
        }
        guard Self.mayUse(asked.client, session.account) else { return refuse(Self.foreign, asked, visit) }
        do throws(StoreError) {
            try await context.clients.giveOAuthConsent(
                of: session.account.id,
                to: asked.client,
                scopes: asked.scopes,
                audit: Self.event("oauth.consent", session.account, asked.client, asked.scopes, request, context)
            )
        } catch {
            guard case .refused = error else { throw error }
            let why = "You let in as many programs as may be. Take back what you allowed to some of them first."
            return visit.page("This does not work", [HTMLPage.text(why)], status: 409)
        }
        return try await finish(asked, session, visit)
    }

    private static func bind(_ visit: inout PageVisit, to asked: AuthorizationRequest) {
        visit.formTarget = RedirectURI.source(asked.redirectURI)
        visit.hint = asked.loginHint
        visit.wish = SignInWish(prompt: asked.prompt, maxAge: asked.maxAge)
    }

    private func goOn(
        _ asked: AuthorizationRequest,
        _ visit: PageVisit,
        _ request: APIRequest
    ) async throws -> APIResponse {
        guard let session = visit.session, try await isEnough(session, asked, visit) else {
            guard !asked.prompt.contains("none") else {
                return refuse(OAuthFault(.loginRequired, "nobody is signed in"), asked, visit)
            }
            return try await visit.signInPage()
        }
        guard Self.mayUse(asked.client, session.account) else { return refuse(Self.foreign, asked, visit) }
        guard try await needsConsent(asked, session.account) else { return try await finish(asked, session, visit) }
        guard !asked.prompt.contains("none") else {
            return refuse(OAuthFault(.consentRequired, "access was not allowed yet"), asked, visit)
        }
        return consentPage(asked, session.account, visit)
    }

    /// Whether the session is young enough, and of the person that the client means.
    private func isEnough(
        _ session: (account: Account, grant: OAuthGrant),
        _ asked: AuthorizationRequest,
        _ visit: PageVisit
    ) async throws -> Bool {
        if visit.isFresh { return true }
        guard asked.prompt.isDisjoint(with: ["login", "select_account"]) else { return false }
        let now = context.auth.clock.now()
        if let age = asked.maxAge, session.grant.authentication.at.adding(seconds: age) < now { return false }
        guard let hint = asked.loginHint, let address = EmailAddress(hint) else { return true }
        return try await context.directory.account(withAddress: address).map { $0.id == session.account.id } ?? true
    }

    /// A client of an organisation is for its people.
    static func mayUse(_ client: OAuthClient, _ account: Account) -> Bool {
        client.organisation.map { $0 == account.organisation } ?? true
    }

    private static var foreign: OAuthFault { OAuthFault(.accessDenied, "the program is not for this account") }

    private func needsConsent(_ asked: AuthorizationRequest, _ account: Account) async throws -> Bool {
        if asked.client.isPublic || asked.prompt.contains("consent") { return true }
        guard let given = try await context.clients.oauthConsent(of: account.id, to: asked.client.id) else {
            return true
        }
        return !asked.scopes.allSatisfy(given.scopes.contains)
    }

    private func consentPage(_ asked: AuthorizationRequest, _ account: Account, _ visit: PageVisit) -> APIResponse {
        guard asked.client.isSelfRegistered else {
            return visit.page("Let \(asked.client.name) in?", Self.consent(asked.client, asked.scopes, visit, account))
        }
        let known = context.registrar?.known.owner(ofRedirect: asked.redirectURI)?.name
        let body = Self.consent(
            asked.client,
            asked.scopes,
            visit,
            account,
            asks: known ?? "A program on your device that calls itself \"\(asked.client.name)\"",
            warning: Self.warning(known)
        )
        return visit.page(known.map { "Let \($0) in?" } ?? "Let a mail program in?", body)
    }

    /// What a person should know of a program that registered itself, whose name nobody has checked.
    private static func warning(_ known: String?) -> String {
        let origin =
            known.map { "This program registered itself. The answer goes to \($0) on your device." }
            ?? "This program registered itself, and chose that name: nobody has checked it."
        return origin
            + " Allow it only if you have just set up your mail on this very device. Do not if a link, a mail or a call "
            + "brought you here."
    }

    static func consent(
        _ client: OAuthClient,
        _ scopes: [String],
        _ visit: PageVisit,
        _ account: Account,
        asks: String? = nil,
        warning: String? = nil,
        more: [String] = []
    ) -> [String] {
        [
            HTMLPage.fault(warning),
            HTMLPage.text("\(asks ?? client.name) asks for access to \(account.primaryAddress). It could:"),
            HTMLPage.list(scopes.compactMap { OAuthScope(rawValue: $0)?.meaning }),
            visit.form(
                "consent",
                more + [
                    HTMLPage.button("Allow", name: "decision", value: "allow"),
                    HTMLPage.button("Do not allow", name: "decision", value: "deny", isPlain: true),
                ]
            ),
            visit.footer(account),
        ]
    }

    private func finish(
        _ asked: AuthorizationRequest,
        _ session: (account: Account, grant: OAuthGrant),
        _ visit: PageVisit
    ) async throws -> APIResponse {
        let text = Base64URL.encode(SecureRandom.bytes(32))
        try await context.grants.addAuthorizationCode(
            AuthorizationCode(
                hash: AuthorizationCode.hash(text),
                client: asked.client.id,
                redirectURI: asked.redirectURI,
                scopes: asked.scopes,
                challenge: asked.challenge,
                nonce: asked.nonce,
                authentication: session.grant.authentication,
                expiresAt: context.auth.clock.now().adding(seconds: Self.codeSeconds)
            )
        )
        return visit.redirect(
            AuthorizationRequest.answer(
                [("code", text)],
                to: asked.redirectURI,
                state: asked.state,
                issuer: context.issuer
            )
        )
    }

    static func event(
        _ action: String,
        _ account: Account,
        _ client: OAuthClient,
        _ scopes: [String],
        _ request: APIRequest,
        _ context: OpenIDContext
    ) -> AuditEvent {
        AuditEvent(
            at: context.auth.clock.now(),
            actor: account.primaryAddress.canonical,
            action: action,
            subject: account.primaryAddress.canonical,
            remote: request.remote,
            detail: AuditDetail().adding("client", client.id).adding("name", client.name)
                .adding("scope", scopes.joined(separator: " ")).text
        )
    }
}
