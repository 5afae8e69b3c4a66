package import Logging
package import MailModel
package import MailPorts
import Synchronization

/// Sends what is due: leases, routes, tries host after host, records what came of it.
///
/// *Invariants.* Every lease that it holds has a task, which renews it until its result is recorded or the store says
/// that it is another's. At most `capacity` leases are held; from domains that have their share of them nothing is
/// leased, so that one slow domain cannot hold up the others. After `stop` nothing is started.
package final class QueueWorker: Sendable {
    private struct State {
        var held = 0
        var perDomain: [String: Int] = [:]
        var isStopping = false
        /// Until then what others leased is left to them.
        var sparesUntil = ContinuousClock.now
    }

    /// Leases taken in one transaction.
    ///
    /// One domain may get all of them, so it is far less than `backlog`.
    private static let batch = 50
    /// Leases held beyond those that may run.
    private static let backlog = 200
    /// Between two counts of the queue, which the monitoring shows.
    private static let depthInterval = Duration.seconds(15)

    private let queue: any QueueStore
    private let feed: any ChangeFeed
    private let clock: any WallClock
    private let configuration: QueueConfiguration
    private let logger: Logger
    private let attempt: Attempt
    private let settlement: Settlement
    private let recorder: LeaseRecorder
    private let capacity: Int
    private let capacityPerDomain: Int
    private let gate: TransactionGate
    private let wake = WakeSignal()
    private let metrics = QueueMetrics()
    private let state = Mutex(State())

    package init(
        queue: any QueueStore,
        directory: any DirectoryStore,
        transport: any RemoteTransport,
        resolver: any DNSResolving,
        feed: any ChangeFeed,
        clock: any WallClock,
        configuration: QueueConfiguration,
        demand: TLSDemand = .none,
        logger: Logger
    ) {
        self.queue = queue
        self.feed = feed
        self.clock = clock
        self.configuration = configuration
        self.logger = logger
        let routes = RouteResolver(configuration: configuration, resolver: resolver)
        attempt = Attempt(
            queue: queue,
            transport: transport,
            routes: routes,
            configuration: configuration,
            demand: demand
        )
        let bounces = BouncePlanner(queue: queue, directory: directory, configuration: configuration)
        settlement = Settlement(configuration: configuration, bounces: bounces)
        recorder = LeaseRecorder(queue: queue, logger: logger)
        capacity = max(1, configuration.concurrency) + Self.backlog
        capacityPerDomain = max(1, configuration.perDomain) * 2
        gate = TransactionGate(total: configuration.concurrency, perDomain: configuration.perDomain)
    }

    /// Sends until `stop` is called or the task is cancelled; returns when nothing is under way any more.
    package func run() async {
        let listener = feed.listenForQueueWork { [wake] in wake.ring() }
        defer { listener.cancel() }
        spareOthers()
        await withDiscardingTaskGroup { group in
            await sendUntilStopped(&group)
            gate.close()
            await waitForTransactions()
            group.cancelAll()
        }
    }

    /// Starts no more transactions; those under way have `stopGrace`.
    ///
    /// Returns at once.
    package func stop() {
        state.withLock { $0.isStopping = true }
        gate.close()
        wake.ring()
    }

    /// Leases once what is due now, and returns when all of it is settled.
    package func runOnce() async {
        await withDiscardingTaskGroup { group in _ = await takeRound(&group) }
    }

    // MARK: - The loop

    private func sendUntilStopped(_ group: inout DiscardingTaskGroup) async {
        var countedAt: ContinuousClock.Instant?
        while !Task.isCancelled, !state.withLock(\.isStopping) {
            let pause = await takeRound(&group)
            if countedAt.map({ ContinuousClock.now - $0 >= Self.depthInterval }) ?? true {
                countedAt = ContinuousClock.now
                await count()
            }
            await wake.wait(atMost: pause)
        }
    }

    private func count() async {
        do throws(StoreError) {
            metrics.waits(try await queue.depth())
            let count = try await queue.bringForward(now: clock.now(), beyond: configuration.horizonSeconds)
            if count > 0 {
                logger.warning(
                    "mail was to wait longer than any rule says, as when a clock is set back: it is due now",
                    metadata: ["recipients": "\(count)"]
                )
            }
        } catch {
            // The next round tells what is wrong with the store.
            ()
        }
    }

    private func waitForTransactions() async {
        let deadline = ContinuousClock.now + configuration.stopGrace
        while !Task.isCancelled, state.withLock(\.held) > 0 {
            let left = deadline - ContinuousClock.now
            guard left > .zero else { break }
            await wake.wait(atMost: left)
        }
    }

    /// Leases once and starts what it got.
    ///
    /// How long to wait before the next round.
    private func takeRound(_ group: inout DiscardingTaskGroup) async -> Duration {
        let (room, busy) = state.withLock { state in
            (
                min(Self.batch, capacity - state.held),
                state.perDomain.filter { $0.value >= capacityPerDomain }.map(\.key)
            )
        }
        // Each transaction that ends rings.
        guard room > 0 else { return configuration.pollInterval }
        let asked = ContinuousClock.now
        let now = clock.now()
        do throws(StoreError) {
            var claim = QueueClaim(now: now, until: now.adding(seconds: configuration.leaseSeconds), limit: room)
            if configuration.isShared { claim.perDomain = max(1, configuration.perDomain) }
            claim.excluding = Set(busy)
            claim.reclaims = state.withLock { $0.sparesUntil } <= asked
            let leases = try await queue.lease(claim)
            for lease in leases {
                hold(lease.domain)
                let held = HeldLease(
                    lease,
                    asked: asked,
                    seconds: configuration.leaseSeconds,
                    queue: queue,
                    clock: clock
                )
                group.addTask { await self.handle(held) }
            }
            guard leases.count < room else { return .zero }
            // What is due of busy domains waits for a place, not for its time.
            guard busy.isEmpty, let due = try await queue.nextDue() else { return configuration.pollInterval }
            let wait = Duration.microseconds(due.microseconds - clock.now().microseconds)
            // Due and not leased: other workers have as much of its domain as all may have.
            guard wait > .zero || !leases.isEmpty else { return configuration.pollInterval }
            return min(configuration.pollInterval, max(wait, .milliseconds(10)))
        } catch {
            logger.error("the queue cannot be read", metadata: ["cause": "\(error)"])
            spareOthers()
            return max(configuration.pollInterval, .seconds(1))
        }
    }

    /// Leaves what others leased to them for a while: they could not renew either while the store was away.
    private func spareOthers() {
        guard configuration.isShared else { return }
        let end = ContinuousClock.now + .seconds(configuration.leaseSeconds) / 3
        state.withLock { $0.sparesUntil = end }
    }

    private func hold(_ domain: String) {
        state.withLock { state in
            state.held += 1
            state.perDomain[domain, default: 0] += 1
        }
    }

    private func release(_ domain: String) {
        state.withLock { state in
            state.held -= 1
            let left = state.perDomain[domain, default: 1] - 1
            state.perDomain[domain] = left > 0 ? left : nil
        }
        wake.ring()
    }

    // MARK: - One lease

    private func handle(_ held: HeldLease) async {
        let started = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.process(held, since: started) }
            // Ends early when the lease is another's: that ends the transaction.
            group.addTask { await held.keep() }
            await group.next()
            group.cancelAll()
        }
        release(held.lease.domain)
    }

    private func process(_ held: HeldLease, since leased: ContinuousClock.Instant) async {
        let lease = held.lease
        guard await gate.enter(lease.domain) else { return await handBack(lease) }
        await traced(
            "queue deliver",
            kind: .consumer,
            parent: .remote(lease.traceparent.flatMap { TraceContext(traceparent: $0) }),
            attributes: ["oonrumail.queue_id": lease.queueID.rawValue]
        ) {
            await deliver(held, since: leased)
        }
    }

    private func deliver(_ held: HeldLease, since leased: ContinuousClock.Instant) async {
        let lease = held.lease
        metrics.runs(gate.running)
        let started = ContinuousClock.now
        let outcome = await attempt.run(held)
        gate.leave(lease.domain)
        metrics.runs(gate.running)
        metrics.attempted(ContinuousClock.now - started)
        // A clock that was set meanwhile neither gives mail up early nor keeps it for long.
        let now = lease.leasedAt.adding(ContinuousClock.now - leased)
        let (result, trouble) = await settlement.result(
            of: outcome,
            for: lease,
            now: now,
            isInterrupted: Task.isCancelled
        )
        if let trouble {
            let facts: Logger.Metadata = ["queue_id": "\(lease.queueID)", "cause": "\(trouble)"]
            logger.warning("a notification is postponed", metadata: facts)
        }
        guard let recorded = await recorder.record(result, of: lease) else { return metrics.leaseLost() }
        metrics.settled(recorded, lease, now: now)
        report(recorded, lease)
    }

    /// Due at once, for another worker.
    private func handBack(_ lease: QueueLease) async {
        do throws(StoreError) {
            let now = clock.now()
            try await queue.renew(lease, now: now, until: now)
        } catch {
            // It runs out by itself.
            ()
        }
    }

    private func report(_ result: QueueResult, _ lease: QueueLease) {
        for outcome in result.outcomes {
            logger.info(
                "outbound",
                metadata: [
                    "queue_id": "\(lease.queueID)", "sender": "<\(lease.sender)>", "recipient": "<\(outcome.address)>",
                    "outcome": "\(outcome.result.traceKind.rawValue)", "reply": "\(outcome.reply)",
                    "host": "\(result.attempts.last?.host ?? "-")", "tls": "\(result.attempts.last?.tls ?? "-")",
                    "notification": "\(result.bounce?.queueID.rawValue ?? "-")",
                ]
            )
        }
    }
}
