import ArgumentParser
import Domains
import MailModel
import MailPorts
import Telemetry

struct DKIMCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dkim",
        abstract: "Signing keys of domains and their rotation.",
        subcommands: [
            List.self, Rotate.self, Activate.self, Retire.self, Import.self, Export.self, Delegate.self, Zone.self,
        ]
    )

    private struct Row: Encodable {
        var selector: String
        var algorithm: String
        var state: String
        var createdAt: String
        var removedAt: String?
    }

    /// Takes a step and prints the keys after it.
    static func show(
        _ domain: String,
        _ options: StoreOptions,
        after step: (CommandEnvironment.Ports, DomainLife.Actor, Timestamp) async throws -> Void
    ) async throws {
        let name = try DomainCommand.checked(domain)
        try await options.withPorts("domain \(name)") { ports in
            try await step(ports, DomainLife.Actor("cli"), ports.stores.clock().now())
            let rows = try await ports.life.keys(of: name).map { key in
                Row(
                    selector: key.selector,
                    algorithm: key.algorithm.rawValue,
                    state: key.state.rawValue,
                    createdAt: RFC3339.text(key.createdAt),
                    removedAt: key.removeAt.map { RFC3339.text($0) }
                )
            }
            var table = TextTable(["SELECTOR", "ALGORITHM", "STATE", "SINCE", "REMOVED AFTER"])
            for row in rows {
                table.add([row.selector, row.algorithm, row.state, row.createdAt, row.removedAt ?? "-"])
            }
            try options.show(rows, table.text)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "A domain's keys in every state.")
        @Argument(help: "The domain.") var domain: String
        @OptionGroup var options: StoreOptions

        func run() async throws { try await DKIMCommand.show(domain, options) { _, _, _ in } }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make new keys; they sign once they are seen in DNS.",
            discussion:
                "Publish what `oonrumail domain dns` prints then. The domain manager looks for it and goes on by itself."
        )
        @Argument(help: "The domain.") var domain: String
        @Option(name: .long, help: "rsa-sha256 or ed25519-sha256; one of each by default.") var algorithm: String?
        @OptionGroup var options: StoreOptions

        func validate() throws {
            guard let algorithm, DKIMKey.Algorithm(rawValue: algorithm) == nil else { return }
            throw ValidationError(
                "Algorithms are \(DKIMKey.Algorithm.allCases.map(\.rawValue).joined(separator: ", "))."
            )
        }

        func run() async throws {
            let wanted = algorithm.flatMap { DKIMKey.Algorithm(rawValue: $0) }
            try await DKIMCommand.show(domain, options) { ports, actor, now in
                _ = try await ports.life.rotate(domain, algorithm: wanted, actor: actor, now: now)
            }
        }
    }

    struct Activate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign with new keys that are seen in DNS; those before them retire."
        )
        @Argument(help: "The domain.") var domain: String
        @Option(name: .long, help: "Only this key.") var selector: String?
        @Flag(name: .long, help: "Do not look into DNS.") var force = false
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await DKIMCommand.show(domain, options) { ports, actor, now in
                _ = try await ports.life.activate(domain, selector: selector, isForced: force, actor: actor, now: now)
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign no more with a key; leave its record until the key is gone from the list."
        )
        @Argument(help: "The domain.") var domain: String
        @Argument(help: "The key's selector.") var selector: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await DKIMCommand.show(domain, options) { ports, actor, now in
                try await ports.life.retire(domain, selector: selector, actor: actor, now: now)
            }
        }
    }
}
