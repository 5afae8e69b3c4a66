package import Accounts
package import Addresses
package import ClientConduct
package import Directories
package import Domains
import Glibc
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
    /// Who is not let in.
    package var bans: BanTable
    /// Takes note of what clients do.
    package var conduct: any ConductNoting
    package var directories: DirectoryService
    package var accounts: AccountService
    package var appPasswords: AppPasswordService
    package var factors: SecondFactorService
    package var passkeys: PasskeyService
    package var flags: FeatureFlags
    package var tokens: TokenService
    /// nil: the platform is no OpenID provider.
    package var clientSessions: ClientSessions?
    package var domains: any DomainAdministration
    package var life: DomainLife
    package var certificates: CertificateWatch
    /// nil where certificates come from elsewhere.
    package var renewal: CertificateRenewal?
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
        bans: BanTable,
        conduct: any ConductNoting,
        directories: DirectoryService,
        accounts: AccountService,
        appPasswords: AppPasswordService,
        factors: SecondFactorService,
        passkeys: PasskeyService,
        flags: FeatureFlags,
        tokens: TokenService,
        clientSessions: ClientSessions?,
        domains: any DomainAdministration,
        life: DomainLife,
        certificates: CertificateWatch,
        renewal: CertificateRenewal?,
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
        self.bans = bans
        self.conduct = conduct
        self.directories = directories
        self.accounts = accounts
        self.appPasswords = appPasswords
        self.factors = factors
        self.passkeys = passkeys
        self.flags = flags
        self.tokens = tokens
        self.clientSessions = clientSessions
        self.domains = domains
        self.life = life
        self.certificates = certificates
        self.renewal = renewal
        self.masterKey = masterKey
        self.tls = tls
        self.health = health
        self.threads = threads
        self.spoolFolder = spoolFolder
    }
}

extension ServiceContext {
    /// Names this process to the others, as the holder of what one at a time does.
    package var holder: String { "\(settings.hostname)/\(getpid())" }

    package func addresses() async throws -> AddressService {
        AddressService(
            store: try await ports.addresses(),
            directory: try await ports.directory(),
            limits: AddressLimits(settings),
            clock: clock
        )
    }
}

extension AddressLimits {
    package init(_ settings: PlatformSettings) {
        self.init()
        members = settings.listMaxMembers
        masked = settings.maskedAddressLimit
    }
}
