import Domains
import Logging
import MailModel
import MailPorts
import Metrics
import ServiceLifecycle

/// Sends events to webhooks when they are due.
///
/// Invariants: any number of processes do it, each event by one at a time; a failure is logged and the next interval tries
/// again; a stop ends the wait at once.
struct WebhookService: Service {
    let dispatcher: WebhookDispatcher
    let clock: any WallClock
    let interval: Duration
    let logger = Logger(label: "webhooks")

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
            _ = try await dispatcher.pass(clock: clock)
        } catch {
            Counter(label: "oonrumail_webhook_failures_total").increment()
            logger.error("webhooks were not told", metadata: ["error": "\(error)"])
        }
    }
}
