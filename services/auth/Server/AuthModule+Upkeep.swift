import Accounts
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost

/// What the auth service does at intervals.
extension AuthModule {
    /// How often keys that sign tokens are looked at; every process does it.
    private static let keyInterval = Duration.seconds(30)

    /// Answers of people who were away that one pass forgets; the next goes on.
    private static let forgottenAtOnce = 10_000

    /// Deleted accounts whose grace is over go, of all processes one at a time does it; answers of who was away, and what
    /// scripts remember, are forgotten when nothing asks for them.
    static func accountUpkeep(_ people: PeopleService, _ context: ServiceContext) async throws -> PeriodicService {
        let upkeep = PeopleUpkeep(store: people.store, leases: try await context.ports.domains())
        let vacations = try await context.ports.vacations()
        let scripts = try await context.ports.scripts()
        return PeriodicService(
            "accounts",
            every: context.settings.accountUpkeepInterval,
            failures: "oonrumail_account_upkeep_failures_total",
            complaint: "the upkeep of accounts failed"
        ) {
            _ = try await upkeep.pass(holder: context.holder, clock: context.clock)
            let days = Int64(Vacation.intervals.upperBound)
            _ = try await vacations.forgetVacationAnswers(
                before: context.clock.now().adding(seconds: -days * 86_400),
                limit: forgottenAtOnce
            )
            _ = try await scripts.forgetScriptMarks(before: context.clock.now(), limit: forgottenAtOnce)
        }
    }

    /// Keys that are old enough are rotated, those that nobody needs any more forgotten.
    static func keyUpkeep(_ context: ServiceContext) -> PeriodicService {
        PeriodicService(
            "keys",
            every: keyInterval,
            first: .zero,
            failures: "oonrumail_token_key_upkeep_failures_total",
            complaint: "the upkeep of token keys failed"
        ) {
            try await context.tokens.keys.maker?.upkeep(now: context.clock.now())
        }
    }
}
