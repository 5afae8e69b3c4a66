import Accounts
import ArgumentParser
import MailModel
import MailPorts
import Telemetry

struct PasskeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "passkey",
        abstract: "Passkeys of accounts; their owners register them over HTTP.",
        subcommands: [List.self, Remove.self]
    )

    private struct Document: Encodable {
        var id: Int64
        var name: String
        var transports: [String]
        var isBackedUp: Bool
        var verifiesUser: Bool
        var createdAt: String
        var lastUsedAt: String?
        var lastUsedFrom: String?

        init(_ passkey: Passkey) {
            id = passkey.id.rawValue
            name = passkey.name
            transports = passkey.transports
            isBackedUp = passkey.isBackedUp
            verifiesUser = passkey.verifiesUser
            createdAt = RFC3339.text(passkey.createdAt)
            lastUsedAt = passkey.lastUse.map { RFC3339.text($0.at) }
            lastUsedFrom = passkey.lastUse?.remote?.description
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The passkeys of an account.")
        @Argument(help: "The account's address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("account \(address)") { ports in
                let account = try await AccountCommand.account(address, in: try await ports.stores.directory())
                let known = try await ports.stores.passkeys().passkeys(of: account.id).map { Document($0) }
                var table = TextTable(["ID", "NAME", "MADE", "LAST USED", "FROM"])
                for one in known {
                    table.add([
                        "\(one.id)", one.name, one.createdAt, one.lastUsedAt ?? "never", one.lastUsedFrom ?? "-",
                    ])
                }
                try options.show(known, table.text)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget a passkey, such as a lost one; the last one takes the recovery codes along.",
            discussion: "The last one of an account without a password stays: set a password first, or say --force."
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @Argument(help: "The number that list shows.") var id: Int64
        @Flag(name: .long, help: "Even if nothing else signs in to the account.") var force = false
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("passkey \(id) of \(address)") { ports in
                try await PasskeyService.remove(
                    PasskeyID(id),
                    of: try await AccountCommand.account(address, in: try await ports.stores.directory()),
                    removal: force ? .forced : .byOperator,
                    store: try await ports.stores.passkeys(),
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(["id": id], "Passkey \(id) of \(address) is gone.")
            }
        }
    }
}
