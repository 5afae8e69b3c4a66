import Domains
import Glibc
import MailPorts
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
        let holder = context.settings.hostname + "/" + String(getpid())
        let upkeep = DomainUpkeepService(
            life: context.life,
            holder: holder,
            clock: context.clock,
            interval: context.settings.domainUpkeepInterval
        )
        let monitor = DomainMonitorService(
            monitor: context.life.monitor,
            holder: holder,
            clock: context.clock,
            interval: context.settings.domainCheckInterval
        )
        let settings = context.settings
        let discovery = DiscoveryRoutes(
            directory: try await context.ports.directory(),
            policy: TransportPolicy(
                mode: TransportPolicy.Mode(rawValue: settings.transportPolicyMode.rawValue) ?? .none,
                lifetime: Int(settings.transportPolicyLifetime.components.seconds),
                host: context.life.host
            )
        )
        return HostedService(
            name: "domain-manager",
            services: [upkeep, monitor],
            routes: [routes.routes(), discovery.routes()]
        )
    }
}
