import Logging
import MailModel
package import MailPorts
import NIOCore
import NetKit
package import PlatformConfig
package import ServiceHost
import ServiceLifecycle

/// Answers TLS-ALPN-01 challenges of an authority (RFC 8737), and nothing else.
///
/// Invariants: a handshake is made for `acme-tls/1` and a name that waits, every other one is refused; no octet of
/// application data is read or written; a connection ends within its time limit, whatever its client does.
package struct ChallengeListener: Service {
    private let listener: MailListener
    /// For the greeting.
    package let endpoint: HostedService.Endpoint

    package init(_ settings: PlatformSettings, board: any ChallengeBoard) {
        var configuration = ListenerConfiguration(
            name: "acme-tls-alpn",
            addresses: settings.acmeTLSAddresses.isEmpty ? settings.bindAddresses : settings.acmeTLSAddresses,
            port: settings.acmeTLSPort,
            isImplicitTLS: true,
            maximumConnections: settings.acmeTLSConnections,
            maximumConnectionsPerAddress: settings.maxConnectionsPerAddress,
            trustedNetworks: settings.trustedNetworks,
            // Nothing is said in clear text.
            busyReply: "",
            grace: TimeAmount(settings.shutdownGrace)
        )
        configuration.proxyNetworks = settings.proxyNetworks
        endpoint = HostedService.Endpoint(
            purpose: "Challenges of the authority (TLS-ALPN-01)",
            address: configuration.addresses.first?.description ?? "",
            port: configuration.port
        )
        let limit = TimeAmount(settings.acmeTLSTimeout)
        let logger = Logger(label: "certificates")
        // The context comes with the name, so the listener has none.
        listener = MailListener(configuration, tls: nil, logger: logger) { info in
            ChallengeConnection(board: board, limit: limit, remote: info.remote, logger: logger)
        }
    }

    package func bind() async throws { try await listener.bind() }
    package func run() async throws { try await listener.run() }
}
