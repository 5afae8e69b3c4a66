package import Accounts
package import Domains
package import HTTPKit
package import MailModel
import MailPorts
import ServiceHost

/// What went through a domain, day by day.
///
/// Invariants: those of `DomainGate`; numbers, never whose mail it was.
package struct StatisticsRoutes: Sendable {
    static let path = "/api/domains/{name}/statistics"

    private let statistics: DomainStatistics
    private let gate: DomainGate
    private let tokens: TokenService
    private let clock: any WallClock

    package init(
        statistics: DomainStatistics,
        gate: DomainGate,
        tokens: TokenService,
        clock: any WallClock
    ) {
        self.statistics = statistics
        self.gate = gate
        self.tokens = tokens
        self.clock = clock
    }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        let guarded = BearerGuard.tokens(tokens, clock)
        set.get(Self.path, guarded { try await self.show($0, $1) })
        describe(&set)
        return set
    }

    private func describe(_ set: inout RouteSet) {
        var counts: [String: Schema] = [:]
        for count in MailCount.allCases { counts[count.rawValue] = .integer }
        set.describe(
            "GET",
            Self.path,
            RouteDescription(
                "Mail of a domain by day (UTC), the last \(StatisticsPeriod.standard) days by default, at most "
                    + "\(StatisticsPeriod.longest); counted once a minute or so",
                query: ["since", "until"],
                answers: [
                    200: "Every day of the period with its counts, and their sum",
                    404: "There is no such domain, or it is another organisation's",
                ],
                types: ["since": .date, "until": .date],
                schemas: [
                    200: .document(
                        "DomainStatistics",
                        [
                            "domain": .text, "since": .date, "until": .date,
                            "days": .list(.object(counts.merging(["day": .date]) { first, _ in first })),
                            "total": .object(counts),
                        ]
                    )
                ]
            )
        )
    }

    private func show(_ request: APIRequest, _ caller: Account) async throws -> APIResponse {
        let domain = try await gate.domain(request, caller, [.manage, .analytics])
        let period: StatisticsPeriod
        do throws(StatisticsFault) {
            period = try StatisticsPeriod(
                since: request.query("since"),
                until: request.query("until"),
                now: clock.now()
            )
        } catch {
            throw Problem(.badRequest, detail: "The query's period is not taken: \(error.text).")
        }
        return try .json(try await statistics.report(ofDomain: domain.name, period))
    }
}
