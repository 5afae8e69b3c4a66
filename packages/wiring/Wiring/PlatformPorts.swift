import DNSUpdates
package import MailModel
package import MailPorts
import NIOCore
import NIOPosix
import PlatformConfig
import ProviderHTTP
import SQLStore
import Synchronization

/// The ports of a process: one store, and what it shares with others or has for itself.
package final class PlatformPorts: PortProvider {
    private struct Made {
        var resolver: (any DNSResolving)?
        var transport: (any RemoteTransport)?
    }

    let store: SQLStore
    private let feed: any ChangeFeed
    private let limiter: any RateLimiter
    private let index: (any SearchIndex)?
    private let time: any WallClock
    private let made = Mutex(Made())
    private let makeResolver: @Sendable () throws -> any DNSResolving & PublishedRecordReading
    private let makeTransport: @Sendable () -> any RemoteTransport
    private let sealing: MasterSealing
    private let fetcher: ProviderClient
    private let sender: ProviderClient
    private let zoneClient: ZoneUpdateClient
    private let directoryAsking: DirectoryClients

    init(
        store: SQLStore,
        feed: any ChangeFeed,
        limiter: any RateLimiter,
        index: (any SearchIndex)?,
        clock: any WallClock,
        makeResolver: @escaping @Sendable () throws -> any DNSResolving & PublishedRecordReading,
        makeTransport: @escaping @Sendable () -> any RemoteTransport,
        sealing: MasterSealing,
        providers: ProviderClientOptions,
        webhooks: ProviderClientOptions,
        zones: ZoneUpdateOptions,
        directories: DirectoryClients
    ) {
        directoryAsking = directories
        self.store = store
        self.feed = feed
        self.limiter = limiter
        self.index = index
        self.time = clock
        self.makeResolver = makeResolver
        self.makeTransport = makeTransport
        self.sealing = sealing
        fetcher = ProviderClient(providers, resolver: makeResolver, group: .singletonMultiThreadedEventLoopGroup)
        zoneClient = ZoneUpdateClient(
            zones,
            resolver: makeResolver,
            group: .singletonMultiThreadedEventLoopGroup,
            clock: clock
        )
        sender = ProviderClient(webhooks, resolver: makeResolver, group: .singletonMultiThreadedEventLoopGroup)
    }

    package func directory() async throws -> any DirectoryStore { store }
    package func domains() async throws -> any DomainStore { store }
    package func addresses() async throws -> any AddressBook { store }
    package func bulk() async throws -> any BulkStore { store }
    package func mailboxes() async throws -> any MailboxStore { store }
    package func mailboxSharing() async throws -> any MailboxSharingStore { store }
    package func deliveries() async throws -> any DeliveryStore { store }
    package func queue() async throws -> any QueueStore { store }
    package func trace() async throws -> any TraceStore { store }
    package func statistics() async throws -> any StatisticsStore { store }
    package func sessions() async throws -> any SessionStore { store }
    package func credentials() async throws -> any CredentialStore & SecondFactorStore { store }
    package func passkeys() async throws -> any PasskeyStore { store }
    package func flags() async throws -> any FlagStore { store }
    package func sendingGrants() async throws -> any SendingGrantStore { store }
    package func tokenKeys() async throws -> any TokenKeyStore { store }
    package func oauth() async throws -> any OAuthClientStore & OAuthGrantStore { store }
    package func audit() async throws -> any AuditStore { store }
    package func singleSignOn() async throws -> any SingleSignOnStore { store }
    package func identityProviders() async throws -> any IdentityProviderFetching { fetcher }
    package func peopleDirectories() async throws -> any PeopleDirectoryStore { store }
    package func directoryClients() async throws -> any PeopleDirectoryAsking { directoryAsking }
    package func webhooks() async throws -> any WebhookStore { store }
    package func webhookSender() async throws -> any WebhookSending { sender }
    package func zones() async throws -> any ZoneStore { store }
    package func zonePublishing() async throws -> any ZonePublishing { zoneClient }
    package func secrets() async throws -> any SecretSealing { sealing }
    package func keptAnswers() async throws -> any KeptAnswerStore { store }
    package func maintenance() async throws -> any MaintenanceStore { store }
    package func policies() async throws -> any PolicyStore { store }
    package func people() async throws -> any PeopleStore { store }
    package func domainPermissions() async throws -> any DomainPermissionStore { store }
    package func registrations() async throws -> any RegistrationStore { store }
    package func signUps() async throws -> any SignUpStore { store }
    package func avatars() async throws -> any AvatarStore { store }
    package func vacations() async throws -> any VacationStore { store }
    package func identities() async throws -> any IdentityStore { store }
    package func scripts() async throws -> any ScriptStore { store }
    package func accountAddresses() async throws -> any AccountAddressStore { store }
    package func branding() async throws -> any BrandingStore { store }
    package func recovery() async throws -> any RecoveryStore { store }
    package func invitations() async throws -> any InvitationStore { store }
    package func quotas() async throws -> any QuotaStore { store }
    package func certificates() async throws -> any CertificateStore { store }
    package func sealedValues() async throws -> any SealedValueStore { store }
    package func bans() async throws -> any BanStore { store }
    package func changes() async throws -> any ChangeFeed { feed }
    package func limits() async throws -> any RateLimiter { limiter }
    package func searchSource() async throws -> any SearchSourceStore { store }
    package func searchIndex() async throws -> (any SearchIndex)? { index }
    package func clock() -> any WallClock { time }

    package func resolver() async throws -> any DNSResolving {
        try made.withLock { made in
            if let resolver = made.resolver { return resolver }
            let resolver = try makeResolver()
            made.resolver = resolver
            return resolver
        }
    }

    package func publishedRecords() async throws -> any PublishedRecordReading { try makeResolver() }

    package func transport() async throws -> any RemoteTransport {
        made.withLock { made in
            if let transport = made.transport { return transport }
            let transport = makeTransport()
            made.transport = transport
            return transport
        }
    }
}
