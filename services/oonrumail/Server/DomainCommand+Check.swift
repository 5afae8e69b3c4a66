import ArgumentParser
import Domains
import MailModel
import MailPorts
import Telemetry

extension DomainCommand {
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look at what a domain publishes and say what to do.",
            discussion: "Exits with 1 when a record is missing or differs, with 5 when DNS did not answer."
        )
        @Argument(help: "The domain.") var name: String
        @OptionGroup var options: StoreOptions

        private struct Report: Encodable {
            struct Record: Encodable {
                var name: String
                var type: String
                var purpose: String
                var expected: String
                var found: [String]
                var ttl: Int?
                var isSecure: Bool
                var status: String
                var advice: String
            }
            var domain: String
            var status: String
            var checkedAt: String
            var resolver: String
            var records: [Record]
        }

        func run() async throws {
            let name = try checked(name)
            try await options.withPorts("domain \(name)") { ports in
                let report = try await ports.life.monitor.check(name, now: ports.stores.clock().now())
                try options.show(Self.document(report), Self.text(report))
                switch report.status {
                case .ok, .advised: break
                case .missing, .differs: throw ExitCode(CommandFailure.Code.failure.rawValue)
                case .unreachable: throw ExitCode(CommandFailure.Code.unavailable.rawValue)
                }
            }
        }

        private static func document(_ report: DomainReport) -> Report {
            Report(
                domain: report.domain,
                status: report.status.rawValue,
                checkedAt: RFC3339.text(report.checkedAt),
                resolver: report.resolver,
                records: report.records.map { check in
                    Report.Record(
                        name: check.record.name,
                        type: check.record.kind.rawValue,
                        purpose: check.record.purpose.rawValue,
                        expected: check.record.value,
                        found: check.found,
                        ttl: check.ttl,
                        isSecure: check.isAuthentic,
                        status: check.status.rawValue,
                        advice: check.advice
                    )
                }
            )
        }

        private static func text(_ report: DomainReport) -> String {
            var table = TextTable(["STATUS", "PURPOSE", "TYPE", "NAME", "TTL", "DNSSEC", "WHAT TO DO"])
            for check in report.records {
                table.add([
                    check.status.rawValue, check.record.purpose.rawValue, check.record.kind.rawValue,
                    check.record.name, check.ttl.map { "\($0)" } ?? "-", check.isAuthentic ? "secure" : "no",
                    check.advice,
                ])
            }
            return "\(report.domain): \(report.status.rawValue), asked \(report.resolver)\n\(table.text)"
        }
    }
}
