package import Accounts
package import HTTPKit
package import MailModel
package import MailPorts
import ServiceHost

/// Quotas of domains and of their accounts.
///
/// Invariants: managers of the organisation only; nobody reads or sets what is another organisation's.
package struct QuotaRoutes: Sendable {
    let quotas: any QuotaStore
    let gate: DomainGate
    private let tokens: TokenService
    let clock: any WallClock

    package init(
        quotas: any QuotaStore,
        gate: DomainGate,
        tokens: TokenService,
        clock: any WallClock
    ) {
        self.quotas = quotas
        self.gate = gate
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(
            "/api/domains/{name}/quota",
            guarded { try await self.show(try await self.domain($0, $1, [.manage, .analytics])) }
        )
        set.put(
            "/api/domains/{name}/quota",
            guarded { try await self.set($0, $1) { try await self.domain($0, $1, []) } }
        )
        set.get(
            "/api/domains/{name}/accounts/{email}/quota",
            guarded { try await self.show(try await self.account($0, $1)) }
        )
        set.put(
            "/api/domains/{name}/accounts/{email}/quota",
            guarded { try await self.set($0, $1, self.account) }
        )
        describe(&set)
        return set
    }

    private func describe(_ set: inout RouteSet) {
        let shown = [200: "The limits and the use"]
        let schemas = [200: QuotaDocument.schema]
        for (path, whose) in [
            ("/api/domains/{name}/quota", "a domain"), ("/api/domains/{name}/accounts/{email}/quota", "an account"),
        ] {
            set.describe("GET", path, RouteDescription("The quota of \(whose)", answers: shown, schemas: schemas))
            set.describe(
                "PUT",
                path,
                RouteDescription(
                    "Sets every limit of \(whose); a member that is null or left out is no limit",
                    body: QuotaLimitsDocument.members,
                    answers: shown,
                    types: QuotaLimitsDocument.types,
                    schemas: schemas
                )
            )
        }
    }

    // MARK: - Whose

    private func domain(
        _ request: APIRequest,
        _ caller: Account,
        _ any: DomainPermissions
    ) async throws -> QuotaSubject {
        .domain(try await gate.domain(request, caller, any).name)
    }

    private func account(_ request: APIRequest, _ caller: Account) async throws -> QuotaSubject {
        guard case .domain(let name) = try await domain(request, caller, .users) else { throw Problem.notFound() }
        guard let address = EmailAddress(request.parameter("email")),
            let account = try await gate.directory.account(withAddress: address), account.primaryAddress.domain == name,
            account.organisation == caller.organisation || caller.role == .platformAdmin
        else { throw Problem.notFound("There is no such account.") }
        guard account.role.rank <= caller.role.rank else { throw Problem.forbidden() }
        return .account(account.id)
    }

    // MARK: - What

    private func show(_ subject: QuotaSubject) async throws -> APIResponse {
        try .json(QuotaDocument(try await quotas.quota(of: subject)))
    }

    private func set(
        _ request: APIRequest,
        _ caller: Account,
        _ find: (APIRequest, Account) async throws -> QuotaSubject
    ) async throws -> APIResponse {
        // First, so that a body that nobody could mean is refused whoever sends it.
        let new = try await request.decode(QuotaLimitsDocument.self)
        let subject = try await find(request, caller)
        let limits = try new.limits()
        let name = try await quotas.quota(of: subject).auditName
        let standing = try await quotas.setLimits(
            limits,
            of: subject,
            audit: AuditEvent("quota.set", name, by: caller, request, at: clock.now())
        )
        return try .json(QuotaDocument(standing))
    }
}
