package import Logging
import MailModel
package import MailPorts
import Metrics
import ServiceLifecycle

/// Compares the counters of quotas with the mail that they count, slowly, round after round.
///
/// Invariants: it only reads; the metric is of the last whole round; a failure is logged and the next round tries again; a
/// stop ends the wait at once.
package struct QuotaAuditService: Service {
    /// Accounts compared at one moment.
    static let page = 50
    /// Findings of a round that are logged.
    static let loggedFindings = 20

    private let quotas: any QuotaStore
    /// Between two rounds.
    private let interval: Duration
    /// Between two pages, so that a round is no load.
    private let rest: Duration
    private let logger: Logger

    package init(
        quotas: any QuotaStore,
        interval: Duration,
        rest: Duration = .milliseconds(100),
        logger: Logger = Logger(label: "storage")
    ) {
        self.quotas = quotas
        self.interval = interval
        self.rest = rest
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            // Of several processes that start at once each begins at another time.
            var wait = interval * Double.random(in: 0.1...1)
            while (try? await Task.sleep(for: wait)) != nil {
                await round()
                wait = interval
            }
        }
    }

    package func round() async {
        var drift = QuotaAudit()
        do throws(StoreError) {
            var after: AccountID?
            repeat {
                let page = try await quotas.auditQuota(after: after, limit: Self.page)
                drift.driftBytes += page.driftBytes
                drift.driftMessages += page.driftMessages
                drift.findings += page.findings.prefix(max(0, Self.loggedFindings - drift.findings.count))
                after = page.last
                if after != nil { guard (try? await Task.sleep(for: rest)) != nil else { return } }
            } while after != nil
        } catch {
            Counter(label: "oonrumail_quota_audit_failures_total").increment()
            return logger.error("quotas were not compared", metadata: ["error": "\(error)"])
        }
        Gauge(label: "oonrumail_quota_drift_bytes").record(drift.driftBytes)
        Gauge(label: "oonrumail_quota_drift_messages").record(drift.driftMessages)
        for finding in drift.findings {
            logger.error(
                "a quota's counter is wrong; `oonrumail quota repair` counts anew",
                metadata: ["finding": "\(finding)"]
            )
        }
    }
}
