import Accounts
import ArgumentParser
import MailModel
import MailPorts
import Telemetry

struct TokenKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token-key",
        abstract: "Keys that sign access tokens and ID tokens.",
        subcommands: [List.self, Rotate.self]
    )

    private struct Row: Encodable {
        var id: String
        var algorithm: String
        var state: String
        var createdAt: String
        var signsFrom: String

        init(_ key: TokenKey, among keys: [TokenKey], now: Timestamp) {
            id = key.id
            algorithm = key.algorithm.rawValue
            state = TokenKeyMaker.state(of: key, among: keys, now: now).rawValue
            createdAt = RFC3339.text(key.createdAt)
            signsFrom = RFC3339.text(key.signsFrom)
        }
    }

    private static func show(_ ports: CommandEnvironment.Ports, _ options: StoreOptions) async throws {
        let keys = try await ports.stores.tokenKeys().tokenKeys()
        let rows = keys.map { Row($0, among: keys, now: ports.stores.clock().now()) }
        var table = TextTable(["ID", "ALGORITHM", "STATE", "MADE", "SIGNS FROM"])
        for row in rows { table.add([row.id, row.algorithm, row.state, row.createdAt, row.signsFrom]) }
        try options.show(rows, table.text)
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Every key with what it does now.")
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("token keys") { try await TokenKeyCommand.show($0, options) }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a successor of every key.",
            discussion: """
                New keys are published first and sign after OONRUMAIL_TOKEN_KEY_PUBLISH; the old ones verify until the last token that \
                they signed is over. Running services follow within OONRUMAIL_TOKEN_KEY_INTERVAL.
                """
        )
        @Flag(
            name: .long,
            help: "Somebody may know the keys: new ones sign at once, and every token of the old ones is worth nothing."
        ) var immediately = false
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("token keys") { ports in
                guard let keys = ports.tokenKeys else { throw CommandFailure(.failure, "there is no master key") }
                _ = try await keys.rotate(immediately: immediately, actor: "cli", now: ports.stores.clock().now())
                try await TokenKeyCommand.show(ports, options)
            }
        }
    }
}
