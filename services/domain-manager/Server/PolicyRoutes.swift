package import Accounts
package import HTTPKit
package import MailModel
import MailPolicy
package import MailPorts
import ServiceHost
import Telemetry

/// Policies of domains over HTTP: one document a domain, replaced as a whole, each time another version.
///
/// Invariants: managers of the domain's organisation only; a document with one bad member changes nothing; copies go to
/// addresses of the same organisation.
package struct PolicyRoutes: Sendable {
    static let path = "/api/domains/{name}/policy"

    private let policies: any PolicyStore
    private let gate: DomainGate
    private let tokens: TokenService
    private let clock: any WallClock

    package init(
        policies: any PolicyStore,
        gate: DomainGate,
        tokens: TokenService,
        clock: any WallClock
    ) {
        self.policies = policies
        self.gate = gate
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.path, guarded { try await self.show($0, $1) })
        set.put(Self.path, guarded { try await self.replace($0, $1) })
        let document = Schema.document(
            "PolicyInForce",
            ["version": .integer, "changed_at": .optional(.time), "policy": .map(.anything)]
        )
        set.describe(
            "GET",
            Self.path,
            RouteDescription("A domain's policy", answers: [200: "The policy in force"], schemas: [200: document])
        )
        set.describe(
            "PUT",
            Self.path,
            RouteDescription(
                "Puts a policy in force; what it leaves out rules nothing. If-Match names the version it replaces",
                body: PolicyDocument.members,
                answers: [200: "The policy in force", 412: "Another version is in force"],
                schemas: [200: document]
            )
        )
        return set
    }

    private struct Document: Encodable {
        /// 0 before the first change.
        var version: Int64
        var changedAt: String?
        var policy: DomainPolicy

        init(_ record: PolicyRecord) {
            version = record.version
            changedAt = record.changedAt.map { RFC3339.text($0) }
            policy = record.policy
        }
    }

    private func domain(_ request: APIRequest, _ caller: Account) async throws -> HostedDomain {
        try await gate.domain(request, caller, .manage)
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let record = try await policies.policyRecord(ofDomain: try await domain(request, caller).name)
        return try .json(Document(record)).tagged(version: record.version)
    }

    private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let policy = try await request.decode(PolicyDocument.self).policy
        let domain = try await domain(request, caller)
        let faults = policy.faults
        guard faults.isEmpty else {
            throw Problem(
                422,
                detail: "Members of the policy are not acceptable.",
                fields: faults.prefix(50).map { Problem.Field(pointer: "#/\($0.pointer)", detail: $0.why) }
            )
        }
        let foreign = try await policy.foreignCopy(of: domain.organisation, gate.directory)
        if let foreign {
            throw Problem.invalid("copies/\(foreign)/address", "Copies go to addresses of the same organisation.")
        }
        let record = try await put(
            policy,
            domain.name,
            replacing: try request.expectedVersion(),
            audit: AuditEvent("domain.policy", domain.name, by: caller, request, at: clock.now())
        )
        return try .json(Document(record)).tagged(version: record.version)
    }

    private func put(
        _ policy: DomainPolicy,
        _ domain: String,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws -> PolicyRecord {
        do {
            return try await policies.setPolicy(policy, ofDomain: domain, replacing: expected, audit: audit)
        } catch StoreError.alreadyExists {
            throw Problem(.preconditionFailed, detail: "Another version is in force by now.")
        }
    }
}
