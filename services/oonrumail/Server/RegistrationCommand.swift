import Accounts
import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost

struct RegistrationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "registration",
        abstract: "People who registered on a domain and wait (its policy's registration is approval).",
        subcommands: [List.self, Approve.self, Refuse.self]
    )

    /// Nobody is told by mail from the command line: the operator does that.
    private static func service(
        _ ports: CommandEnvironment.Ports,
        _ settings: PlatformSettings
    ) async throws -> RegistrationService {
        RegistrationService(
            store: try await ports.stores.registrations(),
            directory: try await ports.stores.directory(),
            policies: try await ports.stores.policies(),
            people: try await ports.stores.people(),
            permissions: try await ports.stores.domainPermissions(),
            accounts: try await AccountCommand.service(ports, defaultQuota: settings.quotaDefault),
            notices: nil,
            limiter: try await ports.stores.limits(),
            limits: RegistrationLimits()
        )
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Those that wait for a decision.")
        @Option(name: .long, help: "Of this domain alone.") var domain: String?
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let settings = try options.sources.settings()
            try await options.withPorts("registrations") { ports in
                let service = try await service(ports, settings)
                let now = ports.stores.clock().now()
                var listing = RegistrationListing(limit: StoreOptions.page)
                (listing.domain, listing.text) = (domain.map { EmailAddress.lowercased($0) }, text.text)
                let found = try await listing.every { page in
                    try await service.waiting(page, for: .commandLine, now: now)
                }
                var table = TextTable(["ID", "ADDRESS", "CONTACT", "NAME", "SINCE", "UNTIL"])
                for one in found.map({ RegistrationDocument($0) }) {
                    table.add(["\(one.id)", one.email, one.contact, one.displayName, one.createdAt, one.expiresAt])
                }
                try options.show(found.map { RegistrationDocument($0) }, table.text)
            }
        }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the account; tell its person yourself."
        )
        @Argument(help: "The number that list shows.") var id: Int64
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let settings = try options.sources.settings()
            try await options.withPorts("registration \(id)") { ports in
                let account = try await service(ports, settings)
                    .approve(RegistrationID(rawValue: id), by: .commandLine, now: ports.stores.clock().now())
                try options.show(
                    ["email": account.primaryAddress.description, "organisation_id": "\(account.organisation)"],
                    "\(account.primaryAddress) has an account now."
                )
            }
        }
    }

    struct Refuse: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Refuse a registration; tell its person yourself.")
        @Argument(help: "The number that list shows.") var id: Int64
        @Option(name: .long, help: "Why; kept in the audit.") var reason: String
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let settings = try options.sources.settings()
            try await options.withPorts("registration \(id)") { ports in
                let gone = try await service(ports, settings)
                    .refuse(
                        RegistrationID(rawValue: id),
                        reason: reason,
                        by: .commandLine,
                        now: ports.stores.clock().now()
                    )
                try options.show(RegistrationDocument(gone), "Refused \(gone.address).")
            }
        }
    }
}
