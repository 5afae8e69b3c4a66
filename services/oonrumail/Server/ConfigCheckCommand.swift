import ArgumentParser
import PlatformConfig

struct ConfigCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the settings; exit code 2 when one is not acceptable.",
        discussion: """
            With --checklist also tries what they name, changing nothing, and prints the checklist before a deployment: \
            exit code 1 when something there is wrong. What only people can tell is left open.
            """
    )
    @Flag(name: .long, help: "Try what the settings name and print the checklist before a deployment.")
    var checklist = false
    @OptionGroup var options: StoreOptions

    private struct Outcome: Encodable {
        struct Check: Encodable {
            var name: String
            var outcome: String
            var detail: String
        }
        var warnings: [String]
        var checks: [Check]?
    }

    /// What no program can tick.
    static let forPeople = [
        "the latest backup is less than 24 hours old and proven (scripts/backups/verify-backup.sh)",
        "MX, SPF, DKIM and DMARC of hosted domains are published (oonrumail domain dns)",
        "dashboards open; Slack, PagerDuty and mail get a test alert",
        "somebody is on call, and the way back was read (docs/DEPLOYMENT_RUNBOOK.md)",
        "the tests passed for this version, and two people reviewed it",
        "nodes are ready, replicas of the database are in step",
    ]

    func run() async throws {
        let settings = try options.sources.settings()
        guard checklist else {
            let text = (settings.warnings.map { "warning: \($0)" } + ["settings are acceptable"])
            return try options.show(Outcome(warnings: settings.warnings), text.joined(separator: "\n"))
        }
        let checks = await CommandEnvironment.current.preflight(settings)
        let document = Outcome(
            warnings: settings.warnings,
            checks: checks.map { .init(name: $0.name, outcome: $0.outcome.rawValue, detail: $0.detail) }
        )
        try options.show(document, Self.text(checks))
        let bad = checks.count { $0.outcome == .bad }
        if bad > 0 { throw CommandFailure(.failure, "\(bad) of \(checks.count) checks failed") }
    }

    static func text(_ checks: [DeploymentCheck]) -> String {
        let lines = checks.map { check in
            let detail = check.detail.isEmpty ? "" : ": \(TextTable.printable(check.detail))"
            return "\(mark(check.outcome)) \(check.name)\(detail)"
        }
        return (lines + ["", "For people:"] + forPeople.map { "[ ] \($0)" }).joined(separator: "\n")
    }

    private static func mark(_ outcome: DeploymentCheck.Outcome) -> String {
        switch outcome {
        case .good: "[x]"
        case .warning: "[!]"
        case .bad: "[ ] FAILED"
        case .absent: "[-]"
        }
    }
}
