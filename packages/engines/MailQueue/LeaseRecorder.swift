import Logging
import MailPorts

/// Writes results to the store, and does not let go before they are written: a message sent and not recorded
/// would be sent twice.
struct LeaseRecorder: Sendable {
    /// Tries while the store is away, 1 s to 30 s apart: about three minutes.
    private static let maximumTries = 10

    let queue: any QueueStore
    let logger: Logger

    /// What was recorded; nil when nothing was: the lease is another's now, or the store was away too long.
    func record(_ wanted: QueueResult, of lease: QueueLease) async -> QueueResult? {
        var result = wanted
        var delay = Duration.seconds(1)
        for _ in 1...Self.maximumTries {
            do throws(StoreError) {
                try await queue.finish(lease, result)
                return result
            } catch {
                if error.isTransient, !error.isForWantOfRoom {
                    logger.warning("a result is not recorded yet", metadata: metadata(lease, error))
                    // Told to stop: once more at once, then no more.
                    guard (try? await Task.sleep(for: delay)) != nil else { return await last(result, of: lease) }
                    delay = min(delay * 2, .seconds(30))
                    continue
                }
                guard result.bounce != nil else {
                    logger.notice("a lease was lost", metadata: metadata(lease, error))
                    return nil
                }
                // The sender's mailbox has no room for the notification, or is gone: the result counts without it.
                logger.warning("a notification cannot be delivered", metadata: metadata(lease, error))
                result.bounce = nil
                for index in result.trace.indices where result.trace[index].kind == .bounced {
                    result.trace[index].detail += ", which could not be delivered"
                }
            }
        }
        logger.error(
            "a result was not recorded",
            metadata: ["queue_id": "\(lease.queueID)", "domain": "\(lease.domain)"]
        )
        return nil
    }

    private func last(_ result: QueueResult, of lease: QueueLease) async -> QueueResult? {
        do throws(StoreError) {
            try await queue.finish(lease, result)
            return result
        } catch {
            return nil
        }
    }

    private func metadata(_ lease: QueueLease, _ error: StoreError) -> Logger.Metadata {
        ["queue_id": "\(lease.queueID)", "domain": "\(lease.domain)", "cause": "\(error)"]
    }
}
