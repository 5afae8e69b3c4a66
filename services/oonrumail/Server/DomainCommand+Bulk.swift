import Addresses
import ArgumentParser
import MailDelivery
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost

extension BulkKind: ExpressibleByArgument {}

/// Accounts, aliases and lists of a domain as CSV.
extension DomainCommand {
    private static func service(
        _ ports: CommandEnvironment.Ports,
        _ options: StoreOptions
    ) async throws -> BulkService {
        let settings = try options.sources.settings()
        return try await BulkService(
            ports.stores,
            settings,
            mailer: try await PlatformMailer(ports.stores, settings, ports.masterKey)
        )
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make and change accounts, aliases or lists from CSV, all rows or none.",
            discussion: """
                The file is UTF-8 with a header; columns in any order, of accounts address, display_name, quota_bytes, state, language,
                time_zone and contact, of aliases address and targets, of lists address, name, posting, maximum_size, owners, members
                and senders. What a column does not say stays. Exits with 1 when a row is refused.
                """
        )
        @Argument(help: "The domain.") var name: String
        @Argument(help: "The file; - for standard input.") var file: String
        @Option(name: .long, help: "accounts, aliases or lists.") var kind: BulkKind
        @Flag(name: .long, help: "Say what would be, and change nothing.") var dryRun = false
        @Flag(name: .long, help: "Take the rows that are not refused.") var partial = false
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await options.withPorts("domain \(name)") { ports in
                guard let domain = try await ports.stores.directory().domain(named: name), domain.status != .deleted
                else {
                    throw StoreError.notFound
                }
                let service = try await DomainCommand.service(ports, options)
                let report = try await service.run(
                    try InputFile.read(file, atMost: service.limits.octets),
                    of: kind,
                    into: domain,
                    mode: dryRun ? .trial : partial ? .partial : .whole,
                    by: BulkActor("cli", role: .platformAdmin, account: nil)
                )
                try options.show(report.lines.map { BulkRowDocument($0) }, text(report))
                guard report.refused.isEmpty else { throw ExitCode(CommandFailure.Code.failure.rawValue) }
            }
        }

        private func text(_ report: BulkReport) -> String {
            var table = TextTable(["LINE", "ADDRESS", "OUTCOME", "COLUMN", "WHY"])
            for row in report.lines.map({ BulkRowDocument($0) }) where row.outcome != "unchanged" {
                let mail = row.invited.map { $0 ? "invited" : "the invitation did not leave" }
                table.add(["\(row.line)", row.address, row.outcome, row.column ?? "-", row.reason ?? mail ?? "-"])
            }
            let counts =
                "\(report.count(.created)) created, \(report.count(.changed)) changed, \(report.count(.unchanged)) unchanged, "
                + "\(report.refused.count) refused"
            let end = report.isApplied ? "" : dryRun ? " (dry run)" : "; nothing was changed"
            return "\(table.text)\n\(counts)\(end)."
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print accounts, aliases, lists or masked addresses as CSV."
        )
        @Argument(help: "The domain.") var name: String
        @Option(name: .long, help: "accounts, aliases, lists or masked.") var kind: BulkKind
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let name = try checked(name)
            try await options.withPorts("domain \(name)") { ports in
                guard try await ports.stores.directory().domain(named: name) != nil else { throw StoreError.notFound }
                let service = try await DomainCommand.service(ports, options)
                var page = try await service.export(kind, of: name, after: nil, limit: service.limits.rows)
                CommandEnvironment.current.terminal.write(exactly: page.bytes)
                while let next = page.next {
                    page = try await service.export(
                        kind,
                        of: name,
                        after: next,
                        limit: service.limits.rows,
                        header: false
                    )
                    CommandEnvironment.current.terminal.write(exactly: page.bytes)
                }
            }
        }
    }
}
