import ArgumentParser
import Domains
import MailModel
import MailPorts

extension DomainCommand {
    struct Statistics: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What went through a domain, day by day (UTC).",
            discussion: """
                Counted from the message trace while the services run, once a minute or so. Of mail from here, sent, queued, deferred, \
                bounced and cancelled count recipients elsewhere, submitted counts messages.
                """
        )
        @Argument(help: "The domain.") var name: String
        @Option(name: .long, help: "First day, such as 2026-11-01; thirty days up to the last one by default.")
        var since: String?
        @Option(name: .long, help: "Last day; today by default.") var until: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await options.withPorts("domain \(name)") { ports in
                let period: StatisticsPeriod
                do throws(StatisticsFault) {
                    period = try StatisticsPeriod(since: since, until: until, now: ports.stores.clock().now())
                } catch {
                    throw ValidationError("The period is not taken: \(error.text).")
                }
                guard try await ports.stores.directory().domain(named: name) != nil else { throw StoreError.notFound }
                // Reads only: nothing is kept or removed by it.
                let statistics = DomainStatistics(
                    store: try await ports.stores.statistics(),
                    upkeep: try await ports.stores.domains(),
                    keptDays: StatisticsPeriod.longest
                )
                let report = try await statistics.report(ofDomain: name, period)
                try options.show(report, Self.text(report))
            }
        }

        private static func text(_ report: StatisticsReport) -> String {
            var table = TextTable(["DAY"] + MailCount.allCases.map { $0.rawValue.uppercased() })
            func add(_ title: String, _ counts: MailCounts) {
                table.add([title] + MailCount.allCases.map { "\(counts[$0])" })
            }
            for (day, counts) in report.days { add(day.dashed, counts) }
            add("all", report.total)
            return table.text
        }
    }
}
