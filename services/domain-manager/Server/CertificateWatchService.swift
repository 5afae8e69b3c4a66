import Domains
import Logging
import MailModel
import MailPorts
import Metrics
import ServiceLifecycle

/// Looks at certificates when their times come.
///
/// Invariants: of all processes one at a time does it; a failure is logged and tried again; a stop ends the wait at once.
struct CertificateWatchService: Service {
    /// How often it is asked which certificates are due, at most.
    static let longestWait = Duration.seconds(60)

    let watch: CertificateWatch
    /// Names this process.
    let holder: String
    let clock: any WallClock
    /// Between two looks at a certificate.
    let interval: Duration
    let logger = Logger(label: "certificates")

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var wait = min(interval, .seconds(1))
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: wait)
                } catch {
                    return
                }
                wait = min(interval, Self.longestWait)
                await pass()
            }
        }
    }

    private func pass() async {
        do throws(StoreError) {
            let count = try await watch.pass(holder: holder, clock: clock)
            Counter(label: "oonrumail_certificate_checks_total").increment(by: count)
        } catch {
            Counter(label: "oonrumail_certificate_check_failures_total").increment()
            logger.error("certificates were not looked at", metadata: ["error": "\(error)"])
        }
    }
}
