import Directories
import Domains
import MailPorts
import OpenIDProvider
import PlatformConfig
package import ServiceHost

/// The domain manager: domains, their records and their accounts over HTTP.
package enum DomainManagerModule {
    package static func make(_ context: ServiceContext) async throws -> HostedService {
        let gate = DomainGate(
            directory: try await context.ports.directory(),
            permissions: try await context.ports.domainPermissions()
        )
        let zones = try await context.zoneWriter()
        let routes = DomainRoutes(
            gate: gate,
            domains: context.domains,
            life: context.life,
            limits: try await context.ports.limits(),
            accounts: context.accounts,
            tokens: context.tokens,
            health: context.health,
            zones: zones.store,
            clock: context.clock
        )
        let zoneRoutes = ZoneRoutes(
            writer: zones,
            gate: gate,
            life: context.life,
            tokens: context.tokens,
            clock: context.clock
        )
        let quotas = QuotaRoutes(
            quotas: try await context.ports.quotas(),
            gate: gate,
            tokens: context.tokens,
            clock: context.clock
        )
        let policies = PolicyRoutes(
            policies: try await context.ports.policies(),
            gate: gate,
            tokens: context.tokens,
            clock: context.clock
        )
        let branding = BrandingRoutes(
            branding: try await context.ports.branding(),
            gate: gate,
            tokens: context.tokens,
            clock: context.clock
        )
        let signatures = SignatureRoutes(
            signatures: try await context.ports.identities(),
            gate: gate,
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
            gate: gate,
            tokens: context.tokens,
            clock: context.clock
        )
        let bulk = BulkRoutes(
            bulk: try await context.bulk(),
            gate: gate,
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
            gate: gate,
            tokens: context.tokens,
            clock: context.clock
        )
        let directories = DirectoryRoutes(
            connections: try await DirectoryConnections(context.directories, context.ports),
            gate: gate,
            tokens: context.tokens,
            holder: context.holder,
            clock: context.clock
        )
        let permissions = PermissionRoutes(
            gate: gate,
            limit: context.settings.domainPermissions,
            tokens: context.tokens,
            clock: context.clock
        )
        let statistics = StatisticsRoutes(
            statistics: try await context.statistics(),
            gate: gate,
            tokens: context.tokens,
            clock: context.clock
        )
        let challenges = context.renewal.map { [ChallengeRoutes(board: $0.board).routes()] } ?? []
        let listener =
            settings.answersTLSChallenges ? context.renewal.map { ChallengeListener(settings, board: $0.board) } : nil
        return HostedService(
            name: "domain-manager",
            services: try await upkeep(context) + (listener.map { [$0] } ?? []),
            routes: [
                routes.routes(), discovery.routes(), quotas.routes(), policies.routes(), branding.routes(),
                addresses.routes(), bulk.routes(), connections.routes(), certificates.routes(),
                permissions.routes(), signatures.routes(), statistics.routes(), zoneRoutes.routes(),
                directories.routes(),
            ] + challenges,
            endpoints: listener.map { [$0.endpoint] } ?? []
        ) {
            try await listener?.bind()
        }
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
