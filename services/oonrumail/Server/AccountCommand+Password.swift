import Accounts
import ArgumentParser
import MailModel
import MailPorts

extension AccountCommand {
    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a password or take it away; ends the account's sessions, but for those of app passwords."
        )
        @Argument(help: "The account's address.") var address: EmailAddress
        @Flag(name: .long, help: "Take it away: passkeys or the identity provider sign in alone.") var remove = false
        @Flag(name: .long, help: "With --remove: even if nothing else signs in to the account.") var force = false
        @OptionGroup var password: PasswordOptions
        @OptionGroup var options: StoreOptions

        func run() async throws {
            guard remove || !force else { throw ValidationError("--force goes with --remove") }
            guard !remove else { return try await takeAway() }
            let secret = try password.password(for: address)
            try await options.withPorts("account \(address)") { ports in
                try await AccountCommand.service(ports).setPassword(
                    address,
                    password: secret,
                    allowWeak: password.allowWeak,
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(["email": address.description], "Password of \(address) set.")
            }
        }

        private func takeAway() async throws {
            guard !password.passwordStdin else {
                throw ValidationError("--remove and --password-stdin do not go together")
            }
            try await options.withPorts("password of \(address)") { ports in
                try await AccountCommand.service(ports).removePassword(
                    address,
                    evenIfOnlyWayIn: force,
                    actor: "cli",
                    now: ports.stores.clock().now()
                )
                try options.show(["email": address.description], "\(address) has no password any more.")
            }
        }
    }
}
