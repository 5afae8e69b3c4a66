import MailModel
import MailPorts
import Synchronization

/// A lease, and until when it holds for certain by a clock that nobody sets.
final class HeldLease: Sendable {
    /// From a renewal that failed to the next, at most: the store may be back just before the lease runs out.
    private static let retry = Duration.seconds(1)

    let lease: QueueLease
    private let queue: any QueueStore
    private let clock: any WallClock
    private let seconds: Int64
    /// Counted from before the store was asked, so never later than the store has it.
    private let end: Mutex<ContinuousClock.Instant>

    /// - Parameters:
    ///   - asked: when the store was asked for it.
    ///   - seconds: how long it holds from then on, and from each renewal.
    init(
        _ lease: QueueLease,
        asked: ContinuousClock.Instant,
        seconds: Int64,
        queue: any QueueStore,
        clock: any WallClock
    ) {
        self.lease = lease
        self.queue = queue
        self.clock = clock
        self.seconds = seconds
        end = Mutex(asked + .seconds(seconds))
    }

    /// Renews three times in the span until cancelled; returns early when the lease is another's.
    func keep() async {
        let interval = Duration.milliseconds(max(1, seconds * 1_000 / 3))
        var pause = interval
        while (try? await Task.sleep(for: pause)) != nil {
            do throws(StoreError) {
                try await renew()
                pause = interval
            } catch {
                guard error.isTransient else { return }
                pause = min(interval, Self.retry)
            }
        }
    }

    /// - Throws: `.notFound` when the lease is another's.
    private func renew() async throws(StoreError) {
        let (asked, now) = (ContinuousClock.now, clock.now())
        try await queue.renew(lease, now: now, until: now.adding(seconds: seconds))
        end.withLock { $0 = max($0, asked + .seconds(seconds)) }
    }

    /// Returns when half of the span is left, for which it renews if need be: what is sent now is sent by its owner, and
    /// has that much time to be recorded.
    func confirm() async throws(StoreError) {
        guard end.withLock({ $0 }) - ContinuousClock.now < .seconds(seconds) / 2 else { return }
        try await renew()
    }
}
