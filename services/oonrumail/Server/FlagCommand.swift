import Accounts
import ArgumentParser
import MailModel
import MailPorts
import Telemetry

struct FlagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flag",
        abstract: "Features that are on for some and off for others.",
        subcommands: [List.self, Set.self, Clear.self]
    )

    private struct Row: Encodable {
        var name: String
        var description: String
        var isOnByDefault: Bool
        var rules: [Rule]
    }

    private struct Rule: Encodable {
        var organisation: Int64?
        var percentage: Int
        var by: String
        var changedAt: String
        var changedBy: String

        init(_ rule: FlagRule) {
            organisation = rule.organisation?.rawValue
            percentage = rule.percentage
            by = rule.unit.rawValue
            changedAt = RFC3339.text(rule.changedAt)
            changedBy = rule.changedBy
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Every flag with its rules.")
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("flags") { ports in
                let rules = try await ports.stores.flags().flagRules()
                var table = TextTable(["NAME", "ORGANISATION", "PERCENTAGE", "BY", "CHANGED BY"])
                let rows = FeatureFlag.allCases.filter { text.isIn($0.rawValue, $0.meaning) }.map { flag in
                    Row(
                        name: flag.rawValue,
                        description: flag.meaning,
                        isOnByDefault: flag.standard,
                        rules: rules.filter { $0.flag == flag.rawValue }.map { Rule($0) }
                    )
                }
                for row in rows {
                    if !row.rules.contains(where: { $0.organisation == nil }) {
                        table.add([row.name, "every", row.isOnByDefault ? "100" : "0", "-", "the code"])
                    }
                    for rule in row.rules {
                        table.add([
                            row.name, rule.organisation.map(String.init) ?? "every", "\(rule.percentage)", rule.by,
                            rule.changedBy,
                        ])
                    }
                }
                try options.show(rows, table.text)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Turn a feature on for a percentage; 0 is off, 100 is on.",
            discussion: "Running services follow within OONRUMAIL_FLAG_INTERVAL."
        )
        @Argument(help: "The flag's name.") var name: String
        @Argument(help: "0 to 100.") var percentage: Int
        @Option(name: .long, help: "The number of an organisation; otherwise everybody without a rule of their own.")
        var organisation: Int64?
        @Option(name: .long, help: "account or organisation: what the percentage is of.") var by: String = "account"
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard let unit = FlagUnit(rawValue: by) else {
                throw ValidationError("\(by) is neither account nor organisation")
            }
            try await options.withPorts("flag \(name)") { ports in
                try await FeatureFlags.set(
                    name,
                    percentage: percentage,
                    unit: unit,
                    of: organisation.map { OrganisationID($0) },
                    in: try await ports.stores.flags(),
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(["name": name], "\(name) is on for \(percentage) %.")
            }
        }
    }

    struct Clear: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a rule; what the code says holds again.")
        @Argument(help: "The flag's name.") var name: String
        @Option(name: .long, help: "The number of the organisation whose rule ends; otherwise that for everybody.")
        var organisation: Int64?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("flag \(name)") { ports in
                try await FeatureFlags.clear(
                    name,
                    of: organisation.map { OrganisationID($0) },
                    in: try await ports.stores.flags(),
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(["name": name], "The rule of \(name) is gone.")
            }
        }
    }
}
