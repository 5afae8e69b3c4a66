package import Accounts
package import Domains
package import HTTPKit
package import MailModel
package import MailPorts
import ServiceHost

/// What went through a domain, day by day.
///
/// Invariants: those who manage the domain only; numbers, never whose mail it was.
package struct StatisticsRoutes: Sendable {
    static let path = "/api/domains/{name}/statistics"

    private let statistics: DomainStatistics
    private let directory: any DirectoryStore
    private let tokens: TokenService
    private let clock: any WallClock

    package init(
        statistics: DomainStatistics,
        directory: any DirectoryStore,
        tokens: TokenService,
        clock: any WallClock
    ) {
        self.statistics = statistics
        self.directory = directory
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
        let domain = try await domain(request, caller)
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

    /// Whose numbers they are; who may read them is decided here alone.
    private func domain(_ request: APIRequest, _ caller: Account) async throws -> HostedDomain {
        let rule = AccessRule(caller: caller)
        try rule.requireManager()
        let name = EmailAddress.lowercased(request.parameter("name"))
        guard EmailAddress.isDomain(name.utf8) else { throw Problem.notFound("There is no such domain.") }
        return try rule.require(try await directory.domain(named: name))
    }
}
