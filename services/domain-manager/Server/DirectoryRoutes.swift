package import Accounts
package import Directories
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost
import Telemetry

/// Directories of domains over HTTP: `/api/domains/{name}/directory`.
///
/// Invariants: managers of the domain's organisation only; databases by platform administrators only; the secret is in no answer.
package struct DirectoryRoutes: Sendable {
    static let path = "/api/domains/{name}/directory"

    private let connections: DirectoryConnections
    private let gate: DomainGate
    private let tokens: TokenService
    private let holder: String
    private let clock: any WallClock

    package init(
        connections: DirectoryConnections,
        gate: DomainGate,
        tokens: TokenService,
        holder: String,
        clock: any WallClock
    ) {
        self.connections = connections
        self.gate = gate
        self.tokens = tokens
        self.holder = holder
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: Self.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.path, guarded { try await self.show($0, $1) })
        set.put(Self.path, guarded { try await self.replace($0, $1) })
        set.delete(Self.path, guarded { try await self.remove($0, $1) })
        set.post("\(Self.path)/test", guarded { try await self.test($0, $1) })
        set.post("\(Self.path)/sync", guarded { try await self.synchronise($0, $1) })
        set.delete("\(Self.path)/people/{account}", guarded { try await self.unlink($0, $1) })
        Self.describe(&set)
        return set
    }

    @Sendable private static func problem(_ error: any Error) -> Problem? {
        guard let fault = error as? ConnectionFault else { return ManagerProblem.problem(error) }
        return ManagerProblem.problem(fault, absent: "The domain has no directory.")
    }

    private func domain(_ request: APIRequest, _ caller: Account) async throws -> HostedDomain {
        try await gate.domain(request, caller, [])
    }

    // MARK: - The connection

    private func answer(_ found: DirectoryConnection, _ run: DirectoryRun?) throws -> APIResponse {
        try .json(DirectoryDocument(found, run)).tagged(version: found.version)
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        return try answer(
            try await connections.connection(of: domain.name),
            try await connections.lastRun(of: domain.name)
        )
    }

    private func replace(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let wish = try await request.decode(DirectoryWish.self)
        let domain = try await domain(request, caller)
        guard domain.status == .active else {
            throw Problem(409, detail: "The domain must be verified and not suspended.")
        }
        let kept = try await connections.set(
            try wish.connection(of: domain.name, by: caller.role),
            secret: wish.secret,
            replacing: try request.expectedVersion(),
            audit: AuditEvent("directory.set", domain.name, by: caller, request, at: clock.now())
        )
        return try answer(kept, try await connections.lastRun(of: domain.name))
    }

    private func remove(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        try await connections.remove(
            of: domain.name,
            by: caller.role,
            audit: AuditEvent("directory.remove", domain.name, by: caller, request, at: clock.now())
        )
        return .noContent
    }

    private func unlink(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await domain(request, caller)
        try await connections.forget(
            AccountID(try request.number("account")),
            of: domain.name,
            audit: AuditEvent("directory.unlink", domain.name, by: caller, request, at: clock.now())
        )
        return .noContent
    }

    // MARK: - Test and synchronisation

    private struct Question: RequestDocument {
        static let members: Set<String> = ["address"]
        var address: String
    }

    private func test(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let text = try await request.decode(Question.self).address
        let domain = try await domain(request, caller)
        guard let address = EmailAddress(text) else {
            throw Problem.invalid("address", "It is no address.")
        }
        return try .json(CheckReportDocument(try await connections.test(address, of: domain.name, now: clock.now())))
    }

    private struct Wanted: RequestDocument {
        static let members: Set<String> = ["dry_run"]
        var dryRun: Bool?

        private enum CodingKeys: String, CodingKey { case dryRun = "dry_run" }
    }

    private struct Line: Encodable {
        var email: String
        var what: String
    }

    private struct SyncReport: Encodable {
        var dryRun: Bool
        var run: DirectoryRunDocument
        /// The first of many.
        var lines: [Line]
    }

    private func synchronise(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let isDry = try await request.decode(Wanted.self).dryRun ?? false
        let domain = try await domain(request, caller)
        guard domain.status == .active else {
            throw Problem(409, detail: "The domain must be verified and not suspended.")
        }
        let connection = try await connections.connection(of: domain.name)
        try await connections.count(domain.name, clock.now())
        let report = try await connections.sync.run(
            connection,
            isDry: isDry,
            actor: caller.primaryAddress.canonical,
            holder: "\(holder)/\(caller.id)",
            clock: clock
        )
        guard let report else { throw Problem(409, detail: "The directory is being synchronised.") }
        return try .json(
            SyncReport(
                dryRun: isDry,
                run: DirectoryRunDocument(report.run),
                lines: report.lines.map { Line(email: $0.address, what: $0.what) }
            )
        )
    }
}
