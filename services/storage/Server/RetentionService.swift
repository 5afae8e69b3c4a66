package import Logging
package import MailModel
package import MailPorts
import Metrics
import ServiceLifecycle

/// Expunges mail that has been in Trash or Junk for longer than its domain keeps it there.
///
/// Invariants: off where a domain's policy does not say otherwise; of all processes one at a time does it; each transaction is
/// of one account and bounded, with its audit line; a stop ends it after the present transaction.
package struct RetentionService: Service {
    static let task = "retention"
    /// Messages of one account in one transaction.
    static let batch = 200
    /// Longer than some transactions take.
    static let leaseSeconds: Int64 = 120

    private let policies: any PolicyStore
    private let upkeep: any DomainStore
    private let clock: any WallClock
    private let interval: Duration
    /// Names this process.
    private let holder: String
    private let logger: Logger

    package init(
        policies: any PolicyStore,
        upkeep: any DomainStore,
        clock: any WallClock,
        interval: Duration,
        holder: String,
        logger: Logger = Logger(label: "storage")
    ) {
        self.policies = policies
        self.upkeep = upkeep
        self.clock = clock
        self.interval = interval
        self.holder = holder
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: interval)) != nil {
                do throws(StoreError) {
                    try await round()
                } catch {
                    Counter(label: "oonrumail_retention_failures_total").increment()
                    logger.error("mail was not expunged by age", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    package func round() async throws(StoreError) {
        let lease = UpkeepLease(Self.task, in: upkeep, holder: holder, seconds: Self.leaseSeconds, clock: clock)
        _ = try await lease.during { () async throws(StoreError) in try await round(lease) }
    }

    private func round(_ lease: UpkeepLease) async throws(StoreError) {
        for (domain, retention) in try await policies.domainsWithRetention() {
            for (use, days) in [(SpecialUse.trash, retention.trashDays), (.junk, retention.junkDays)] {
                guard let days else { continue }
                try await expire(use, days, domain, lease)
            }
        }
    }

    private func expire(_ use: SpecialUse, _ days: Int, _ domain: String, _ lease: UpkeepLease) async throws(StoreError)
    {
        let before = clock.now().adding(seconds: -86_400 * Int64(days))
        var first = AccountID(0)
        while !Task.isCancelled, try await lease.holds() {
            let done = try await policies.expire(
                use,
                ofDomain: domain,
                before: before,
                from: first,
                limit: Self.batch,
                audit: AuditEvent(at: clock.now(), actor: "system", action: "retention.expunge", subject: "")
            )
            guard let done else { break }
            Counter(label: "oonrumail_retention_expunged_total").increment(by: done.count)
            first = done.count == Self.batch ? done.account : AccountID(done.account.rawValue + 1)
        }
    }
}
