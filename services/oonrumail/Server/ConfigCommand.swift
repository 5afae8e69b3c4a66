import ArgumentParser
import PlatformConfig

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Show and check the settings.",
        subcommands: [List.self, ConfigCheckCommand.self, Example.self]
    )

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every setting with its meaning, default and present value."
        )
        @OptionGroup var options: StoreOptions

        private struct Row: Encodable {
            var name: String
            var group: String
            var meaning: String
            var takes: String
            var `default`: String
            var value: String
            var from: String
        }

        func run() throws {
            let settings = try options.sources.settings()
            let rows = settings.rows.map {
                Row(
                    name: $0.setting.name,
                    group: $0.setting.group.rawValue,
                    meaning: $0.setting.meaning,
                    takes: $0.setting.allowed,
                    default: $0.standard,
                    value: $0.value,
                    from: $0.origin.rawValue
                )
            }
            try options.show(rows, SettingsListing.text(settings))
        }
    }

    struct Example: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print an .env file with every setting at its default."
        )
        func run() throws { CommandEnvironment.current.terminal.write(SettingsListing.environmentExample()) }
    }
}
