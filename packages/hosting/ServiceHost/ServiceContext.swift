package import Accounts
package import Domains
package import HTTPKit
package import MailCrypto
package import MailModel
package import MailPorts
package import NIOPosix
package import NetKit
package import PlatformConfig

/// What the services of one process share; the composition root makes it.
package struct ServiceContext: Sendable {
    package var settings: PlatformSettings
    package var ports: any PortProvider
    package var clock: any WallClock
    package var authenticator: AccountAuthenticator
    package var accounts: AccountService
    package var appPasswords: AppPasswordService
    package var factors: SecondFactorService
    package var tokens: TokenService
    package var domains: any DomainAdministration
    package var life: DomainLife
    package var masterKey: MasterKey
    package var tls: TLSContextStore
    package var health: HealthRegistry
    /// For work that blocks: spool files, password hashes.
    package var threads: NIOThreadPool
    /// A folder for what is being received; emptied at each start.
    package var spoolFolder: String

    package init(
        settings: PlatformSettings,
        ports: any PortProvider,
        clock: any WallClock,
        authenticator: AccountAuthenticator,
        accounts: AccountService,
        appPasswords: AppPasswordService,
        factors: SecondFactorService,
        tokens: TokenService,
        domains: any DomainAdministration,
        life: DomainLife,
        masterKey: MasterKey,
        tls: TLSContextStore,
        health: HealthRegistry,
        threads: NIOThreadPool,
        spoolFolder: String
    ) {
        self.settings = settings
        self.ports = ports
        self.clock = clock
        self.authenticator = authenticator
        self.accounts = accounts
        self.appPasswords = appPasswords
        self.factors = factors
        self.tokens = tokens
        self.domains = domains
        self.life = life
        self.masterKey = masterKey
        self.tls = tls
        self.health = health
        self.threads = threads
        self.spoolFolder = spoolFolder
    }
}
