package import Logging
package import MailModel
package import MailPorts
import Metrics
import Synchronization

/// Sends what is due: leases, routes, tries host after host, records what came of it.
///
/// *Invariants.* A lease is finished once, by who holds its fence; a worker that dies leaves leases that run out. At most
/// `concurrency` transactions run, `perDomain` of them to one domain; leases beyond wait without holding up other domains.
package final class QueueWorker: Sendable {
    struct State {
        var running = 0
        var perDomain: [String: Int] = [:]
        /// Leased, waiting for a place among their domain's transactions.
        var parked: [String: [QueueLease]] = [:]
        var parkedCount = 0
        var wake: CheckedContinuation<Void, Never>?
        var isWoken = false
        var isStopping = false
    }

    /// Leases that wait for their domain, at most; domains with any are not leased from.
    private static let maximumParked = 200

    private let queue: any QueueStore
    private let feed: any ChangeFeed
    private let clock: any WallClock
    private let configuration: QueueConfiguration
    private let logger: Logger
    private let owner: String
    private let attempt: DeliveryAttempt
    private let state = Mutex(State())

    package init(
        queue: any QueueStore, directory: any DirectoryStore, transport: any RemoteTransport, resolver: any DNSResolving,
        feed: any ChangeFeed, clock: any WallClock, configuration: QueueConfiguration, logger: Logger
    ) {
        self.queue = queue
        self.feed = feed
        self.clock = clock
        self.configuration = configuration
        self.logger = logger
        owner = "\(configuration.hostname)/\(UInt32.random(in: 0 ... .max))"
        attempt = DeliveryAttempt(
            queue: queue, transport: transport, routes: RouteResolver(configuration: configuration, resolver: resolver),
            bounces: BounceWriter(queue: queue, directory: directory, configuration: configuration), clock: clock,
            configuration: configuration, logger: logger
        )
    }

    /// Works until `stop`, then waits for the transactions that run.
    package func run() async {
        let listener = feed.listenForQueueWork { [weak self] in self?.wake() }
        defer { listener.cancel() }
        await withDiscardingTaskGroup { group in
            while !state.withLock(\.isStopping) {
                for lease in await next() { group.addTask { await self.work(lease) } }
                await sleep()
            }
        }
    }

    /// Takes no more work; what is parked goes back when its lease runs out.
    package func stop() {
        state.withLock { $0.isStopping = true }
        wake()
    }

    // MARK: - Leasing

    /// Leases to start now.
    private func next() async -> [QueueLease] {
        let (free, busy) = state.withLock { state in
            let full = state.perDomain.filter { $0.value >= configuration.perDomain }.map(\.key)
            let room = state.parkedCount < Self.maximumParked ? configuration.concurrency - state.running : 0
            return (room, Set(full).union(state.parked.keys))
        }
        guard free > 0 else { return [] }
        let now = clock.now()
        do throws(StoreError) {
            let leases = try await queue.lease(
                owner: owner, now: now, until: now.adding(seconds: configuration.leaseSeconds), limit: free, excluding: busy
            )
            return leases.filter(admit)
        } catch {
            logger.error("the queue cannot be read", metadata: ["cause": "\(error)"])
            return []
        }
    }

    /// Whether it may start; otherwise it is parked.
    private func admit(_ lease: QueueLease) -> Bool {
        state.withLock { state in
            guard state.perDomain[lease.domain, default: 0] < configuration.perDomain else {
                state.parked[lease.domain, default: []].append(lease)
                state.parkedCount += 1
                return false
            }
            state.perDomain[lease.domain, default: 0] += 1
            state.running += 1
            return true
        }
    }

    /// Runs the lease, then those of its domain that were parked.
    private func work(_ first: QueueLease) async {
        var lease = first
        while true {
            await attempt.run(lease)
            let following = state.withLock { state -> QueueLease? in
                if !state.isStopping, let parked = state.parked[lease.domain]?.first {
                    state.parked[lease.domain]?.removeFirst()
                    if state.parked[lease.domain]?.isEmpty == true { state.parked[lease.domain] = nil }
                    state.parkedCount -= 1
                    return parked
                }
                let left = state.perDomain[lease.domain, default: 1] - 1
                state.perDomain[lease.domain] = left > 0 ? left : nil
                state.running -= 1
                return nil
            }
            guard let following else { break }
            lease = following
        }
        wake()
    }

    // MARK: - Waiting

    private func wake() {
        let waiting = state.withLock { state in
            state.isWoken = true
            defer { state.wake = nil }
            return state.wake
        }
        waiting?.resume()
    }

    /// Until there is new work, a place became free, or the poll interval has passed.
    private func sleep() async {
        let alarm = Task { [weak self, interval = configuration.pollInterval] in
            try? await Task.sleep(for: interval)
            self?.wake()
        }
        await withCheckedContinuation { continuation in
            let isWoken = state.withLock { state in
                guard !state.isWoken else { return true }
                state.wake = continuation
                return false
            }
            if isWoken { continuation.resume() }
        }
        alarm.cancel()
        state.withLock { $0.isWoken = false }
    }
}
