import ArgumentParser
import MailPorts
import PlatformConfig

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Bring the store's schema up to date.",
        discussion: """
            Works on the database of the settings, while servers run: each version is one transaction, programs that \
            migrate at once take turns, and each version is recorded in schema_migrations. Refuses a schema that is \
            newer than this program and one whose recorded checksums differ.
            """
    )
    @Flag(name: .long, help: "Print the plan and its SQL; change nothing.") var dryRun = false
    @OptionGroup var options: StoreOptions

    private struct Document: Encodable {
        struct Statement: Encodable {
            var sql: String
            var effects: [String]
        }
        struct Version: Encodable {
            var version: Int64
            var name: String
            var checksum: String
            var statements: [Statement]
        }
        var dryRun: Bool
        var current: Int64
        var versions: [Version]
    }

    func run() async throws {
        let settings = try options.sources.settings()
        let plan: SchemaPlan
        do {
            plan = try await CommandEnvironment.current.migrate(settings, dryRun)
        } catch {
            throw CommandFailure(error, subject: "migrate") ?? CommandFailure(.failure, "migrate: \(error)")
        }
        let versions = plan.steps.map { step in
            Document.Version(
                version: step.version,
                name: step.name,
                checksum: step.checksum,
                statements: step.statements.map { .init(sql: $0.sql, effects: $0.effects.map(\.rawValue)) }
            )
        }
        try options.show(Document(dryRun: dryRun, current: plan.current, versions: versions), Self.text(plan, dryRun))
    }

    private static func text(_ plan: SchemaPlan, _ isDryRun: Bool) -> String {
        guard !plan.steps.isEmpty else { return "The schema is at version \(plan.current), up to date." }
        var lines = ["The schema is at version \(plan.current)."]
        for step in plan.steps {
            guard isDryRun else {
                lines.append("Applied version \(step.version), \(step.name).")
                continue
            }
            lines += ["", "-- version \(step.version), \(step.name), checksum \(step.checksum)"]
            for statement in step.statements {
                lines += statement.effects.map { "-- ATTENTION: \(words($0))" }
                lines.append("\(statement.sql);")
            }
        }
        if isDryRun {
            let marked = plan.steps.flatMap(\.statements).count { !$0.effects.isEmpty }
            lines += [
                "", "\(plan.steps.count) versions to apply, \(marked) statements to look at; nothing was changed.",
            ]
        }
        return lines.joined(separator: "\n")
    }

    private static func words(_ effect: SchemaPlan.Effect) -> String {
        switch effect {
        case .destructive: "destructive"
        case .locksTable: "locks a table against writing"
        }
    }
}
