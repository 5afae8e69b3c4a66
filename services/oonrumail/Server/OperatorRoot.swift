import ArgumentParser

/// The tree of commands.
struct OperatorRoot: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oonrumail",
        abstract: "A mail platform for many domains: the server and its operator's commands.",
        discussion: """
            Commands find the store by --data or OONRUMAIL_DATA and work while the server runs. With --json they print JSON.

            \(CommandFailure.codesHelp)
            """,
        version: PlatformVersion.text,
        subcommands: [
            ServeCommand.self, ConfigCommand.self, DomainCommand.self, DKIMCommand.self, OrganisationCommand.self,
            InvitationCommand.self, SignUpCommand.self, RegistrationCommand.self,
            AccountCommand.self,
            AppPasswordCommand.self, SecondFactorCommand.self, PasskeyCommand.self, FlagCommand.self, GrantCommand.self,
            PermissionCommand.self, IdentityCommand.self, VacationCommand.self, SieveCommand.self,
            SessionCommand.self, OAuthClientCommand.self, TokenKeyCommand.self, MailboxCommand.self,
            AliasCommand.self, CatchAllCommand.self, ListCommand.self, MaskedCommand.self, QuotaCommand.self,
            PolicyCommand.self, BrandingCommand.self, SSOCommand.self, DirectoryCommand.self, CertificateCommand.self,
            MasterKeyCommand.self, WebhookCommand.self, BanCommand.self, QueueCommand.self,
            TraceCommand.self, VerifyCommand.self, BackupCommand.self, RestoreCommand.self, MigrateCommand.self,
            MoveCommand.self, CacheCommand.self, SearchCommand.self,
            MessageCommand.self,
            VersionCommand.self,
        ]
    )
}

package enum PlatformVersion {
    package static let text = "0.1.0"
}

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")
    @Flag(name: .long, help: "Print JSON.") var json = false

    func run() throws {
        let terminal = CommandEnvironment.current.terminal
        terminal.write(json ? "{\"version\":\"\(PlatformVersion.text)\"}" : "oonrumail \(PlatformVersion.text)")
    }
}
