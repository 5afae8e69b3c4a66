import Accounts
import ArgumentParser
import MailModel
import MailPorts
import ServiceHost

struct GrantCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grant",
        abstract: "Who may send with whose address.",
        subcommands: [List.self, Add.self, Revoke.self]
    )

    private static func grants(_ ports: CommandEnvironment.Ports) async throws -> SendingGrants {
        SendingGrants(
            store: try await ports.stores.sendingGrants(),
            directory: try await ports.stores.directory()
        )
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Grants, of all or of one account.")
        @Argument(help: "The address of who gave them.") var address: EmailAddress?
        @Option(name: .long, help: "Only these: send-as or send-on-behalf.") var kind: SendingGrantKind?
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts(address.map { "account \($0)" } ?? "grants") { ports in
                var subject = SendingGrantSubject.within(nil)
                if let address {
                    let account = try await AccountCommand.account(address, in: try await ports.stores.directory())
                    subject = .givenBy(account.id)
                }
                let grants = try await GrantCommand.grants(ports)
                var listing = GrantListing(subject, limit: StoreOptions.page)
                (listing.kind, listing.text) = (kind, text.text)
                let found = try await listing.every { page in try await grants.list(page) }
                let known = found.map { SendingGrantDocument($0) }
                var table = TextTable(["ID", "KIND", "ADDRESS", "WHO MAY", "SINCE", "BY"])
                for one in known {
                    table.add(["\(one.id)", one.kind, one.address, one.grantee, one.createdAt, one.createdBy])
                }
                try options.show(known, table.text)
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let an account send with an address of another of its organisation."
        )
        @Argument(help: "send-as or send-on-behalf.") var kind: String
        @Argument(help: "The address to send with.") var address: EmailAddress
        @Argument(help: "The account that may.") var to: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard let kind = SendingGrantKind(rawValue: kind) else {
                throw ValidationError("\(self.kind) is neither send-as nor send-on-behalf")
            }
            try await options.withPorts("grant of \(address)") { ports in
                let made = try await GrantCommand.grants(ports).give(
                    kind,
                    of: address,
                    to: to,
                    within: nil,
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(SendingGrantDocument(made), "Grant \(made.id): \(to) may \(kind.rawValue) \(address).")
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End a grant.")
        @Argument(help: "The number that list shows.") var id: Int64
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("grant \(id)") { ports in
                try await GrantCommand.grants(ports).revoke(
                    SendingGrantID(id),
                    .within(nil),
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(["id": id], "Grant \(id) is over.")
            }
        }
    }
}
