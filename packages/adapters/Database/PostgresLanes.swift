import DequeModule
import MailPorts
import Metrics
import Synchronization

/// Writes of one account at a time, which have to take turns anyway, and many of them in one transaction.
///
/// Each account has a lane; one worker at a time takes from it. Writes that gather while every worker is busy share the
/// next transaction: those of one account, and those of several, in the order of their accounts, so that two processes
/// cannot wait for each other. When a write of a shared transaction fails all are undone and run again with a savepoint
/// around each; when that fails too, each runs alone.
final class PostgresLanes: Sendable {
    private typealias Worker = PostgresPool.Worker

    private struct Job {
        let account: Int64
        let deadline: UInt64
        /// Runs the closure and keeps its result; false when it threw.
        let run: @Sendable (PostgresConnection) -> Bool
        /// Hands the kept result over, or the error of the transaction.
        let finish: @Sendable (StoreError?) -> Void
        /// Runs it in a transaction of its own, and finishes.
        let runAlone: @Sendable (Worker, UInt64) -> Void
    }

    /// Only the worker that runs the job touches it.
    private final class Kept<Value>: @unchecked Sendable {
        var result: Result<Value, StoreError>?
    }

    private struct State {
        /// What waits, by account; an account stays in it while a worker has its lane.
        var lanes: [Int64: Deque<Job>] = [:]
        /// Accounts that have something waiting and no worker.
        var ready: Deque<Int64> = []
        /// Places in the pool's queue; each worker that comes to one takes all that is ready, up to a batch.
        var places = 0
    }

    private enum Attempt { case done, failed, broken }

    private let pool: PostgresPool
    private let state = Mutex(State())
    private let batchSize = Recorder(label: "oonrumail_database_commit_batch")

    init(_ pool: PostgresPool) { self.pool = pool }

    func run<Value: Sendable>(
        _ account: Int64,
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async -> Result<Value, StoreError> {
        let kept = Kept<Value>()
        let deadline = pool.deadline
        return await withCheckedContinuation { continuation in
            add(
                Job(
                    account: account,
                    deadline: deadline,
                    run: { connection in
                        do throws(StoreError) {
                            kept.result = .success(try body(connection))
                            return true
                        } catch {
                            kept.result = .failure(error)
                            return false
                        }
                    },
                    finish: { failure in
                        switch (failure, kept.result) {
                        case (.some(let failure), _): continuation.resume(returning: .failure(failure))
                        case (nil, .some(let result)): continuation.resume(returning: result)
                        case (nil, nil): preconditionFailure("finished without having run")
                        }
                    },
                    runAlone: { [pool] worker, deadline in
                        continuation.resume(returning: pool.attempt(.write, body, worker, deadline))
                    }
                )
            )
        }
    }

    // MARK: - Waiting

    private enum Step {
        case join
        case start(isPlaceNeeded: Bool)
        case refuse(String)
    }

    private func add(_ job: Job) {
        let isClosed = pool.isClosed
        let step = state.withLock { state -> Step in
            guard let waiting = state.lanes[job.account]?.count else {
                state.lanes[job.account] = [job]
                state.ready.append(job.account)
                return .start(isPlaceNeeded: needsPlace(&state))
            }
            guard !isClosed else { return .refuse("the database is closed") }
            guard waiting < pool.options.maximumWaiting else {
                return .refuse("\(waiting) writes of one account wait already")
            }
            state.lanes[job.account]?.append(job)
            return .join
        }
        switch step {
        case .join: ()
        case .start(let isPlaceNeeded): if isPlaceNeeded { enqueue(deadline: job.deadline) }
        case .refuse(let cause): job.finish(pool.refusal(cause))
        }
    }

    /// Counts the place that the caller then takes.
    private func needsPlace(_ state: inout State) -> Bool {
        guard state.places < min(state.ready.count, pool.options.connections) else { return false }
        state.places += 1
        return true
    }

    private func enqueue(deadline: UInt64) {
        pool.enqueue(
            PostgresPool.Job(
                deadline: deadline,
                run: { worker, _ in
                    self.state.withLock { $0.places -= 1 }
                    self.work(worker)
                },
                refuse: { self.refuse($0) }
            )
        )
    }

    /// No worker came in time: what has waited too long gets the error, or everything when nothing has.
    private func refuse(_ error: StoreError) {
        let now = PostgresPool.now
        let (jobs, next) = state.withLock { state -> ([Job], UInt64?) in
            state.places -= 1
            let waiting = state.ready.flatMap { state.lanes[$0] ?? [] }
            let late = waiting.filter { $0.deadline <= now }
            guard !late.isEmpty, late.count < waiting.count else {
                for account in state.ready { state.lanes[account] = nil }
                state.ready = []
                return (waiting, nil)
            }
            for account in state.ready { state.lanes[account]?.removeAll { $0.deadline <= now } }
            state.ready.removeAll { account in
                guard state.lanes[account]?.isEmpty == true else { return false }
                state.lanes[account] = nil
                return true
            }
            return (late, needsPlace(&state) ? state.ready.first.flatMap { state.lanes[$0]?.first?.deadline } : nil)
        }
        for job in jobs { job.finish(error) }
        if let next { enqueue(deadline: next) }
    }

    /// On the worker's queue, until nothing is ready or somebody else waits for the worker.
    private func work(_ worker: Worker) {
        while true {
            let jobs = state.withLock { state in take(&state) }
            guard !jobs.isEmpty else { return }
            run(jobs, worker)
            let isOthersTurn = pool.isAnyoneWaiting && !pool.isClosed
            let next = state.withLock { state -> UInt64? in
                for account in Set(jobs.map(\.account)) {
                    if state.lanes[account]?.isEmpty == true {
                        state.lanes[account] = nil
                    } else {
                        state.ready.append(account)
                    }
                }
                guard isOthersTurn, let first = state.ready.first, needsPlace(&state) else { return nil }
                return state.lanes[first]?.first?.deadline ?? 0
            }
            if let next { enqueue(deadline: max(next, PostgresPool.now + 1_000_000_000)) }
            if isOthersTurn { return }
        }
    }

    /// Writes for one transaction, in the order of their accounts.
    private func take(_ state: inout State) -> [Job] {
        var jobs: [Job] = []
        while jobs.count < pool.options.maximumBatch, let account = state.ready.popFirst() {
            guard var lane = state.lanes[account] else { continue }
            let some = lane.prefix(pool.options.maximumBatch - jobs.count)
            jobs += some
            lane.removeFirst(some.count)
            state.lanes[account] = lane
        }
        return jobs.sorted { $0.account < $1.account }
    }

    // MARK: - Running

    private func run(_ jobs: [Job], _ worker: Worker) {
        let now = PostgresPool.now
        let late = jobs.filter { $0.deadline <= now }
        if !late.isEmpty {
            let error = pool.refusal("other writes of the account took too long")
            for job in late { job.finish(error) }
        }
        let due = jobs.filter { $0.deadline > now }
        batchSize.record(due.count)
        if due.count > 1 {
            var outcome = attempt(due, worker, savepoints: false)
            if outcome == .failed { outcome = attempt(due, worker, savepoints: true) }
            if outcome == .done { return }
        }
        for job in due { job.runAlone(worker, max(job.deadline, PostgresPool.now + 1_000_000)) }
    }

    /// Tells everybody the outcome when it is `done`; otherwise nothing has been kept.
    private func attempt(_ jobs: [Job], _ worker: Worker, savepoints: Bool) -> Attempt {
        guard let link = try? pool.connected(worker, until: jobs[0].deadline) else { return .broken }
        let connection = PostgresConnection(link, .write, pool.options)
        let isWhole = runEach(of: jobs, connection, savepoints)
        if isWhole {
            do throws(StoreError) {
                try pool.end(connection, .write)
                for job in jobs { job.finish(nil) }
                return .done
            } catch {
                // What may have happened must not happen again.
                if connection.mayHaveCommitted, let fault = connection.fault {
                    let error = pool.error(of: fault)
                    for job in jobs { job.finish(error) }
                    return .done
                }
            }
        }
        connection.abandon()
        guard let fault = connection.fault else { return .failed }
        if link.isLost || fault.isStaleStatement || fault.isWrongServer { worker.link = nil }
        return .broken
    }

    /// Whether what has run may be committed.
    private func runEach(of jobs: [Job], _ connection: PostgresConnection, _ savepoints: Bool) -> Bool {
        for job in jobs {
            guard savepoints else {
                guard job.run(connection) else { return false }
                continue
            }
            try? connection.post("SAVEPOINT job", [])
            if !job.run(connection) { try? connection.post("ROLLBACK TO SAVEPOINT job", []) }
            try? connection.post("RELEASE SAVEPOINT job", [])
            guard connection.fault == nil else { return false }
        }
        return true
    }
}
