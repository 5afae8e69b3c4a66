import HTTPKit
import MailCrypto
import MailModel
import MailPorts
import OpenIDWire
import SingleSignOn

/// Signing in by the identity provider of the person's domain.
extension PageVisit {
    /// The page that leads there.
    ///
    /// A page and not a redirect: browsers hold redirects that answer a form to the policy, and the provider may send the browser on to any other host.
    func askProvider(of address: String) async throws -> APIResponse {
        guard let connection = try await context.connection(of: address), let domain = EmailAddress(address)?.domain,
            let start = context.providerStart
        else {
            let fault = "For this address there is no sign-in page of an organisation. Give its password."
            return try await signInPage(address, fault: fault, status: 404)
        }
        let step = ProviderStep(self, now: context.auth.clock.now())
        guard let cookie = step.cookie(context) else {
            let fault = "What the program asks for is too long to go on with at your organisation's sign-in page."
            return try await signInPage(address, fault: fault, status: 400)
        }
        let fields = [
            ("domain", domain), ("challenge", step.challenge), ("return_to", context.returnPage),
            ("login_hint", address),
        ]
        let place = QueryText.appended(fields + wish.fields, to: start)
        let name = OpenIDContext.name(of: connection)
        return keeping(cookie).page(
            "Sign in with \(name)",
            [HTMLPage.text("You go on to your organisation's sign-in page."), HTMLPage.link("Go on", to: place)],
            next: place
        )
    }
}

/// Where the identity provider of a domain has people come back to the sign-in pages.
///
/// Invariants: the browser that began goes on, to the very page that it began at, and nowhere else.
struct ProviderReturn: Sendable {
    let context: OpenIDContext

    func show(_ request: APIRequest) async throws -> APIResponse {
        let now = context.auth.clock.now()
        let visit = try await PageVisit.open(request, at: OpenIDContext.returnPath, context)
        guard let step = ProviderStep(request, of: visit, now: now) else {
            let why =
                "This sign-in is not this browser's, was finished before, or took too long. Go back to the program and begin anew."
            return visit.page("This does not work", [HTMLPage.text(why)], status: 400)
        }
        func back(_ visit: PageVisit, _ note: PageNote) -> APIResponse {
            visit.keeping(note.cookie(for: step.action, context, now: now)).redirect(step.action)
        }
        if let word = request.query("error") { return back(visit, .fault(SignInFault(rawValue: word) ?? .refused)) }
        let proof: ProviderProof
        do throws(SignInStepFault) {
            proof = try await context.providers.proof(
                ofCode: request.query("code") ?? "",
                verifier: step.verifier,
                now: now
            )
        } catch .store(let error) {
            throw error
        } catch {
            return back(visit, .fault(.expired))
        }
        let leeway = context.providers.limits.leewaySeconds
        guard proof.fulfils(step.wish, begun: step.begun, leeway: leeway, now: now) else {
            return back(visit, .fault(.notAnew))
        }
        let signedIn = try await visit.moved(to: step.action).signedIn(
            proof.account,
            [Authentication.provider] + proof.methods,
            at: proof.at,
            request
        )
        guard let session = signedIn.session else { return visit.stale }
        context.auth.noteSignIn(proof.account, request)
        return back(signedIn, .signedIn(family: session.grant.family))
    }
}

extension OpenIDContext {
    /// The connection that an address signs in by; nil also for what is no address.
    func connection(of address: String) async throws(StoreError) -> ProviderConnection? {
        guard let domain = EmailAddress(address)?.domain else { return nil }
        return try await providers.store.connection(covering: domain)
    }

    /// The provider as people are told of it: its host.
    static func name(of connection: ProviderConnection) -> String {
        WebAddress(connection.issuer)?.host ?? connection.domain
    }

    var returnPage: String { providers.places.ownPage ?? issuer + Self.returnPath }

    /// Where browsers begin: at the host that providers send them back to, as the cookie between the two is of that host alone.
    var providerStart: String? {
        WebAddress(providers.places.callback).map { "\($0.origin)\(ProviderRoutes.path)/start" }
    }
}
