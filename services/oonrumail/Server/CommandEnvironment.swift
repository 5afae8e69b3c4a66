package import Accounts
package import Domains
package import MailCrypto
package import MailPorts
package import PlatformConfig

/// What the commands need of the rest of the platform; the main program fills it in.
package struct CommandEnvironment: Sendable {
    /// The opened store and what works on it.
    package struct Ports: Sendable {
        package var stores: any PortProvider
        package var domains: any DomainAdministration
        package var life: DomainLife
        package var passwords: PasswordWork
        package var certificates: CertificateWatch
        /// nil in tests that make none.
        package var tokenKeys: TokenKeyMaker?
        package var masterKey: MasterKey
        package var keyring: any MasterKeyKeeping
        package var close: @Sendable () async -> Void
        package init(
            stores: any PortProvider,
            domains: any DomainAdministration,
            life: DomainLife,
            passwords: PasswordWork,
            certificates: CertificateWatch,
            tokenKeys: TokenKeyMaker? = nil,
            masterKey: MasterKey,
            keyring: any MasterKeyKeeping,
            close: @escaping @Sendable () async -> Void
        ) {
            self.stores = stores
            self.domains = domains
            self.life = life
            self.passwords = passwords
            self.certificates = certificates
            self.tokenKeys = tokenKeys
            self.masterKey = masterKey
            self.keyring = keyring
            self.close = close
        }

        package typealias Parts = (
            stores: any PortProvider, domains: any DomainAdministration, life: DomainLife, passwords: PasswordWork,
            certificates: CertificateWatch, tokenKeys: TokenKeyMaker, masterKey: MasterKey,
            keyring: any MasterKeyKeeping,
            close: @Sendable () async -> Void
        )

        /// From what the composition root hands out.
        package init(_ parts: Parts) {
            self.init(
                stores: parts.stores,
                domains: parts.domains,
                life: parts.life,
                passwords: parts.passwords,
                certificates: parts.certificates,
                tokenKeys: parts.tokenKeys,
                masterKey: parts.masterKey,
                keyring: parts.keyring,
                close: parts.close
            )
        }
    }

    /// Opens the store beside a running server or without one.
    package var open: @Sendable (PlatformSettings) async throws -> Ports
    /// Runs the services until they are told to stop.
    package var serve: @Sendable (PlatformSettings) async throws -> Void
    /// Fills an empty data folder from a backup file.
    package var restore: @Sendable (_ file: String, PlatformSettings) async throws -> Void
    /// Brings the store's schema up to date, or only says what is missing.
    package var migrate: @Sendable (PlatformSettings, _ isDryRun: Bool) async throws -> SchemaPlan
    /// Moves the store between databases; gets a place for lines on the way.
    package var move:
        @Sendable (PlatformSettings, MoveOrder, @escaping @Sendable (String) -> Void) async throws -> MoveOutcome
    /// Tries what the settings name, for the checklist before a deployment.
    package var preflight: @Sendable (PlatformSettings) async -> [DeploymentCheck]
    package var terminal: any Terminal = StandardTerminal()
    /// Instead of the process's own, in tests.
    package var environment: [String: String]?

    package init(
        open: @escaping @Sendable (PlatformSettings) async throws -> Ports,
        serve: @escaping @Sendable (PlatformSettings) async throws -> Void,
        restore: @escaping @Sendable (_ file: String, PlatformSettings) async throws -> Void,
        migrate: @escaping @Sendable (PlatformSettings, _ isDryRun: Bool) async throws -> SchemaPlan = { _, _ in
            SchemaPlan(current: 0, steps: [])
        },
        move:
            @escaping @Sendable (PlatformSettings, MoveOrder, @escaping @Sendable (String) -> Void) async throws ->
            MoveOutcome = { _, _, _ in MoveOutcome() },
        preflight: @escaping @Sendable (PlatformSettings) async -> [DeploymentCheck] = { _ in [] }
    ) {
        self.open = open
        self.serve = serve
        self.restore = restore
        self.migrate = migrate
        self.move = move
        self.preflight = preflight
    }

    @TaskLocal static var bound: CommandEnvironment?

    /// The environment of the running command.
    static var current: CommandEnvironment {
        guard let bound else { preconditionFailure("commands run inside OperatorProgram") }
        return bound
    }
}
