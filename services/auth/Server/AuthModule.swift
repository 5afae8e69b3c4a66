import MailPorts
package import ServiceHost

/// The auth service: sign-in, tokens, `/api/users/me`.
package enum AuthModule {
    package static func make(_ context: ServiceContext) async throws -> HostedService {
        let routes = AuthRoutes(
            authenticator: context.authenticator,
            tokens: context.tokens,
            accounts: context.accounts,
            audit: try await context.ports.audit(),
            factors: context.factors,
            appPasswords: context.appPasswords,
            clock: context.clock
        )
        return HostedService(name: "auth", routes: [routes.routes()])
    }
}
