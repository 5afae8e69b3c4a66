package import Accounts
package import Domains
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// Connections with name servers, and writing a domain's records by them: `/api/domains/{name}/dns/…`.
///
/// Invariants: managers of the organisation that has or claims the domain only; the key's secret is in no answer; what is
/// somebody else's is replaced only where its step is named.
package struct ZoneRoutes: Sendable {
    static let path = "/api/domains/{name}/dns"

    private let writer: ZoneWriter
    private let gate: DomainGate
    private let life: DomainLife
    private let tokens: TokenService
    private let clock: any WallClock

    package init(
        writer: ZoneWriter,
        gate: DomainGate,
        life: DomainLife,
        tokens: TokenService,
        clock: any WallClock
    ) {
        self.writer = writer
        self.gate = gate
        self.life = life
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: Self.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get("\(Self.path)/connection", guarded { try await self.show($0, $1) })
        set.put("\(Self.path)/connection", guarded { try await self.replace($0, $1) })
        set.delete("\(Self.path)/connection", guarded { try await self.remove($0, $1) })
        set.post("\(Self.path)/connection/check", guarded { try await self.check($0, $1) })
        set.get("\(Self.path)/plan", guarded { try await self.plan($0, $1) })
        set.post("\(Self.path)/write", guarded { try await self.write($0, $1) })
        Self.describe(&set)
        return set
    }

    @Sendable private static func problem(_ error: any Error) -> Problem? {
        guard let fault = error as? ZoneWriteFault else { return ManagerProblem.problem(error) }
        switch fault {
        case .connection(let fault):
            return ManagerProblem.problem(fault, absent: "No connection with a name server covers the domain.")
        case .stale:
            return Problem(409, detail: "The zone is not as it was when this was planned: look at the plan again.")
        case .zone(let fault): return Problem(502, detail: fault.advice)
        }
    }

    /// The domain of the path, by the organisation that has or claims it: never by another's connection.
    private func member(_ request: APIRequest, _ caller: Account) async throws -> ZoneMember {
        let name = EmailAddress.lowercased(request.parameter("name"))
        // Closed to members, whatever they were given.
        if caller.role == .member { _ = try await gate.domain(request, caller, []) }
        let rule = AccessRule(caller: caller)
        guard EmailAddress.isDomain(name.utf8) else { throw Problem.notFound("There is no such domain.") }
        let organisation = try rule.visibleOrganisation ?? request.organisation()
        if let hosted = try await gate.directory.domain(named: name),
            organisation == nil || hosted.organisation == organisation
        {
            let domain = try rule.require(hosted)
            return ZoneMember(domain)
        }
        let claim = try await life.claim(on: name, organisation: organisation)
        return ZoneMember(organisation: claim.organisation, domain: claim.name, state: .pending)
    }

    // MARK: - The connection

    private struct Document: Encodable {
        var zone: String
        var server: String
        var port: Int
        var keyName: String
        var algorithm: String
        var automatic: Bool
        var repairsDrift: Bool
        var removesRecords: Bool
        var version: Int64
        var changedAt: String?
        var state: ZoneStateDocument
    }

    private func answer(_ found: ZoneConnection, _ member: ZoneMember) async throws -> APIResponse {
        try .json(
            Document(
                zone: found.zone,
                server: found.host,
                port: Int(found.port),
                keyName: found.keyName,
                algorithm: found.algorithm.rawValue,
                automatic: found.isAutomatic,
                repairsDrift: found.repairsDrift,
                removesRecords: found.removesRecords,
                version: found.version,
                changedAt: found.changedAt.map { RFC3339.text($0) },
                state: ZoneStateDocument(try await writer.store.zoneState(of: member))
            )
        ).tagged(version: found.version)
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let member = try await member(request, caller)
        return try await answer(try await writer.connection(of: member), member)
    }

    private struct Wish: RequestDocument {
        static let members: Set<String> = [
            "zone", "server", "port", "key_name", "algorithm", "secret", "automatic", "repairs_drift",
            "removes_records",
        ]
        var zone: String?
        var server: String
        var port: Int?
        var keyName: String
        var algorithm: String?
        /// In no answer and no log.
        var secret: String?
        var automatic: Bool?
        var repairsDrift: Bool?
        var removesRecords: Bool?

        private enum CodingKeys: String, CodingKey {
            case zone, server, port, algorithm, secret, automatic
            case keyName = "key_name"
            case repairsDrift = "repairs_drift"
            case removesRecords = "removes_records"
        }

        var wish: ZoneWish {
            var wish = ZoneWish(host: server, keyName: keyName)
            wish.zone = zone
            wish.port = port
            wish.algorithm = algorithm
            wish.secret = secret
            wish.isAutomatic = automatic
            wish.repairsDrift = repairsDrift
            wish.removesRecords = removesRecords
            return wish
        }
    }

    private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let wish = try await request.decode(Wish.self).wish
        let member = try await member(request, caller)
        let kept = try await writer.connect(
            wish,
            of: member,
            replacing: try request.expectedVersion(),
            audit: AuditEvent("zone.connect", member.domain, by: caller, request, at: clock.now())
        )
        return try await answer(kept, member)
    }

    private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let member = try await member(request, caller)
        try await writer.disconnect(
            member,
            audit: AuditEvent("zone.disconnect", member.domain, by: caller, request, at: clock.now())
        )
        return .noContent
    }

    private func check(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let member = try await member(request, caller)
        try await writer.countAsk(member, now: clock.now())
        return try .json(CheckReportDocument(try await writer.check(member)))
    }

    // MARK: - Writing

    private func plan(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let member = try await member(request, caller)
        try await writer.countAsk(member, now: clock.now())
        let steps = request.query("replace") ?? ""
        let replacing = Set(steps.utf8.split(separator: 44).map { String(decoding: $0, as: UTF8.self) })
        return try .json(ZonePlanDocument(try await writer.plan(member, replacing: replacing, now: clock.now())))
    }

    private struct WriteOrder: RequestDocument {
        static let members: Set<String> = ["plan", "replace"]
        var plan: String?
        /// Steps by their `id`, of which somebody else's records are replaced.
        var replace: [String]?
    }

    private func write(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let order = try await request.decode(WriteOrder.self)
        let member = try await member(request, caller)
        guard member.state == .active || member.state == .pending else {
            throw Problem(409, detail: "The domain is \(member.state.rawValue).")
        }
        try await writer.countAsk(member, now: clock.now())
        let done = try await writer.write(
            member,
            plan: order.plan,
            replacing: Set(order.replace ?? []),
            actor: DomainLife.Actor(caller.primaryAddress.canonical, remote: request.remote),
            now: clock.now()
        )
        return try .json(ZonePlanDocument(done))
    }
}
