import MailPorts
package import ServiceHost

/// The domain manager: domains, their records and their accounts over HTTP.
package enum DomainManagerModule {
    package static func make(_ context: ServiceContext) async throws -> HostedService {
        let routes = DomainRoutes(
            directory: try await context.ports.directory(),
            domains: context.domains,
            accounts: context.accounts,
            tokens: context.tokens,
            health: context.health,
            clock: context.clock
        )
        return HostedService(name: "domain-manager", routes: [routes.routes()])
    }
}
