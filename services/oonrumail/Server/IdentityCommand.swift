import Accounts
import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost
import Telemetry

/// With what addresses, names and signatures people write.
struct IdentityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity",
        abstract: "With what addresses, names and signatures people write.",
        subcommands: [List.self, Show.self, Set.self, Forget.self, Person.self, Domain.self]
    )

    /// Whose identities, in which store: what subcommands take first.
    struct Whose: ParsableArguments {
        @Argument(help: "An address of the account.") var account: EmailAddress
        @OptionGroup var options: StoreOptions

        /// - Parameter absent: what is said when what the subcommand names is not there.
        func with(
            absent: String = "",
            _ body: (IdentityService, Account, Timestamp) async throws -> Void
        ) async throws {
            var limits = IdentityLimits()
            limits.identities = try options.sources.settings().identities
            try await options.withPorts("account \(account)") { ports in
                let directory = try await ports.stores.directory()
                let service = IdentityService(
                    store: try await ports.stores.identities(),
                    directory: directory,
                    limits: limits
                )
                let account = try await AccountCommand.account(account, in: directory)
                do {
                    try await body(service, account, ports.stores.clock().now())
                } catch AccountError.store(.notFound) {
                    throw CommandFailure(.notFound, absent)
                }
            }
        }
    }

    static func table(_ known: [IdentityDocument]) -> String {
        var table = TextTable(["ADDRESS", "KIND", "USE", "NAME", "SIGNATURE", "OF"])
        for one in known {
            let mark = one.isDefault ? " (default)" : ""
            table.add([one.email + mark, one.kind, one.use, one.name, one.signature.level, one.owner ?? "-"])
        }
        return table.text
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Every address that an account may send with, and what it writes with it."
        )
        @OptionGroup var whose: Whose

        func run() async throws {
            try await whose.with { service, account, _ in
                let known = try await service.book(of: account).identities.map { IdentityDocument($0) }
                try whose.options.show(known, IdentityCommand.table(known))
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What an account writes with an address.")
        @OptionGroup var whose: Whose
        @Argument(help: "The address to write with.") var address: String

        func run() async throws {
            try await whose.with(absent: "\(whose.account) does not send with \(address)") { service, account, _ in
                let known = IdentityDocument(try await service.identity(address, of: account))
                try whose.options.show(known, IdentityCommand.table([known]) + "\n\(known.signature.text)")
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what an account writes with an address; what is not given is as without."
        )
        @OptionGroup var whose: Whose
        @Argument(help: "The address to write with; *@ and a domain for a whole domain that it may send for.")
        var address: String
        @Option(name: .long, help: "The name; otherwise that of the account or of who lends the address.")
        var name: String?
        @Option(name: .long, help: "An address for answers; may be repeated.") var replyTo: [EmailAddress] = []
        @Option(name: .long, help: "An address that gets each message too; may be repeated.") var bcc: [EmailAddress] =
            []
        @OptionGroup var signature: SignatureOptions

        func run() async throws {
            let settings = IdentitySettings(
                name: name,
                replyTo: replyTo,
                bcc: bcc,
                signature: try signature.read()
            )
            try await whose.with(absent: "\(whose.account) does not send with \(address)") { service, account, now in
                try await service.set(settings, of: address, for: account, by: .commandLine, now: now)
                let known = IdentityDocument(try await service.identity(address, of: account))
                try whose.options.show(known, IdentityCommand.table([known]))
            }
        }
    }

    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forget what was said of an address.")
        @OptionGroup var whose: Whose
        @Argument(help: "The address of which it was said.") var address: String

        func run() async throws {
            try await whose.with(absent: "nothing was said of \(address)") { service, account, now in
                try await service.set(nil, of: address, for: account, by: .commandLine, now: now)
                try whose.options.show(["address": address], "Nothing is said of \(address).")
            }
        }
    }
}
