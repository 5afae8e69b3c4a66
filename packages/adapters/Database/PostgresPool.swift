import DequeModule
import Dispatch
import Glibc
import MailPorts
import Metrics
import Synchronization

/// A bounded number of connections, each with a thread of its own; closures that find none free wait in order.
///
/// A closure may run more than once: after a deadlock or a conflict, or when its connection turns out to be dead. So it
/// must have no effect but on its connection.
final class PostgresPool: Sendable {
    /// A connection, made when it is first needed.
    ///
    /// Only its queue touches the link.
    final class Worker: @unchecked Sendable {
        let queue: DispatchQueue
        var link: PostgresLink?
        init(_ number: Int) { queue = DispatchQueue(label: "database.\(number)", qos: .userInitiated) }
    }

    struct Job {
        let enqueuedAt = PostgresPool.now
        let deadline: UInt64
        let run: @Sendable (Worker, UInt64) -> Void
        let refuse: @Sendable (StoreError) -> Void
    }

    private struct State {
        var idle: [Worker] = []
        var made = 0
        var waiting: Deque<Job> = []
        var isClosed = false
        var isSweeping = false
        var onIdle: [@Sendable () -> Void] = []
        /// Failed attempts to connect since the last that worked.
        var failures = 0
        var noAttemptBefore: UInt64 = 0
    }

    private enum Step {
        case start(Worker)
        case wait
        case refuse(String)
        case sweep
    }

    let options: PostgresOptions
    private let reports: FaultReports
    private let state = Mutex(State())
    private let timers = DispatchQueue(label: "database.waits")
    private let waitTime = Metrics.Timer(label: "oonrumail_database_wait_seconds")
    private let commitTime = Metrics.Timer(label: "oonrumail_database_commit_seconds")
    private let retries = Counter(label: "oonrumail_database_retries_total")

    init(_ options: PostgresOptions, _ reports: FaultReports) {
        self.options = options
        self.reports = reports
    }

    /// Monotonic: a clock that is set does not end waits or lengthen them.
    static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }
    /// Of what begins to wait now.
    var deadline: UInt64 { Self.now + UInt64(options.waitLimit * 1e9) }

    // MARK: - Waiting

    func run<Value: Sendable>(
        _ kind: PostgresConnection.Kind,
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async -> Result<Value, StoreError> {
        await withCheckedContinuation { continuation in
            enqueue(
                Job(
                    deadline: deadline,
                    run: { worker, deadline in
                        continuation.resume(returning: self.attempt(kind, body, worker, deadline))
                    },
                    refuse: { continuation.resume(returning: .failure($0)) }
                )
            )
        }
    }

    func enqueue(_ job: Job) {
        let step = state.withLock { state -> Step in
            guard !state.isClosed else { return .refuse("the database is closed") }
            if let worker = state.idle.popLast() { return .start(worker) }
            if state.made < options.connections {
                state.made += 1
                return .start(Worker(state.made))
            }
            guard state.waiting.count < options.maximumWaiting else {
                return .refuse("\(state.waiting.count) closures wait for a connection already")
            }
            state.waiting.append(job)
            defer { state.isSweeping = true }
            return state.isSweeping ? .wait : .sweep
        }
        switch step {
        case .start(let worker): worker.queue.async { self.work(worker, job) }
        case .wait: ()
        case .sweep: sweep(at: job.deadline)
        case .refuse(let cause):
            job.refuse(refusal(cause))
        }
    }

    func refusal(_ cause: String) -> StoreError {
        .unavailable(reportID: reports.report("the database is not available", cause: cause))
    }

    /// On the worker's queue, until nothing waits.
    private func work(_ worker: Worker, _ first: Job) {
        var next: Job? = first
        while let job = next {
            let now = Self.now
            waitTime.recordNanoseconds(Int64(now - job.enqueuedAt))
            job.run(worker, max(job.deadline, now + 1_000_000))
            var notify: [@Sendable () -> Void] = []
            next = state.withLock { state in
                if let job = state.waiting.popFirst() { return job }
                if state.isClosed { worker.link = nil }
                state.idle.append(worker)
                if state.isClosed, state.idle.count == state.made { swap(&notify, &state.onIdle) }
                return nil
            }
            for call in notify { call() }
        }
    }

    /// Refuses what has waited too long, in time also when no connection becomes free.
    private func sweep(at deadline: UInt64) {
        timers.asyncAfter(deadline: DispatchTime(uptimeNanoseconds: deadline)) { [weak self] in
            guard let self else { return }
            let now = Self.now
            let (late, next) = self.state.withLock { state -> ([Job], UInt64?) in
                var late: [Job] = []
                while let first = state.waiting.first, first.deadline <= now {
                    late.append(state.waiting.removeFirst())
                }
                state.isSweeping = !state.waiting.isEmpty
                return (late, state.waiting.first?.deadline)
            }
            if !late.isEmpty {
                let cause =
                    "no connection became free in \(self.options.waitLimit) s; all \(self.options.connections) are busy"
                let id = self.reports.report("the database is not available", cause: cause)
                for job in late { job.refuse(.unavailable(reportID: id)) }
            }
            if let next { self.sweep(at: next) }
        }
    }

    // MARK: - Running

    func attempt<Value: Sendable>(
        _ kind: PostgresConnection.Kind,
        _ body: (any SQLConnection) throws(StoreError) -> Value,
        _ worker: Worker,
        _ deadline: UInt64
    ) -> Result<Value, StoreError> {
        var tries = 0
        var losses = 0
        while true {
            tries += 1
            let link: PostgresLink
            do throws(PostgresFault) {
                link = try connected(worker, until: deadline)
            } catch {
                return .failure(reports.error(of: error))
            }
            let connection = PostgresConnection(link, kind, options)
            let outcome: Result<Value, StoreError>
            do throws(StoreError) {
                let value = try body(connection)
                try end(connection, kind)
                outcome = .success(value)
            } catch {
                connection.abandon()
                outcome = .failure(error)
            }
            guard let fault = connection.fault else { return outcome }
            if link.isLost || fault.isStaleStatement || fault.isWrongServer { worker.link = nil }
            let isUndone = !(connection.mayHaveCommitted && kind == .write)
            let isWorthRepeating =
                fault.isConflict || fault.isStaleStatement || fault.isConnectionLost || fault.isWrongServer
            // A pooler takes connections also while its server is away: then only time helps.
            let isServerAway = fault.isConnectionLost && fault.sqlState.isEmpty && !link.hasAnswered
            guard isUndone, isWorthRepeating, isServerAway || tries < options.maximumAttempts, Self.now < deadline
            else {
                return .failure(reports.error(of: fault))
            }
            retries.increment()
            if isServerAway {
                losses += 1
                Self.pause(milliseconds: Double.random(in: 0.5...1) * min(1_000, 25 * pow(2, Double(min(losses, 6)))))
            }
            if fault.isConflict || fault.isWrongServer {
                Self.pause(milliseconds: Double.random(in: 1...(10 * Double(tries))))
            }
        }
    }

    func end(_ connection: PostgresConnection, _ kind: PostgresConnection.Kind) throws(StoreError) {
        switch kind {
        case .read: connection.leave()
        case .write:
            let started = Self.now
            try connection.commit()
            commitTime.recordNanoseconds(Int64(Self.now - started))
        }
    }

    func error(of fault: PostgresFault) -> StoreError { reports.error(of: fault) }

    /// The worker's connection, made if need be: attempts back off together, since they all meet the same server.
    func connected(_ worker: Worker, until deadline: UInt64) throws(PostgresFault) -> PostgresLink {
        if let link = worker.link, !link.isLost { return link }
        worker.link = nil
        while true {
            let notBefore = state.withLock { $0.noAttemptBefore }
            let now = Self.now
            if notBefore > now {
                guard notBefore < deadline else {
                    throw .lost("the server cannot be reached; the next attempt is not due yet")
                }
                Self.pause(milliseconds: Double(notBefore - now) / 1e6)
            }
            do throws(PostgresFault) {
                let link = try PostgresLink(options)
                state.withLock { state in (state.failures, state.noAttemptBefore) = (0, 0) }
                worker.link = link
                return link
            } catch {
                guard !error.isPermanentRefusal else { throw error }
                let again = state.withLock { state -> UInt64 in
                    state.failures += 1
                    // 50 ms, doubled up to 5 s, half of it by chance.
                    let ceiling = min(5_000, 50 * pow(2, Double(min(state.failures, 10) - 1)))
                    state.noAttemptBefore = Self.now + UInt64(Double.random(in: (ceiling / 2)...ceiling) * 1e6)
                    return state.noAttemptBefore
                }
                guard again < deadline else { throw error }
            }
        }
    }

    private static func pause(milliseconds: Double) { usleep(UInt32(max(0, min(milliseconds, 10_000)) * 1_000)) }

    // MARK: - Closing

    /// Returns when nothing runs and nothing waits; what comes later is refused.
    func drain() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isIdle = state.withLock { state in
                state.isClosed = true
                guard state.idle.count < state.made else {
                    for worker in state.idle { worker.link = nil }
                    return true
                }
                state.onIdle.append { continuation.resume() }
                return false
            }
            if isIdle { continuation.resume() }
        }
        state.withLock { state in
            for worker in state.idle { worker.link = nil }
        }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }
    var isAnyoneWaiting: Bool { state.withLock { !$0.waiting.isEmpty } }
}
