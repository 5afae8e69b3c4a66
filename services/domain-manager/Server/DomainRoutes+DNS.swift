import Accounts
import Domains
import HTTPKit
import MailModel
import MailPorts
import Telemetry

/// What a domain should publish and what it does.
extension DomainRoutes {
    /// Live checks of one domain in a minute.
    static let checksInMinute = 30
    /// States that a domain's history has at most (`OONRUMAIL_DOMAIN_CHECK_HISTORY`).
    static let longestHistory = 100_000

    func addDNSRoutes(_ set: inout RouteSet, _ guarded: BearerGuard<Account>) {
        set.get("/api/domains/{name}/dns", guarded { try await self.checkDNS($0, $1) })
        set.get("/api/domains/{name}/dns/history", guarded { try await self.history($0, $1) })
        set.get("/api/domains/{name}/zone", guarded { try await self.zone($0, $1) })
    }

    private struct ReportDocument: Encodable {
        struct Record: Encodable {
            var name: String
            var type: String
            var purpose: String
            var expected: String
            var found: [String]
            /// Null: nothing was found.
            var ttl: Int?
            var isSecure: Bool
            var status: String
            var advice: String

            init(_ check: RecordCheck) {
                name = check.record.name
                type = check.record.kind.rawValue
                purpose = check.record.purpose.rawValue
                expected = check.record.value
                found = check.found
                ttl = check.ttl
                isSecure = check.isAuthentic
                status = check.status.rawValue
                advice = check.advice
            }
        }

        var domain: String
        var status: String
        var checkedAt: String
        var resolver: String
        var records: [Record]
        /// How writing them goes, where a connection with a name server covers the domain.
        var writing: ZoneStateDocument?

        init(_ report: DomainReport, _ writing: ZoneStateDocument?) {
            self.writing = writing
            domain = report.domain
            status = report.status.rawValue
            checkedAt = RFC3339.text(report.checkedAt)
            resolver = report.resolver
            records = report.records.map { Record($0) }
        }
    }

    /// The caller's own domain, once it is proved.
    func hosted(
        _ request: APIRequest,
        _ caller: Account,
        _ any: DomainPermissions
    ) async throws -> HostedDomain {
        switch try await entry(request, caller, any) {
        case .hosted(let domain): domain
        case .claimed: throw Problem(409, detail: "The domain is not proved yet.")
        }
    }

    private func checkDNS(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await hosted(request, caller, [.manage, .analytics])
        let now = clock.now()
        let decision = await limits.count(
            "domain.check:\(domain.name)",
            limit: Self.checksInMinute,
            windowSeconds: 60,
            now: now
        )
        if case .exceeded(let seconds) = decision {
            throw Problem(429, detail: "Check again later.", headers: ["Retry-After": "\(seconds)"])
        }
        let report = try await life.monitor.check(domain.name, now: now)
        return try .json(ReportDocument(report, try await writing(of: domain)))
    }

    /// nil where nobody writes the domain's records but its owner.
    private func writing(of domain: HostedDomain) async throws -> ZoneStateDocument? {
        let found = try await zones.zoneConnection(covering: domain.name, of: domain.organisation)
        guard found != nil else { return nil }
        return ZoneStateDocument(try await zones.zoneState(of: ZoneMember(domain)))
    }

    private struct HistoryDocument: Encodable {
        struct State: Encodable {
            var since: String
            var lastSeen: String
            var status: String
            /// Each record's purpose, name and state.
            var records: [String]
        }
        /// The newest first.
        var history: [State]
        var next: String?
    }

    private func history(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await hosted(request, caller, [.manage, .analytics])
        let query = try request.list(sorts: ["since", "last_seen"], order: "-since", filters: ["status"])
        let all = try await life.monitor.history(of: domain.name, limit: Self.longestHistory)
        let states = all.map { state in
            HistoryDocument.State(
                since: RFC3339.text(state.since),
                lastSeen: RFC3339.text(state.lastSeen),
                status: state.status,
                records: state.fingerprint.utf8.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
            )
        }
        let kept = states.filter { state in query.filters["status"].map { $0 == state.status } ?? true }
        let page = try query.page(
            of: kept,
            keys: ["since": { $0.since }, "last_seen": { $0.lastSeen }],
            id: { $0.since }
        )
        return request.linked(try .json(HistoryDocument(history: page.items, next: page.next)), next: page.next)
    }

    private func zone(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await hosted(request, caller, [.manage, .analytics])
        // RFC 4027 §2: text/dns is a zone file as RFC 1035 §5 writes it.
        var response = APIResponse.text(
            try await domains.zoneFile(of: domain.name),
            contentType: "text/dns; charset=us-ascii"
        )
        response.headers["Content-Disposition"] = "attachment; filename=\"\(domain.name).zone\""
        return response
    }
}
