import Accounts
import Logging
import MailModel
import MailPorts
import Metrics
import ServiceLifecycle

/// Rotates the keys that sign tokens when they are old enough, and forgets those that nobody needs any more.
///
/// Every process may do it at any time; a failure is logged and the next interval tries again.
struct TokenKeyUpkeepService: Service {
    private static let interval = Duration.seconds(30)

    let keys: TokenKeyRing
    let clock: any WallClock
    let logger = Logger(label: "keys")

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do throws(StoreError) {
                    try await keys.maker?.upkeep(now: clock.now())
                } catch {
                    Counter(label: "oonrumail_token_key_upkeep_failures_total").increment()
                    logger.error("the upkeep of token keys failed", metadata: ["error": "\(error)"])
                }
                do {
                    try await Task.sleep(for: Self.interval)
                } catch {
                    return
                }
            }
        }
    }
}
