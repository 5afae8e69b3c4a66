import Accounts
import ArgumentParser
import MailModel
import MailPorts
import PlatformConfig
import Telemetry

struct InvitationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invitation",
        abstract: "Invitations: accounts that wait for the person who chooses how to sign in.",
        subcommands: [Add.self, List.self, Renew.self, Revoke.self]
    )

    private struct Document: Encodable {
        var id: Int64
        var organisationID: Int64
        var email: String
        var contact: String?
        var role: String
        var invitedBy: String
        var expiresAt: String
        /// Only when it was made now.
        var token: String?

        init(_ invitation: Invitation, token: MailToken? = nil) {
            id = invitation.id.rawValue
            organisationID = invitation.organisation.rawValue
            email = invitation.address.description
            contact = invitation.contact?.description
            role = invitation.role.rawValue
            invitedBy = invitation.invitedBy
            expiresAt = RFC3339.text(invitation.expiresAt)
            self.token = token?.text
        }
    }

    private static func service(
        _ ports: CommandEnvironment.Ports,
        _ options: StoreOptions
    ) async throws -> InvitationService {
        let settings = try options.sources.settings()
        var limits = InvitationLimits()
        limits.lifetimeSeconds = settings.invitationLifetime.components.seconds
        limits.open = settings.invitationsOpen
        return InvitationService(
            store: try await ports.stores.invitations(),
            people: try await AccountCommand.people(ports, settings),
            accounts: try await AccountCommand.service(ports, defaultQuota: settings.quotaDefault),
            notices: nil,
            limiter: try await ports.stores.limits(),
            limits: limits
        )
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Invite a person; prints the token once, to be handed over."
        )
        @Argument(help: "The account's address, in a verified domain.") var address: EmailAddress
        @Option(name: .long, help: "Display name.") var name = ""
        @Option(name: .long, help: "platform-admin, owner, admin or member.") var role = Role.member.rawValue
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard let role = Role(rawValue: role) else { throw ValidationError("\(role) is no role") }
            try await options.withPorts("invitation of \(address)") { ports in
                guard let domain = try await ports.stores.directory().domain(named: address.domain) else {
                    throw AccountError.domainNotHosted(address.domain)
                }
                let made = try await service(ports, options).invite(
                    address.description,
                    contact: nil,
                    displayName: name,
                    role: role,
                    to: domain.organisation,
                    by: .commandLine,
                    now: ports.stores.clock().now()
                )
                let document = Document(made.invitation, token: made.token)
                try options.show(
                    document,
                    "Invited \(address) until \(document.expiresAt). The token, shown this once:\n\(document.token ?? "-")"
                )
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Open invitations of an organisation.")
        @Argument(help: "The organisation's number.") var organisation: Int64
        @Option(name: .long, help: "Only those of this role.") var role: Role?
        @OptionGroup var text: TextOption
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("organisation \(organisation)") { ports in
                let service = try await service(ports, options)
                let now = ports.stores.clock().now()
                var listing = InvitationListing(organisation: OrganisationID(organisation), limit: StoreOptions.page)
                (listing.role, listing.text) = (role, text.text)
                let found = try await listing.every { page in
                    try await service.invitations(page, for: .commandLine, now: now)
                }
                var table = TextTable(["ID", "ADDRESS", "CONTACT", "ROLE", "BY", "UNTIL"])
                for one in found.map({ Document($0) }) {
                    table.add(["\(one.id)", one.email, one.contact ?? "-", one.role, one.invitedBy, one.expiresAt])
                }
                try options.show(found.map { Document($0) }, table.text)
            }
        }
    }

    struct Renew: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make another token for an invitation and print it once; the one before is good no more."
        )
        @Argument(help: "The organisation's number.") var organisation: Int64
        @Argument(help: "The invitation's number.") var id: Int64
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("invitation \(id)") { ports in
                let made = try await service(ports, options).sendAgain(
                    InvitationID(id),
                    contact: nil,
                    of: OrganisationID(organisation),
                    by: .commandLine,
                    now: ports.stores.clock().now()
                )
                let document = Document(made.invitation, token: made.token)
                try options.show(
                    document,
                    "\(document.email) is invited until \(document.expiresAt). The token, shown this once:\n\(document.token ?? "-")"
                )
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Revoke an invitation.")
        @Argument(help: "The organisation's number.") var organisation: Int64
        @Argument(help: "The invitation's number.") var id: Int64
        @OptionGroup var options: StoreOptions

        func run() async throws {
            try await options.withPorts("invitation \(id)") { ports in
                try await service(ports, options).revoke(
                    InvitationID(id),
                    of: OrganisationID(organisation),
                    by: .commandLine,
                    now: ports.stores.clock().now()
                )
                try options.show(["id": id], "Revoked.")
            }
        }
    }
}
