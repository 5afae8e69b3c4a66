import Accounts
import ArgumentParser
import MailModel
import MailPorts

struct SecondFactorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "second-factor",
        abstract: "Second factors of accounts; their owners enrol over HTTP.",
        subcommands: [Show.self, Disable.self]
    )

    private struct Document: Encodable {
        var email: String
        var isEnabled: Bool
        var recoveryCodesLeft: Int
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Whether an account has one.")
        @Argument(help: "The account's address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("account \(address)") { ports in
                let account = try await AccountCommand.account(address, in: try await ports.stores.directory())
                let store = try await ports.stores.credentials()
                let isEnabled = try await store.secondFactor(of: account.id)?.isConfirmed == true
                let left = isEnabled ? try await store.recoveryCodesLeft(of: account.id) : 0
                try options.show(
                    Document(email: address.description, isEnabled: isEnabled, recoveryCodesLeft: left),
                    isEnabled ? "\(address): on, \(left) recovery codes left." : "\(address): off."
                )
            }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take it away, for who has lost it and the recovery codes."
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("second factor of \(address)") { ports in
                let directory = try await ports.stores.directory()
                try await SecondFactorService.disable(
                    try await AccountCommand.account(address, in: directory),
                    store: try await ports.stores.credentials(),
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(["email": address.description], "The second factor of \(address) is off.")
            }
        }
    }
}
