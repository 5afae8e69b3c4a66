import Accounts
package import HTTPKit
import MailCrypto
import MailModel
import MailPorts
import OpenIDProvider

/// Mail programs that register themselves (RFC 7591 §3), where the platform lets them.
///
/// Invariants: a registration writes nothing and tells nothing; what it gives is worth no more than a person's consent on the
/// device that asks.
package struct ClientRegistrationRoutes: Sendable {
    private static let windowSeconds = 3_600

    let context: OpenIDContext

    package init(_ context: OpenIDContext) { self.context = context }

    /// None where programs do not register themselves.
    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        guard let registrar = context.registrar else { return set }
        set.post(ProviderDocument.registration) { try await register($0, registrar) }
        OpenIDDescriptions.describe(registration: &set)
        return set
    }

    private func register(_ request: APIRequest, _ registrar: ClientRegistrar) async throws -> APIResponse {
        let now = context.auth.clock.now()
        try await count(request.remote, now)
        do throws(RegistrationFault) {
            let document = try await Self.document(request)
            let metadata = try ClientMetadata(document, issuer: context.issuer, known: registrar.known)
            return Self.answer(registrar.register(metadata, now: now), metadata)
        } catch {
            var members = JSONMembers()
            members.add("error", error.code.rawValue)
            members.add("error_description", error.why)
            return TokenRoutes.json(members, status: 400)
        }
    }

    private func count(_ remote: IPAddress?, _ now: Timestamp) async throws(Problem) {
        guard let remote else { return }
        let decision = await context.limiter.count(
            "oauth.register:\(AccountAuthenticator.place(remote))",
            limit: context.registrationRequests,
            windowSeconds: Self.windowSeconds,
            now: now
        )
        guard case .exceeded(let seconds) = decision else { return }
        throw Problem(
            .tooManyRequests,
            detail: "Too many programs have registered themselves from this address.",
            headers: ["Retry-After": "\(seconds)"]
        )
    }

    /// RFC 7591 §3.1: the body is `application/json`.
    private static func document(_ request: APIRequest) async throws(RegistrationFault) -> [UInt8] {
        let media = EmailAddress.lowercased(request.header("Content-Type") ?? "")
        guard media.utf8.prefix(while: { $0 != 59 && $0 != 32 }).elementsEqual("application/json".utf8) else {
            throw RegistrationFault(.invalidClientMetadata, "the body is application/json")
        }
        do throws(Problem) {
            return try await request.body()
        } catch {
            throw RegistrationFault(
                .invalidClientMetadata,
                "the document has at most \(ClientMetadata.longest) octets"
            )
        }
    }

    /// RFC 7591 §3.2.1: what is registered, which may differ from what was asked.
    ///
    /// Of what the program said of itself beyond that,
    /// nothing is kept.
    private static func answer(_ client: OAuthClient, _ metadata: ClientMetadata) -> APIResponse {
        var members = JSONMembers()
        members.add("client_id", client.id)
        members.add("client_id_issued_at", client.createdAt.seconds)
        members.add("client_name", client.name)
        // With the ports that were given, though any is good.
        members.add("redirect_uris", metadata.redirectURIs)
        members.add("token_endpoint_auth_method", "none")
        members.add("grant_types", ClientMetadata.grantTypes)
        members.add("response_types", ["code"])
        members.add("scope", client.scopes.joined(separator: " "))
        members.add("application_type", "native")
        members.add("id_token_signed_response_alg", client.idTokenAlgorithm.rawValue)
        return TokenRoutes.json(members, status: 201)
    }
}
