import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost

struct PermissionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "permission",
        abstract: "What people may do with single domains beyond their roles.",
        subcommands: [List.self, Give.self, Take.self]
    )

    private static let words = DomainPermissions.words.map(\.word).joined(separator: ", ")

    private static func parsed(_ words: [String]) throws -> DomainPermissions {
        guard let permissions = DomainPermissions(words: words) else {
            throw ValidationError("permissions are \(Self.words)")
        }
        return permissions
    }

    private static func lines(_ rows: [DomainGrantDocument]) -> String {
        var table = TextTable(["DOMAIN", "ACCOUNT", "PERMISSIONS", "SINCE", "BY"])
        for row in rows {
            table.add([row.domain, row.email, row.permissions.joined(separator: " "), row.grantedAt, row.grantedBy])
        }
        return table.text
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Who may do what with a domain.")
        /// Rows read at once.
        private static let page = 500
        @Argument(help: "The domain.") var domain: String
        @Option(name: .long, help: "Only those that have it.") var permission: String?
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let wanted = try permission.map { try parsed([$0]) }
            let name = try DomainCommand.checked(domain)
            try await options.withPorts("domain \(name)") { ports in
                guard try await ports.stores.directory().domain(named: name) != nil else { throw StoreError.notFound }
                let store = try await ports.stores.domainPermissions()
                var listing = DomainGrantListing(domain: name, limit: Self.page)
                listing.permission = wanted
                let rows = try await listing.every { page throws(StoreError) in
                    try await store.domainGrants(page)
                }.map { DomainGrantDocument($0) }
                try options.show(rows, PermissionCommand.lines(rows))
            }
        }
    }

    struct Give: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give an account exactly these permissions.")
        @Argument(help: "The domain.") var domain: String
        @Argument(help: "An address of the account, of the domain's organisation.") var address: EmailAddress
        @Argument(help: "manage, send-as, analytics, users; one or several.") var permissions: [String]
        @OptionGroup var options: StoreOptions

        func run() async throws {
            let wanted = try parsed(permissions)
            guard !wanted.isEmpty else { throw ValidationError("permissions are \(PermissionCommand.words)") }
            try await PermissionCommand.set(wanted, of: address, on: domain, options)
        }
    }

    struct Take: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take all permissions on a domain from an account.")
        @Argument(help: "The domain.") var domain: String
        @Argument(help: "An address of the account.") var address: EmailAddress
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await PermissionCommand.set([], of: address, on: domain, options)
        }
    }

    private static func set(
        _ permissions: DomainPermissions,
        of address: EmailAddress,
        on domain: String,
        _ options: StoreOptions
    ) async throws {
        let name = try DomainCommand.checked(domain)
        let settings = try options.sources.settings()
        try await options.withPorts("account \(address) at domain \(name)") { ports in
            let account = try await AccountCommand.account(address, in: try await ports.stores.directory())
            let store = try await ports.stores.domainPermissions()
            if permissions.isEmpty, try await store.domainGrant(of: account.id, on: name) == nil {
                throw StoreError.notFound
            }
            let made = try await store.setDomainPermissions(
                permissions,
                of: account.id,
                on: name,
                atMost: settings.domainPermissions,
                audit: AuditEvent(
                    at: ports.stores.clock().now(),
                    actor: "cli",
                    action: "domain.permissions",
                    subject: name
                )
            )
            let rows = made.map { [DomainGrantDocument($0)] } ?? []
            try options.show(rows, rows.isEmpty ? "\(address) has no permissions on \(name)." : lines(rows))
        }
    }
}
