import Accounts
import Logging
import MailModel
import MailPorts
import Metrics
import ServiceLifecycle

/// Removes deleted accounts whose grace is over, at intervals.
///
/// Invariants: of all processes one at a time does it; a failure is logged and the next interval tries again; a stop ends the
/// wait at once and the work after the present account.
struct AccountUpkeepService: Service {
    let upkeep: PeopleUpkeep
    /// Names this process.
    let holder: String
    let clock: any WallClock
    let interval: Duration
    let logger = Logger(label: "accounts")

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: interval)
                } catch {
                    return
                }
                do throws(StoreError) {
                    _ = try await upkeep.pass(holder: holder, clock: clock)
                } catch {
                    Counter(label: "oonrumail_account_upkeep_failures_total").increment()
                    logger.error("the upkeep of accounts failed", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
