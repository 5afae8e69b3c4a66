import Accounts
import HTTPKit
import MailModel
import MailPorts
import OpenIDProvider

/// The page on which a person lets in a device that shows a code (RFC 8628 §3.3).
///
/// Codes are tried by people who are signed in, and few of them (§5.1).
struct DevicePages: Sendable {
    /// Codes that are none and that an account may try in the window.
    static let tries = 10
    private static let windowSeconds = 900

    let context: OpenIDContext

    func show(_ request: APIRequest) async throws -> APIResponse {
        let visit = try await PageVisit.open(request, at: ProviderDocument.devicePage, context)
        return try await goOn(visit, typed: request.query("user_code"))
    }

    func take(_ request: APIRequest) async throws -> APIResponse {
        let visit = try await PageVisit.open(request, at: ProviderDocument.devicePage, context)
        let fields = try await request.form()
        switch try await visit.take(fields, request) {
        case .page(let page): return page
        case .went(let visit): return try await goOn(visit, typed: request.query("user_code"))
        case nil: ()
        }
        guard let session = visit.session, let step = fields["step"], ["find", "consent"].contains(step),
            visit.isOurs(fields, step)
        else { return visit.stale }
        guard await mayTry(session.account) else {
            noteWrong(fields["user_code"], request)
            return page(visit, session.account, typed: nil, fault: "Too many codes. Try again later.", status: 429)
        }
        let now = context.auth.clock.now()
        let code = fields["user_code"].flatMap(DeviceCode.normalised)
        var found: DeviceRequest?
        if let code {
            found = try await context.grants.deviceRequest(userHash: DeviceCode.hash(user: code), now: now)
        }
        if found == nil { noteWrong(fields["user_code"], request) }
        guard let code, let waiting = found,
            let client = try await context.clientToLetIn(waiting.client),
            AuthorizationRoutes.mayUse(client, session.account)
        else {
            await countGuess(session.account)
            return page(
                visit,
                session.account,
                typed: nil,
                fault: "There is no such code, or it is too old.",
                status: 400
            )
        }
        guard step == "consent" else {
            let body =
                [HTMLPage.text("Go on only if your device shows \(code) now.")]
                + AuthorizationRoutes.consent(
                    client,
                    waiting.scopes,
                    visit,
                    session.account,
                    more: [HTMLPage.hidden("user_code", code)]
                )
            return visit.page("Let \(client.name) in?", body)
        }
        let isAllowed = fields["decision"] == "allow"
        if isAllowed {
            try await context.clients.giveOAuthConsent(
                of: session.account.id,
                to: client,
                scopes: waiting.scopes,
                audit: AuthorizationRoutes.event(
                    "oauth.consent",
                    session.account,
                    client,
                    waiting.scopes,
                    request,
                    context
                )
            )
        }
        let isDone = try await context.grants.decideDeviceRequest(
            userHash: DeviceCode.hash(user: code),
            isAllowed ? session.grant.authentication : nil,
            now: now
        )
        guard isDone else { return visit.stale }
        let text = isAllowed ? "You can go back to your device." : "The device was not let in."
        return visit.page("Done", [HTMLPage.text(text)])
    }

    private func goOn(_ visit: PageVisit, typed: String?) async throws -> APIResponse {
        guard let session = visit.session else { return try await visit.signInPage() }
        return page(visit, session.account, typed: typed.flatMap(DeviceCode.normalised))
    }

    private func page(
        _ visit: PageVisit,
        _ account: Account,
        typed: String?,
        fault: String? = nil,
        status: Int = 200
    ) -> APIResponse {
        let parts = [
            HTMLPage.fault(fault),
            visit.form(
                "find",
                [
                    HTMLPage.input("user_code", "The code that your device shows", value: typed ?? ""),
                    HTMLPage.button("Go on"),
                ]
            ),
            visit.footer(account),
        ]
        return visit.page("Connect a device", parts, status: status)
    }

    private func key(_ account: Account) -> String { "oauth.device:\(account.id)" }

    /// Whoever has found codes, such as those of a device of their own, has no more guesses for it.
    private func mayTry(_ account: Account) async -> Bool {
        await context.limiter.peek(key(account), windowSeconds: Self.windowSeconds, now: context.auth.clock.now())
            < Self.tries
    }

    private func noteWrong(_ typed: String?, _ request: APIRequest) {
        guard let typed else { return }
        // Every way to type a code is one code.
        let code = DeviceCode.normalised(typed) ?? typed
        context.auth.authenticator.conduct?.noteWrong(.userCode, code, of: request.remote)
    }

    private func countGuess(_ account: Account) async {
        _ = await context.limiter.count(
            key(account),
            limit: Self.tries,
            windowSeconds: Self.windowSeconds,
            now: context.auth.clock.now()
        )
    }
}
