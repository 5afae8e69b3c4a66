import Accounts
import ArgumentParser
import MailModel
import MailPorts
import ServiceHost

struct SignUpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign-up",
        abstract: "Organisations that signed themselves up and wait (OONRUMAIL_SIGN_UP=approval).",
        subcommands: [List.self, Approve.self, Refuse.self]
    )

    /// Nobody is told by mail from the command line: the operator does that.
    private static func service(_ ports: CommandEnvironment.Ports) async throws -> SignUpService {
        SignUpService(
            store: try await ports.stores.signUps(),
            directory: try await ports.stores.directory(),
            people: try await ports.stores.people(),
            accounts: try await AccountCommand.service(ports),
            notices: nil,
            limiter: try await ports.stores.limits(),
            limits: SignUpLimits()
        )
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Those that wait for a decision.")
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("sign-ups") { ports in
                let service = try await service(ports)
                let now = ports.stores.clock().now()
                var listing = SignUpListing(limit: StoreOptions.page)
                listing.text = text.text
                let found = try await listing.every { page in
                    try await service.waiting(page, for: .commandLine, now: now)
                }
                var table = TextTable(["ID", "ORGANISATION", "OWNER", "NAME", "SINCE", "UNTIL"])
                for one in found.map({ SignUpDocument($0) }) {
                    table.add(["\(one.id)", one.organisation, one.email, one.displayName, one.createdAt, one.expiresAt])
                }
                try options.show(found.map { SignUpDocument($0) }, table.text)
            }
        }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the organisation and its owner's account; tell the owner yourself."
        )
        @Argument(help: "The number that list shows.") var id: Int64
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("sign-up \(id)") { ports in
                let account = try await service(ports)
                    .approve(SignUpID(rawValue: id), by: .commandLine, now: ports.stores.clock().now())
                try options.show(
                    ["email": account.primaryAddress.description, "organisation_id": "\(account.organisation)"],
                    "\(account.primaryAddress) owns organisation \(account.organisation) now."
                )
            }
        }
    }

    struct Refuse: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Refuse a sign-up; tell its owner yourself.")
        @Argument(help: "The number that list shows.") var id: Int64
        @Option(name: .long, help: "Why; kept in the audit.") var reason: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("sign-up \(id)") { ports in
                let gone = try await service(ports)
                    .refuse(SignUpID(rawValue: id), reason: reason, by: .commandLine, now: ports.stores.clock().now())
                try options.show(SignUpDocument(gone), "Refused \(gone.organisation) of \(gone.email).")
            }
        }
    }
}
