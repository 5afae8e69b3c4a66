import Accounts
import ArgumentParser
import MailCrypto
import MailPorts

struct MasterKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "master-key",
        abstract: "The key that seals keys and secrets in the store, and its rotation.",
        discussion: """
            On one machine: rotate, reseal, retire. Where every process has a copy of the file: add, bring the ring to all, rotate, \
            bring it to all, reseal, and when status finds nothing under other keys, retire. No key is ever printed.
            """,
        subcommands: [Status.self, Add.self, Rotate.self, Reseal.self, Retire.self]
    )

    struct RingOption: ParsableArguments {
        @Option(name: .long, help: "Write the ring there and leave its file as it is.") var output: String?
    }

    private struct Document: Encodable {
        struct Column: Encodable {
            var column: String
            var current: Int
            var older: Int
            var lost: Int
            var resealed: Int
        }
        /// Names of the keys, no secrets; the first one seals.
        var keys: [String]
        var columns: [Column]
        /// Whether nothing needs a key but the first.
        var canRetire: Bool
    }

    static func resealing(_ ports: CommandEnvironment.Ports) async throws -> Resealing {
        Resealing(
            store: try await ports.stores.sealedValues(),
            directory: try await ports.stores.directory(),
            key: ports.masterKey,
            clock: ports.stores.clock()
        )
    }

    static func show(_ counts: [Resealing.Count], _ ports: CommandEnvironment.Ports, _ options: StoreOptions) throws {
        let keys = ports.masterKey.ids.map(\.description)
        let document = Document(
            keys: keys,
            columns: counts.map {
                .init(column: $0.column, current: $0.current, older: $0.older, lost: $0.lost, resealed: $0.resealed)
            },
            canRetire: keys.count > 1 && older(counts) == 0 && lost(counts) == 0
        )
        var table = TextTable(["WHAT", "CURRENT", "OLDER", "UNREADABLE", "SEALED ANEW"])
        for count in counts {
            table.add([count.column, "\(count.current)", "\(count.older)", "\(count.lost)", "\(count.resealed)"])
        }
        let older = older(counts)
        let advice =
            keys.count == 1
            ? "There is no other key."
            : older > 0
                ? "\(older) values are under other keys: oonrumail master-key reseal"
                : "Nothing is under other keys: they may go by oonrumail master-key retire, once no backup that is kept needs them."
        try options.show(
            document,
            "key \(keys[0]) seals; others: \(keys.dropFirst().joined(separator: ", "))\n\(table.text)\n\(advice)"
        )
        guard lost(counts) == 0 else { throw ExitCode(CommandFailure.Code.failure.rawValue) }
    }

    /// What needs another key than the first.
    fileprivate static func older(_ counts: [Resealing.Count]) -> Int { counts.reduce(0) { $0 + $1.older } }

    /// What no key of the ring opens.
    fileprivate static func lost(_ counts: [Resealing.Count]) -> Int { counts.reduce(0) { $0 + $1.lost } }

    static func change(_ step: MasterKeyStep, _ output: String?, _ ports: CommandEnvironment.Ports) async throws {
        let keys = try ports.keyring.change(step, output: output)
        try await resealing(ports).record(
            "master_key.\(step.rawValue)",
            AuditDetail().adding("keys", Int64(keys)),
            "cli"
        )
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count what is sealed with which key; exit code 1 when something cannot be opened."
        )
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("master key") { ports in
                try MasterKeyCommand.show(try await MasterKeyCommand.resealing(ports).status(), ports, options)
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a new key that opens and does not seal yet: every process knows it before one seals with it."
        )
        @OptionGroup var ring: RingOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("master key") { try await MasterKeyCommand.change(.add, ring.output, $0) }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Seal with the newest key from now on; what others have sealed still opens."
        )
        @OptionGroup var ring: RingOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("master key") { try await MasterKeyCommand.change(.rotate, ring.output, $0) }
        }
    }

    struct Reseal: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring everything under the key that seals now; services go on, and it may be begun again."
        )
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("master key") { ports in
                let counts = try await MasterKeyCommand.resealing(ports).reseal(actor: "cli")
                try MasterKeyCommand.show(counts, ports, options)
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget the keys that do not seal; refused while something is under one of them."
        )
        @OptionGroup var ring: RingOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("master key") { ports in
                let counts = try await MasterKeyCommand.resealing(ports).status()
                let (older, lost) = (MasterKeyCommand.older(counts), MasterKeyCommand.lost(counts))
                guard older == 0 else {
                    throw CommandFailure(
                        .failure,
                        "\(older) values are under other keys: run oonrumail master-key reseal first"
                    )
                }
                guard lost == 0 else {
                    throw CommandFailure(
                        .failure,
                        "\(lost) values open with no key of the ring: put the missing key back as a last line first"
                    )
                }
                try await MasterKeyCommand.change(.retire, ring.output, ports)
            }
        }
    }
}
