import Domains
import Logging
import MailModel
import MailPorts
import Metrics
import ServiceLifecycle

/// Removes deleted domains whose grace is over, at intervals.
///
/// Invariants: of all processes one at a time does it; a failure is logged and the next interval tries again; a stop ends the
/// wait at once and the work after the present step.
struct DomainUpkeepService: Service {
    let life: DomainLife
    /// Names this process.
    let holder: String
    let clock: any WallClock
    let interval: Duration
    let logger = Logger(label: "domains")

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: interval)
                } catch {
                    return
                }
                await pass()
            }
        }
    }

    private func pass() async {
        do throws(StoreError) {
            let gone = try await life.upkeep(holder: holder, clock: clock)
            Counter(label: "oonrumail_domains_removed_total").increment(by: gone)
        } catch {
            Counter(label: "oonrumail_domain_upkeep_failures_total").increment()
            logger.error("the upkeep of domains failed", metadata: ["error": "\(error)"])
        }
    }
}
