package import Accounts
package import HTTPKit
package import MailModel
package import MailPorts
import ServiceHost

/// `/api/domains/{name}/signature`: what stands below the mail of people who write with an address of the domain, and have said
/// nothing else of that address.
package struct SignatureRoutes: Sendable {
    private static let path = "/api/domains/{name}/signature"

    private let signatures: any IdentityStore
    private let gate: DomainGate
    private let tokens: TokenService
    private let clock: any WallClock

    package init(signatures: any IdentityStore, gate: DomainGate, tokens: TokenService, clock: any WallClock) {
        self.signatures = signatures
        self.gate = gate
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.path, guarded(show))
        set.put(Self.path, guarded(replace))
        set.delete(Self.path, guarded(remove))
        Self.describe(&set)
        return set
    }

    private struct Given: RequestDocument {
        static let members: Set<String> = ["text", "html"]
        var text: String?
        var html: String?
    }

    @Sendable private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await gate.domain(request, caller, .manage)
        guard let signature = try await signatures.signature(ofDomain: domain.name) else {
            throw Problem.notFound("The domain has no signature.")
        }
        return try .json(SignatureDocument(signature))
    }

    @Sendable private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let given = try await request.decode(Given.self)
        let domain = try await gate.domain(request, caller, .manage)
        let signature = try SignatureRules.checked(
            MailSignature(text: given.text, html: given.html),
            takesPlaceholders: true
        )
        try await set(signature, domain, request, caller)
        return try .json(SignatureDocument(signature))
    }

    @Sendable private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try await set(nil, try await gate.domain(request, caller, .manage), request, caller)
        return .noContent
    }

    private func set(
        _ signature: MailSignature?,
        _ domain: HostedDomain,
        _ request: APIRequest,
        _ caller: Account
    ) async throws {
        try await signatures.setSignature(
            signature,
            ofDomain: domain.name,
            audit: AuditEvent("domain.signature", domain.name, by: caller, request, at: clock.now())
        )
    }

    private static func describe(_ set: inout RouteSet) {
        let (role, foreign) = ("The caller may not manage the domain", "No such domain, or no signature")
        set.describe(
            "GET",
            path,
            RouteDescription(
                "The signature of a domain, with {name} and {email} in place of who writes",
                answers: [200: "It", 403: role, 404: foreign],
                schemas: [200: SignatureDocument.schema]
            )
        )
        set.describe(
            "PUT",
            path,
            RouteDescription(
                "Give a domain a signature; {name} and {email} stand for who writes",
                body: Given.members,
                answers: [200: "As it is kept", 403: role, 404: "No such domain"],
                types: [
                    "text": .nullable(.boundedText(0...SignatureLimits.text)),
                    "html": .nullable(.boundedText(0...SignatureLimits.html)),
                ],
                schemas: [200: SignatureDocument.schema]
            )
        )
        set.describe(
            "DELETE",
            path,
            RouteDescription("Take a domain's signature away", answers: [204: "Gone", 403: role, 404: foreign])
        )
    }
}
