import Accounts
import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig
import Telemetry

extension AccountCommand {
    /// An account with what its managers read.
    private struct PersonDocument: Encodable {
        var id: Int64
        var organisationID: Int64
        var email: String
        var displayName: String
        var role: String
        var status: String
        var hasPassword: Bool
        var reason: String?
        var purgeAt: String?
        var usedBytes: Int64
        var usedMessages: Int64
        var createdAt: String

        init(_ person: Person) {
            id = person.account.id.rawValue
            organisationID = person.account.organisation.rawValue
            email = person.account.primaryAddress.description
            displayName = person.account.displayName
            role = person.account.role.rawValue
            status = person.account.status.rawValue
            hasPassword = person.account.hasPassword
            reason = person.reason
            purgeAt = person.purgeAt.map(RFC3339.text)
            usedBytes = person.account.usedBytes
            usedMessages = person.account.usedMessages
            createdAt = RFC3339.text(person.account.createdAt)
        }

        var text: String {
            var table = TextTable([
                "ADDRESS", "NAME", "ROLE", "STATUS", "PASSWORD", "ORGANISATION", "REASON", "REMOVED",
            ])
            table.add([
                email, displayName, role, status, hasPassword ? "yes" : "no", "\(organisationID)", reason ?? "-",
                purgeAt ?? "-",
            ])
            return table.text
        }
    }

    static func people(_ ports: CommandEnvironment.Ports, _ settings: PlatformSettings) async throws -> PeopleService {
        var limits = PeopleLimits()
        limits.graceSeconds = settings.accountGrace.components.seconds
        limits.isTimeZone = { TimeZoneNames.system.contains($0) }
        return PeopleService(
            store: try await ports.stores.people(),
            directory: try await ports.stores.directory(),
            permissions: try await ports.stores.domainPermissions(),
            limits: limits
        )
    }

    /// One step on one account.
    private static func step(
        on address: EmailAddress,
        _ options: StoreOptions,
        _ work: (PeopleService, AccountID, Timestamp) async throws -> Person,
        text: (Person) -> String
    ) async throws {
        let settings = try options.sources.settings()
        try await options.withPorts("account \(address)") { ports in
            let account = try await account(address, in: try await ports.stores.directory())
            let person = try await work(try await people(ports, settings), account.id, ports.stores.clock().now())
            try options.show(PersonDocument(person), text(person))
        }
    }

    private static func state(_ person: Person) -> String {
        "\(person.account.primaryAddress) is \(person.account.status.rawValue)."
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one account.")
        @Argument(help: "One of its addresses.") var address: EmailAddress
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await step(on: address, options) { people, id, _ in
                try await people.person(id, for: .commandLine)
            } text: {
                PersonDocument($0).text
            }
        }
    }

    struct Change: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change display name or role; an organisation keeps its last owner."
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @Option(name: .long, help: "Display name.") var name: String?
        @Option(name: .long, help: "platform-admin, owner, admin or member.") var role: String?
        @OptionGroup var options: StoreOptions
        func run() async throws {
            let word = try role.map { text in
                guard let role = Role(rawValue: text) else { throw ValidationError("\(text) is no role") }
                return role
            }
            try await step(on: address, options) { people, id, now in
                try await people.change(id, displayName: name, role: word, by: .commandLine, now: now)
            } text: {
                "\($0.account.primaryAddress) is changed."
            }
        }
    }

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuse sign-ins and mail of an account; its mail stays."
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @Option(name: .long, help: "Why; its managers read it.") var reason = "by an operator of the platform"
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await step(
                on: address,
                options,
                { people, id, now in
                    try await people.suspend(id, reason: reason, by: .commandLine, now: now)
                },
                text: state
            )
        }
    }

    struct Activate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a suspension, or undo a deletion within its grace.",
            aliases: ["restore"]
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await step(
                on: address,
                options,
                { people, id, now in
                    try await people.restore(id, by: .commandLine, now: now)
                },
                text: state
            )
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an account: no sign-ins and no mail; removed for good after OONRUMAIL_ACCOUNT_GRACE."
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @OptionGroup var options: StoreOptions
        func run() async throws {
            try await step(on: address, options) { people, id, now in
                try await people.delete(id, by: .commandLine, now: now)
            } text: { person in
                "\(state(person)) It is removed for good at \(person.purgeAt.map(RFC3339.text) ?? "-")."
            }
        }
    }
}
