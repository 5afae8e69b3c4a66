package import Accounts
package import Logging
package import MailModel
package import MailPorts
import MailboxEngine
import NIOCore
package import NetKit
import ServiceLifecycle

/// The IMAP service: a listener with STARTTLS and one under TLS from the first byte.
///
/// Invariants
/// - One command of a connection runs at a time; OK follows the commit.
/// - EXPUNGE is told only where RFC 9051 §7.5.1 allows it.
/// - Nothing received before TLS is acted on after it.
/// - What a client reads never contains a cause.
package final class IMAPServerService: Service {
    private let listeners: [MailListener]

    package init(
        configuration: IMAPServiceConfiguration,
        mailboxes: any MailboxStore,
        sharing: any MailboxSharingStore,
        directory: any DirectoryStore,
        quotas: any QuotaStore,
        authenticator: AccountAuthenticator,
        feed: any ChangeFeed,
        tls: TLSContextStore,
        clock: any WallClock,
        barrier: (any ClientBarrier)? = nil,
        conduct: (any ConductNoting)? = nil,
        logger: Logger
    ) {
        let services = SessionServices(
            configuration: configuration,
            store: mailboxes,
            sharing: MailboxSharing(
                store: sharing,
                mailboxes: mailboxes,
                directory: directory,
                allowsAnyone: configuration.allowsSharingWithAnyone
            ),
            quotas: quotas,
            indexes: MailboxIndexes(store: mailboxes, feed: feed, budget: configuration.indexBudget),
            authenticator: authenticator,
            tls: tls,
            clock: clock,
            conduct: conduct,
            logger: logger
        )
        let listener = { (addresses: [IPAddress], port: Int, isImplicitTLS: Bool) -> MailListener in
            var listener = ListenerConfiguration(
                name: isImplicitTLS ? "IMAPS" : "IMAP",
                addresses: addresses,
                port: port,
                isImplicitTLS: isImplicitTLS,
                maximumConnections: configuration.maximumConnections,
                maximumConnectionsPerAddress: configuration.maximumConnectionsPerAddress,
                trustedNetworks: configuration.trustedNetworks,
                busyReply: "* BYE [LIMIT] Too many connections\r\n",
                grace: TimeAmount(configuration.grace)
            )
            listener.proxyNetworks = configuration.proxyNetworks
            listener.barrier = barrier
            listener.barredReply = "* BYE \(IMAPConnection.barred)\r\n"
            return MailListener(listener, tls: tls, logger: logger) { info in
                IMAPConnection(services: services, info: info)
            }
        }
        listeners = [
            listener(configuration.addresses, configuration.port, false),
            listener(configuration.implicitTLSAddresses, configuration.implicitTLSPort, true),
        ]
    }

    /// Takes the ports; call before `run`, so that a port in use is one clear line.
    package func bind() async throws(BindError) {
        for listener in listeners { try await listener.bind() }
    }

    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for listener in listeners { group.addTask { try await listener.run() } }
            try await group.waitForAll()
        }
    }
}
