import Accounts
import MailDelivery
import MailPorts
import PlatformConfig
import ServiceHost

extension AuthModule {
    static func scripts(_ context: ServiceContext) async throws -> ScriptRoutes {
        let store = try await context.ports.scripts()
        return ScriptRoutes(
            scripts: ScriptService(store: store, limits: ScriptLimits(context.settings)),
            pass: ScriptPass(
                runner: ScriptRunner(store, context.settings),
                store: store,
                mailboxes: try await context.ports.mailboxes(),
                directory: try await context.ports.directory(),
                hostname: context.settings.hostname
            ),
            tokens: context.tokens,
            clock: context.clock
        )
    }

    static func identities(_ context: ServiceContext) async throws -> IdentityService {
        var limits = IdentityLimits()
        limits.identities = context.settings.identities
        return IdentityService(
            store: try await context.ports.identities(),
            directory: try await context.ports.directory(),
            limits: limits
        )
    }
}
