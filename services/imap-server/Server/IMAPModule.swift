import Logging
import MailModel
import MailPorts
import PlatformConfig
package import ServiceHost

/// The IMAP service: mailboxes for mail clients.
package enum IMAPModule {
    package static func make(_ context: ServiceContext) async throws -> HostedService {
        let configuration = IMAPServiceConfiguration(settings: context.settings)
        let server = IMAPServerService(
            configuration: configuration,
            mailboxes: try await context.ports.mailboxes(),
            sharing: try await context.ports.mailboxSharing(),
            directory: try await context.ports.directory(),
            quotas: try await context.ports.quotas(),
            authenticator: context.authenticator,
            feed: try await context.ports.changes(),
            tls: context.tls,
            clock: context.clock,
            barrier: context.bans,
            conduct: context.conduct,
            logger: Logger(label: "imap")
        )
        let endpoints = [
            HostedService.Endpoint(
                purpose: "Mail clients (IMAP, STARTTLS)",
                address: configuration.addresses.first?.description ?? "",
                port: configuration.port
            ),
            HostedService.Endpoint(
                purpose: "Mail clients (IMAP, TLS)",
                address: configuration.implicitTLSAddresses.first?.description ?? "",
                port: configuration.implicitTLSPort
            ),
        ]
        return HostedService(name: "imap", services: [server], endpoints: endpoints) { try await server.bind() }
    }
}
