import HTTPKit
import MailModel
import MailPorts
import PlatformConfig
import ServiceHost

extension RequestGate {
    private static let windowSeconds = 60

    /// The gate of this process: counters that it shares with others, answers in the store.
    static func over(_ context: ServiceContext) async throws -> RequestGate {
        let settings = context.settings
        let limiter = try await context.ports.limits()
        let clock = context.clock
        var limits = KeptAnswerLimits()
        limits.keepSeconds = settings.idempotencyLifetime.components.seconds
        limits.perAccount = settings.idempotencyKeys
        let answers = StoredAnswers(
            store: try await context.ports.keptAnswers(),
            masterKey: context.masterKey,
            clock: clock,
            limits: limits
        )
        var gate = RequestGate(
            counter: { key, rate in
                let window = await limiter.measure(
                    key,
                    limit: rate.limit,
                    windowSeconds: rate.windowSeconds,
                    now: clock.now()
                )
                return Count(
                    isAllowed: !window.isExceeded,
                    remaining: window.isExceeded ? 0 : max(0, rate.limit - window.events),
                    resetSeconds: window.resetSeconds
                )
            },
            answers: answers
        )
        gate.accountRate = rate(settings.httpRateAccount)
        gate.addressRate = rate(settings.httpRateAddress)
        gate.exempt = settings.httpRateExempt
        return gate
    }

    private static func rate(_ limit: Int) -> Rate? {
        limit == 0 ? nil : Rate(limit: limit, windowSeconds: windowSeconds)
    }
}
