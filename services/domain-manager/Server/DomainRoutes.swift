package import Accounts
package import Domains
package import HTTPKit
package import MailModel
package import MailPorts
import ServiceHost

/// Domains and accounts over HTTP.
///
/// Invariants: a caller sees and changes their own organisation only, platform administrators apart; answers hold no password
/// and no key; lists are cut into pages by name, so that adding rows never repeats or skips one.
package struct DomainRoutes: Sendable {
    static let pageLimit = 1...500
    static let standardPage = 100

    let directory: any DirectoryStore
    let gate: DomainGate
    let domains: any DomainAdministration
    let life: DomainLife
    let limits: any RateLimiter
    let accounts: AccountService
    private let tokens: TokenService
    private let health: HealthRegistry
    let zones: any ZoneStore
    let clock: any WallClock

    package init(
        gate: DomainGate,
        domains: any DomainAdministration,
        life: DomainLife,
        limits: any RateLimiter,
        accounts: AccountService,
        tokens: TokenService,
        health: HealthRegistry,
        zones: any ZoneStore,
        clock: any WallClock
    ) {
        directory = gate.directory
        self.gate = gate
        self.domains = domains
        self.life = life
        self.limits = limits
        self.accounts = accounts
        self.tokens = tokens
        self.health = health
        self.zones = zones
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        let health = health
        set.get("/api/domains/health") { _ in
            guard let report = await health.check(service: "domain-manager") else { throw Problem.notFound() }
            return try HealthRoutes.answer(report)
        }
        set.get("/api/domains", guarded { try await self.list($0, $1) })
        set.post("/api/domains", guarded { try await self.add($0, $1) })
        set.get("/api/domains/{name}", guarded { try await self.show($0, $1) })
        set.get("/api/domains/{name}/accounts", guarded { try await self.listAccounts($0, $1) })
        set.post("/api/domains/{name}/accounts", guarded { try await self.addAccount($0, $1) })
        addLifeRoutes(&set, guarded)
        addDNSRoutes(&set, guarded)
        addKeyRoutes(&set, guarded)
        Self.describe(&set)
        return set
    }

    // MARK: - Domains

    private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let rule = AccessRule(caller: caller)
        let query = try request.list(DomainListing.Sort.self, filters: ["status", "name", "organisation_id"])
        let asked = try query.number("organisation_id").map { OrganisationID($0) }
        var listing = DomainListing(organisation: rule.visibleOrganisation ?? asked, limit: query.limit)
        listing.status = try query.choice("status")
        listing.prefix = query.name("name")
        if caller.role == .member {
            guard try await !gate.permissions.domainGrants(heldBy: caller.id).isEmpty else { throw Problem.forbidden() }
            listing.permittedTo = caller.id
        }
        let found = try await directory.domains(try query.applied(to: listing))
        return try request.answer("domains", found, query) { DomainDocument($0, life) }
    }

    private struct NewDomain: RequestDocument {
        static let members: Set<String> = ["name", "organisation_id", "verified"]
        var name: String
        var organisationID: Int64?
        /// Whether an operator vouches for the domain, so that nothing is left to prove.
        var verified: Bool?

        private enum CodingKeys: String, CodingKey {
            case name, verified
            case organisationID = "organisation_id"
        }
    }

    private func add(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        try AccessRule(caller: caller).requireManager()
        let new = try await request.decode(NewDomain.self)
        let organisation = new.organisationID.map { OrganisationID($0) } ?? caller.organisation
        guard organisation == caller.organisation || caller.role == .platformAdmin else { throw Problem.forbidden() }
        if organisation != caller.organisation,
            try await !directory.organisations().contains(where: { $0.id == organisation })
        {
            throw Problem.invalid("organisation_id", "There is no such organisation.")
        }
        let name = EmailAddress.lowercased(new.name)
        guard EmailAddress.isDomain(name.utf8), name.utf8.contains(46) else {
            throw Problem.invalid("name", "This is no domain name.")
        }
        guard new.verified ?? (caller.role == .platformAdmin) else {
            return try await claim(name, organisation, request, caller)
        }
        guard caller.role == .platformAdmin else {
            throw Problem.forbidden("A domain of yours is verified by its proof.")
        }
        let domain = try await domains.addDomain(
            name,
            organisation: organisation,
            actor: caller.primaryAddress.canonical,
            remote: request.remote,
            now: clock.now()
        )
        let records = try await domains.records(of: name)
        return try .json(
            DomainDocument(domain, records: records),
            status: 201,
            headers: ["Location": "/api/domains/\(name)"]
        )
    }

    private func claim(
        _ name: String,
        _ organisation: OrganisationID,
        _ request: APIRequest,
        _ caller: Account
    ) async throws -> APIResponse {
        let claim = try await life.claim(
            name,
            organisation: organisation,
            actor: DomainLife.Actor(caller.primaryAddress.canonical, remote: request.remote),
            now: clock.now()
        )
        return try .json(
            DomainDocument(.claimed(claim), life),
            status: 201,
            headers: ["Location": "/api/domains/\(name)"]
        )
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        switch try await entry(request, caller, [.manage, .analytics, .users]) {
        case .claimed(let claim): return try .json(DomainDocument(.claimed(claim), life))
        case .hosted(let domain):
            return try .json(DomainDocument(domain, records: try await domains.records(of: domain.name)))
        }
    }
}
