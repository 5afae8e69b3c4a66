package import Accounts
package import HTTPKit
package import MailModel
package import MailPorts
import ServiceHost

/// Quotas of organisations, and one's own; those of domains and their accounts are the domain manager's.
///
/// Invariants: an organisation's limits are the platform's to set; nobody reads what is another organisation's.
package struct QuotaRoutes: Sendable {
    static let path = "/api/organisations/{id}/quota"

    private let quotas: any QuotaStore
    private let tokens: TokenService
    private let clock: any WallClock

    package init(quotas: any QuotaStore, tokens: TokenService, clock: any WallClock) {
        self.quotas = quotas
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: StoreProblem.problem)
        let signedIn = BearerGuard.tokens(tokens, clock)
        set.get(Self.path, signedIn { try await self.show(try self.organisation($0, $1)) })
        set.put(Self.path, signedIn { try await self.replace($0, $1) })
        set.get("/api/users/me/quota", whileActing: true, signedIn { try await self.show(.account($1.id)) })
        let shown = [200: "The limits and the use"]
        let schemas = [200: QuotaDocument.schema]
        set.describe(
            "GET",
            Self.path,
            RouteDescription("The quota of an organisation", answers: shown, schemas: schemas)
        )
        set.describe(
            "PUT",
            Self.path,
            RouteDescription(
                "Sets every limit of an organisation; a member that is null or left out is no limit",
                body: QuotaLimitsDocument.members,
                answers: shown,
                types: QuotaLimitsDocument.types,
                schemas: schemas
            )
        )
        set.describe(
            "GET",
            "/api/users/me/quota",
            RouteDescription("One's own quota", answers: shown, schemas: schemas)
        )
        return set
    }

    private func organisation(_ request: APIRequest, _ caller: Account) throws -> QuotaSubject {
        guard caller.role != .member else { throw Problem.forbidden() }
        let id = OrganisationID(try request.number())
        guard id == caller.organisation || caller.role == .platformAdmin else { throw Problem.notFound() }
        return .organisation(id)
    }

    private func show(_ subject: QuotaSubject) async throws -> APIResponse {
        try .json(QuotaDocument(try await quotas.quota(of: subject)))
    }

    private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        // First, so that a body that nobody could mean is refused whoever sends it.
        let new = try await request.decode(QuotaLimitsDocument.self)
        let subject = try organisation(request, caller)
        guard caller.role == .platformAdmin else {
            throw Problem.forbidden("The limits of an organisation are set by the platform.")
        }
        let limits = try new.limits()
        let name = try await quotas.quota(of: subject).auditName
        let standing = try await quotas.setLimits(
            limits,
            of: subject,
            audit: AuditEvent(
                at: clock.now(),
                actor: caller.primaryAddress.canonical,
                action: "quota.set",
                subject: name,
                remote: request.remote
            )
        )
        return try .json(QuotaDocument(standing))
    }
}
