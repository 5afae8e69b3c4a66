import Domains
import Logging
import MailModel
import MailPorts
import Metrics
import ServiceLifecycle

/// Looks which quotas fill, at intervals, and tells who is responsible.
///
/// Invariants: of all processes one at a time does it; a failure is logged and the next interval tries again; a stop ends the
/// wait at once.
struct QuotaWatchService: Service {
    let watch: QuotaWatch
    /// Names this process.
    let holder: String
    let clock: any WallClock
    let interval: Duration
    let logger = Logger(label: "quotas")

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
            _ = try await watch.pass(holder: holder, clock: clock)
        } catch {
            Counter(label: "oonrumail_quota_watch_failures_total").increment()
            logger.error("it was not looked which quotas fill", metadata: ["error": "\(error)"])
        }
    }
}
