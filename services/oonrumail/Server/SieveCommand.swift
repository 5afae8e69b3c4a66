import Accounts
import ArgumentParser
import MailDelivery
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost
import Telemetry

/// Sieve scripts of people.
struct SieveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sieve",
        abstract: "Sieve scripts: what a person's mail goes through when it comes.",
        subcommands: [
            Put.self, List.self, Show.self, Activate.self, Deactivate.self, Remove.self, Check.self, Run.self,
        ]
    )

    /// Whose scripts, in which store: what every subcommand takes first.
    struct Whose: ParsableArguments {
        @Argument(help: "An address of the account.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func with(
            _ body: (ScriptService, Account, CommandEnvironment.Ports, PlatformSettings) async throws -> Void
        ) async throws {
            let settings = try options.sources.settings()
            try await options.withPorts("account \(address)") { ports in
                let account = try await AccountCommand.account(address, in: try await ports.stores.directory())
                let service = ScriptService(store: try await ports.stores.scripts(), limits: ScriptLimits(settings))
                try await body(service, account, ports, settings)
            }
        }
    }

    private static func text(_ file: String, _ settings: PlatformSettings) throws -> String {
        let octets = try InputFile.read(file, atMost: settings.sieveScriptSize)
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw ValidationError("the script is not UTF-8")
        }
        return text
    }

    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Keep a script, or replace its text.")
        @OptionGroup var whose: Whose
        @Argument(help: "The script's name.") var name: String
        @Argument(help: "The file with the script in UTF-8; - for standard input.") var file: String
        @Flag(name: .long, help: "Have mail go through it from now on.") var activate = false

        func run() async throws {
            try await whose.with { service, account, ports, settings in
                let (text, now) = (try SieveCommand.text(file, settings), ports.stores.clock().now())
                _ = try await service.put(named: name, text, of: account, by: .commandLine, now: now)
                if activate { try await service.activate(named: name, of: account, by: .commandLine, now: now) }
                let script = try await service.script(named: name, of: account)
                try whose.options.show(
                    ScriptDocument(script.entry),
                    "\(name) is kept\(script.entry.isActive ? " and active" : "")."
                )
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The scripts of an account.")
        @OptionGroup var whose: Whose

        func run() async throws {
            try await whose.with { service, account, _, _ in
                let listing = ScriptListing(account: account.id, limit: StoreOptions.page)
                let documents = try await listing.every { page throws(StoreError) in
                    try await service.store.scripts(page)
                }.map { ScriptDocument($0) }
                var table = TextTable(["NAME", "ACTIVE", "OCTETS", "CHANGED"])
                for one in documents {
                    table.add([one.name, one.isActive ? "yes" : "no", "\(one.size)", one.changedAt])
                }
                try whose.options.show(documents, table.text)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A script's text.")
        @OptionGroup var whose: Whose
        @Argument(help: "The script's name.") var name: String

        func run() async throws {
            try await whose.with { service, account, _, _ in
                let script = try await service.script(named: name, of: account)
                try whose.options.show(ScriptTextDocument(script), script.text)
            }
        }
    }

    struct Activate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Have mail go through a script, and no other.")
        @OptionGroup var whose: Whose
        @Argument(help: "The script's name.") var name: String

        func run() async throws {
            try await whose.with { service, account, ports, _ in
                let now = ports.stores.clock().now()
                try await service.activate(named: name, of: account, by: .commandLine, now: now)
                let script = try await service.script(named: name, of: account)
                try whose.options.show(ScriptDocument(script.entry), "\(name) is active.")
            }
        }
    }

    struct Deactivate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Have mail go through no script.")
        @OptionGroup var whose: Whose

        func run() async throws {
            try await whose.with { service, account, ports, _ in
                let now = ports.stores.clock().now()
                try await service.activate(named: nil, of: account, by: .commandLine, now: now)
                try whose.options.show(["deactivated": account.primaryAddress.description], "No script is active.")
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forget a script that is not active.")
        @OptionGroup var whose: Whose
        @Argument(help: "The script's name.") var name: String

        func run() async throws {
            try await whose.with { service, account, ports, _ in
                let now = ports.stores.clock().now()
                try await service.remove(named: name, of: account, by: .commandLine, now: now)
                try whose.options.show(["removed": name], "\(name) is gone.")
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Read a script without keeping it.")
        @OptionGroup var whose: Whose
        @Argument(help: "The file with the script in UTF-8; - for standard input.") var file: String

        func run() async throws {
            try await whose.with { service, _, _, settings in
                try service.check(try SieveCommand.text(file, settings))
                try whose.options.show(["checked": file], "The script can be followed.")
            }
        }
    }
}
