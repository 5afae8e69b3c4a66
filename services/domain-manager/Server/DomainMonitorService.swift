import Domains
import Logging
import MailModel
import MailPorts
import Metrics
import ServiceLifecycle

/// Looks at the DNS of verified domains when their times come.
///
/// Invariants: of all processes one at a time does it; a failure is logged and tried again; a stop ends the wait at once.
struct DomainMonitorService: Service {
    /// How often it is asked which domains are due, at most.
    static let longestWait = Duration.seconds(60)

    let monitor: DomainMonitor
    /// Names this process.
    let holder: String
    let clock: any WallClock
    /// Between two checks of a domain.
    let interval: Duration
    let logger = Logger(label: "domains")

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: min(interval, Self.longestWait))
                } catch {
                    return
                }
                await pass()
            }
        }
    }

    private func pass() async {
        do throws(StoreError) {
            let checked = try await monitor.pass(holder: holder, clock: clock)
            Counter(label: "oonrumail_domain_checks_total").increment(by: checked)
        } catch {
            Counter(label: "oonrumail_domain_check_failures_total").increment()
            logger.error("the DNS of domains was not checked", metadata: ["error": "\(error)"])
        }
    }
}
