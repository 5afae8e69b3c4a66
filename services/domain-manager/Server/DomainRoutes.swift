package import Accounts
package import HTTPKit
package import MailModel
package import MailPorts
import Telemetry

/// Domains and accounts over HTTP.
///
/// Invariants: a caller sees and changes their own organisation only, platform administrators apart; answers hold no password
/// and no key; lists are cut into pages by name, so that adding rows never repeats or skips one.
package struct DomainRoutes: Sendable {
    static let pageLimit = 1...500
    static let standardPage = 100

    let directory: any DirectoryStore
    let domains: any DomainAdministration
    let accounts: AccountService
    private let tokens: TokenService
    private let health: HealthRegistry
    let clock: any WallClock

    package init(
        directory: any DirectoryStore,
        domains: any DomainAdministration,
        accounts: AccountService,
        tokens: TokenService,
        health: HealthRegistry,
        clock: any WallClock
    ) {
        self.directory = directory
        self.domains = domains
        self.accounts = accounts
        self.tokens = tokens
        self.health = health
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
        return set
    }

    // MARK: - Domains

    private struct DomainDocument: Encodable {
        struct Record: Encodable {
            var name: String
            var type: String
            var value: String
            var ttl: Int
        }
        var name: String
        var organisationID: Int64
        var status: String
        var createdAt: String
        var dnsRecords: [Record]?

        init(_ domain: HostedDomain, records: [PublishedRecord]? = nil) {
            name = domain.name
            organisationID = domain.organisation.rawValue
            status = domain.status.rawValue
            createdAt = RFC3339.text(domain.createdAt)
            dnsRecords = records?.map { Record(name: $0.name, type: $0.type, value: $0.value, ttl: $0.ttl) }
        }
    }

    private struct DomainList: Encodable {
        var domains: [DomainDocument]
        /// The `after` of the next page; null on the last.
        var next: String?
    }

    private func list(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let rule = AccessRule(caller: caller)
        try rule.requireManager()
        let limit = try request.query("limit", default: Self.standardPage, in: Self.pageLimit)
        let found = try await directory.domains(
            of: rule.visibleOrganisation,
            after: request.query("after"),
            limit: limit
        )
        return try .json(
            DomainList(domains: found.map { DomainDocument($0) }, next: found.count == limit ? found.last?.name : nil)
        )
    }

    private struct NewDomain: RequestDocument {
        static let members: Set<String> = ["name", "organisation_id"]
        var name: String
        var organisationID: Int64?

        private enum CodingKeys: String, CodingKey {
            case name
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
        let domain = try await domains.addDomain(name, organisation: organisation, now: clock.now())
        try? await directory.recordAudit(
            AuditEvent(
                at: clock.now(),
                actor: caller.primaryAddress.canonical,
                action: "domain.add",
                subject: name,
                remote: request.remote
            )
        )
        let records = try await domains.records(of: name)
        return try .json(
            DomainDocument(domain, records: records),
            status: 201,
            headers: ["Location": "/api/domains/\(name)"]
        )
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await named(request, caller)
        return try .json(DomainDocument(domain, records: try await domains.records(of: domain.name)))
    }

    func named(_ request: APIRequest, _ caller: Account) async throws -> HostedDomain {
        let rule = AccessRule(caller: caller)
        try rule.requireManager()
        let name = EmailAddress.lowercased(request.parameter("name"))
        guard EmailAddress.isDomain(name.utf8) else { throw Problem.notFound("There is no such domain.") }
        return try rule.require(try await directory.domain(named: name))
    }
}
