package import MailModel
package import MailPorts
import PlatformConfig
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
    private let time: any WallClock
    private let made = Mutex(Made())
    private let makeResolver: @Sendable () throws -> any DNSResolving & PublishedRecordReading
    private let makeTransport: @Sendable () -> any RemoteTransport

    init(
        store: SQLStore,
        feed: any ChangeFeed,
        limiter: any RateLimiter,
        clock: any WallClock,
        makeResolver: @escaping @Sendable () throws -> any DNSResolving & PublishedRecordReading,
        makeTransport: @escaping @Sendable () -> any RemoteTransport
    ) {
        self.store = store
        self.feed = feed
        self.limiter = limiter
        self.time = clock
        self.makeResolver = makeResolver
        self.makeTransport = makeTransport
    }

    package func directory() async throws -> any DirectoryStore { store }
    package func domains() async throws -> any DomainStore { store }
    package func mailboxes() async throws -> any MailboxStore { store }
    package func deliveries() async throws -> any DeliveryStore { store }
    package func queue() async throws -> any QueueStore { store }
    package func trace() async throws -> any TraceStore { store }
    package func sessions() async throws -> any SessionStore { store }
    package func credentials() async throws -> any CredentialStore & SecondFactorStore { store }
    package func audit() async throws -> any AuditStore { store }
    package func maintenance() async throws -> any MaintenanceStore { store }
    package func changes() async throws -> any ChangeFeed { feed }
    package func limits() async throws -> any RateLimiter { limiter }
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
