import Accounts
import ArgumentParser
import MailModel
import MailPorts
import MailboxEngine
import PlatformConfig
import Telemetry

extension AccountCommand {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an account in a hosted domain.")
        @Argument(help: "Its address, such as ann@shop.test.") var address: EmailAddress
        @Option(name: .long, help: "Display name.") var name = ""
        @Option(name: .long, help: "platform-admin, owner, admin or member.") var role = Role.member.rawValue
        @Option(name: .long, help: "Quota such as 2G, or none.") var quota: String?
        @Flag(name: .long, help: "Nobody signs in to it: others work in its mailboxes.") var shared = false
        @Flag(name: .long, help: "No password: prints a token once, whose holder chooses how to sign in.")
        var withoutPassword = false
        @OptionGroup var password: PasswordOptions
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard let role = Role(rawValue: role) else { throw ValidationError("\(role) is no role") }
            let limit = try quota.map(AccountCommand.quota) ?? nil
            if shared {
                guard role == .member else { throw ValidationError("a shared account has no role") }
                guard !withoutPassword else { throw ValidationError("a shared account has no password anyway") }
                return try await addShared(limit)
            }
            guard !withoutPassword else {
                guard !password.passwordStdin else {
                    throw ValidationError("--without-password and --password-stdin do not go together")
                }
                return try await addInvited(role, limit)
            }
            let secret = try password.password(for: address)
            let settings = try options.sources.settings()
            try await options.withPorts("account \(address)") { ports in
                let service = try await AccountCommand.service(
                    ports,
                    defaultQuota: quota == nil ? settings.quotaDefault : 0
                )
                let account = try await service.addAccount(
                    address,
                    password: secret,
                    displayName: name,
                    role: role,
                    quotaBytes: limit,
                    allowWeakPassword: password.allowWeak,
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(Document(account), "Added \(address).")
            }
        }

        private struct Invited: Encodable {
            var id: Int64
            var email: String
            var role: String
            var hasPassword: Bool
            var token: String
            var expiresAt: String
        }

        private func addInvited(_ role: Role, _ limit: Int64?) async throws {
            let settings = try options.sources.settings()
            try await options.withPorts("account \(address)") { ports in
                let service = try await AccountCommand.service(
                    ports,
                    defaultQuota: quota == nil ? settings.quotaDefault : 0
                )
                let made = try await service.addInvitedAccount(
                    address,
                    displayName: name,
                    role: role,
                    quotaBytes: limit,
                    lifetimeSeconds: settings.invitationLifetime.components.seconds,
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                let document = Invited(
                    id: made.account.id.rawValue,
                    email: made.account.primaryAddress.description,
                    role: made.account.role.rawValue,
                    hasPassword: made.account.hasPassword,
                    token: made.token.text,
                    expiresAt: RFC3339.text(made.expiresAt)
                )
                try options.show(
                    document,
                    """
                    Added \(address), without a password. Whoever has this token, shown this once and good until \(document.expiresAt), \
                    chooses a passkey or a password:
                    \(document.token)
                    """
                )
            }
        }

        private func addShared(_ limit: Int64?) async throws {
            let settings = try options.sources.settings()
            let standard = settings.quotaDefault > 0 ? Int64(settings.quotaDefault) : nil
            try await options.withPorts("account \(address)") { ports in
                let sharing = MailboxSharing(
                    store: try await ports.stores.mailboxSharing(),
                    mailboxes: try await ports.stores.mailboxes(),
                    directory: try await ports.stores.directory(),
                    allowsAnyone: settings.sharesWithAnyone
                )
                do throws(SharingFailure) {
                    let account = try await sharing.addTeam(
                        address,
                        displayName: name,
                        within: nil,
                        quotaBytes: quota == nil ? standard : limit,
                        by: SharingActor("cli", remote: nil),
                        now: ports.stores.clock().now()
                    )
                    try? options.show(Document(account), "Added \(address); share it with `oonrumail mailbox share`.")
                } catch {
                    throw MailboxCommand.commandError(error)
                }
            }
        }
    }
}
