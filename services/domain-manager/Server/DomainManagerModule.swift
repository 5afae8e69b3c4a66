import Domains
import MailPorts
import OpenIDProvider
import PlatformConfig
package import ServiceHost

/// The domain manager: domains, their records and their accounts over HTTP.
package enum DomainManagerModule {
    package static func make(_ context: ServiceContext) async throws -> HostedService {
        let routes = DomainRoutes(
            directory: try await context.ports.directory(),
            domains: context.domains,
            life: context.life,
            limits: try await context.ports.limits(),
            accounts: context.accounts,
            tokens: context.tokens,
            health: context.health,
            clock: context.clock
        )
        let quotas = QuotaRoutes(
            quotas: try await context.ports.quotas(),
            directory: try await context.ports.directory(),
            tokens: context.tokens,
            clock: context.clock
        )
        let policies = PolicyRoutes(
            policies: try await context.ports.policies(),
            directory: try await context.ports.directory(),
            tokens: context.tokens,
            clock: context.clock
        )
        let branding = BrandingRoutes(
            branding: try await context.ports.branding(),
            directory: try await context.ports.directory(),
            tokens: context.tokens,
            clock: context.clock
        )
        let settings = context.settings
        let discovery = DiscoveryRoutes(
            directory: try await context.ports.directory(),
            policy: TransportPolicy(
                mode: TransportPolicy.Mode(rawValue: settings.transportPolicyMode.rawValue) ?? .none,
                lifetime: Int(settings.transportPolicyLifetime.components.seconds),
                host: context.life.host
            ),
            signIn: signIn(settings)
        )
        let addresses = AddressRoutes(
            addresses: try await context.addresses(),
            directory: try await context.ports.directory(),
            tokens: context.tokens,
            clock: context.clock
        )
        let bulk = BulkRoutes(
            bulk: try await context.bulk(),
            directory: try await context.ports.directory(),
            tokens: context.tokens,
            clock: context.clock
        )
        let certificates = CertificateRoutes(
            store: try await context.ports.certificates(),
            watch: context.certificates,
            limits: try await context.ports.limits(),
            tokens: context.tokens,
            clock: context.clock
        )
        let connections = ConnectionRoutes(
            connections: try await context.providerConnections(),
            directory: try await context.ports.directory(),
            tokens: context.tokens,
            clock: context.clock
        )
        let statistics = StatisticsRoutes(
            statistics: try await context.statistics(),
            directory: try await context.ports.directory(),
            tokens: context.tokens,
            clock: context.clock
        )
        let challenges = context.renewal.map { [ChallengeRoutes(board: $0.board).routes()] } ?? []
        return HostedService(
            name: "domain-manager",
            services: try await upkeep(context),
            routes: [
                routes.routes(), discovery.routes(), quotas.routes(), policies.routes(), branding.routes(),
                addresses.routes(), bulk.routes(), connections.routes(), certificates.routes(),
                statistics.routes(),
            ] + challenges
        )
    }

    /// Told to programs only where they can register themselves: without a client_id they cannot sign in.
    private static func signIn(_ settings: PlatformSettings) -> ClientSettings.SignIn? {
        guard let issuer = settings.providerIssuer, settings.clientRegistration == .mailClients else { return nil }
        let scopes: [OAuthScope] = [.openid, .email, .profile, .offlineAccess, .imap, .smtp]
        return ClientSettings.SignIn(
            issuer: issuer,
            authorization: issuer + ProviderDocument.authorization,
            token: issuer + ProviderDocument.token,
            scope: scopes.map(\.rawValue).joined(separator: " ")
        )
    }
}
