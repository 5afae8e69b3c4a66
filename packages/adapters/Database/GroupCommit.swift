import DequeModule
import Dispatch
import GRDB
import GRDBSQLite
import MailPorts
import Metrics
import Synchronization

/// Runs every write that waits in one transaction and commits once: many messages, one fsync.
///
/// While one commit is under way new writes gather for the next. A write that throws is undone alone: usually it
/// has changed nothing yet; if it has, the whole transaction is begun anew with a savepoint around each write.
/// So a write may run twice, and must have no effect but on its connection.
final class GroupCommit: Sendable {
    private struct Job {
        /// Runs the closure and keeps its result; true when it succeeded.
        let run: (SQLiteConnection) -> Bool
        /// Hands the kept result to the caller, or the error of the commit.
        let finish: (StoreError?) -> Void
    }

    private enum Outcome { case queued, start, refused }
    private enum Attempt { case committed, needsSavepoints }

    private struct State {
        var waiting: Deque<Job> = []
        var isRunning = false
        var isClosed = false
        var onIdle: [() -> Void] = []
    }

    /// `Job`s are closures over a result box that only the writer's queue touches.
    private struct Guarded: @unchecked Sendable {
        var state = State()
    }

    private let guarded = Mutex(Guarded())
    private let queue = DispatchQueue(label: "database.writer", qos: .userInitiated)
    private let pool: DatabasePool
    private let reports: FaultReports
    private let options: SQLiteDatabase.Options
    private let watch: ForeignCommitWatch
    private let commitTime = Metrics.Timer(label: "oonrumail_database_commit_seconds")
    private let batchSize = Recorder(label: "oonrumail_database_commit_batch")

    init(pool: DatabasePool, reports: FaultReports, options: SQLiteDatabase.Options) {
        self.pool = pool
        self.reports = reports
        self.options = options
        watch = ForeignCommitWatch(pool: pool, queue: queue, interval: options.foreignCommitInterval)
    }

    func onForeignCommit(_ handler: @escaping @Sendable (_ isNew: Bool) -> Void) { watch.start { handler(true) } }

    func enqueue<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value,
        completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
    ) {
        var kept: Result<Value, StoreError>?
        let job = Job(
            run: { connection in
                do throws(StoreError) {
                    kept = .success(try body(connection))
                    return true
                } catch {
                    kept = .failure(error)
                    return false
                }
            },
            finish: { failure in
                switch (kept, failure) {
                case (.failure(let own), _): completion(.failure(own))
                case (_, .some(let failure)): completion(.failure(failure))
                case (.some(let result), nil): completion(result)
                case (nil, nil): preconditionFailure("finished without having run")
                }
            }
        )
        let boxed = UncheckedBox(job)
        let outcome = guarded.withLock { guarded -> Outcome in
            guard !guarded.state.isClosed, guarded.state.waiting.count < options.maximumWaitingWrites else {
                return .refused
            }
            guarded.state.waiting.append(boxed.value)
            guard !guarded.state.isRunning else { return .queued }
            guarded.state.isRunning = true
            return .start
        }
        switch outcome {
        case .queued: ()
        case .start: queue.async { self.runUntilIdle() }
        case .refused:
            completion(
                .failure(
                    .unavailable(reportID: reports.report("a write was refused", cause: "closing, or too many wait"))
                )
            )
        }
    }

    /// Returns when nothing waits; later writes are refused.
    func drain() async {
        watch.stop()
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isIdle = guarded.withLock { guarded in
                guarded.state.isClosed = true
                guard guarded.state.isRunning else { return true }
                guarded.state.onIdle.append { continuation.resume() }
                return false
            }
            if isIdle { continuation.resume() }
        }
    }

    private func runUntilIdle() {
        while true {
            let taken = guarded.withLock { guarded -> UncheckedBox<(jobs: [Job], onIdle: [() -> Void])> in
                let count = min(options.maximumBatch, guarded.state.waiting.count)
                let jobs = Array(guarded.state.waiting.prefix(count))
                guarded.state.waiting.removeFirst(count)
                guard jobs.isEmpty else { return UncheckedBox((jobs, [])) }
                guarded.state.isRunning = false
                defer { guarded.state.onIdle = [] }
                return UncheckedBox(([], guarded.state.onIdle))
            }.value
            guard !taken.jobs.isEmpty else {
                for notify in taken.onIdle { notify() }
                return
            }
            let started = DispatchTime.now()
            let failure = commit(taken.jobs)
            commitTime.recordNanoseconds(Int64(DispatchTime.now().uptimeNanoseconds - started.uptimeNanoseconds))
            batchSize.record(taken.jobs.count)
            for job in taken.jobs { job.finish(failure) }
            watch.pollIfDue()
        }
    }

    private func commit(_ jobs: [Job]) -> StoreError? {
        do {
            try pool.writeWithoutTransaction { database in
                let connection = SQLiteConnection(database, reports: reports)
                if try attempt(jobs, database, connection, savepoints: false) == .needsSavepoints {
                    _ = try attempt(jobs, database, connection, savepoints: true)
                }
            }
            return nil
        } catch let error as StoreError {
            return error
        } catch {
            return reports.fault(of: error, doing: "commit")
        }
    }

    private func attempt(
        _ jobs: [Job],
        _ database: GRDB.Database,
        _ connection: SQLiteConnection,
        savepoints: Bool
    ) throws -> Attempt {
        try connection.execute("BEGIN IMMEDIATE")
        do {
            for job in jobs {
                if savepoints { try connection.execute("SAVEPOINT job") }
                let changesBefore = connection.changes
                let isDone = job.run(connection)
                // Some failures (a full disk) end SQLite's transaction: nothing of it can be committed.
                guard database.isInsideTransaction else { throw reports.lostTransaction() }
                if !isDone, !savepoints, connection.changes != changesBefore {
                    try connection.execute("ROLLBACK")
                    return .needsSavepoints
                }
                if savepoints {
                    if !isDone { try connection.execute("ROLLBACK TO job") }
                    try connection.execute("RELEASE job")
                }
            }
            try connection.execute("COMMIT")
            return .committed
        } catch {
            if database.isInsideTransaction { _ = try? connection.execute("ROLLBACK") }
            throw error
        }
    }
}

/// Notices commits of other processes: on the writer's own connection `PRAGMA data_version` changes with nobody else's.
private final class ForeignCommitWatch: Sendable {
    private struct State {
        var handler: (@Sendable () -> Void)?
        var version: Int64?
        var polledAt: UInt64 = 0
        var timer: (any DispatchSourceTimer)?
    }

    private struct Guarded: @unchecked Sendable {
        var state = State()
    }

    private let guarded = Mutex(Guarded())
    private let pool: DatabasePool
    private let queue: DispatchQueue
    private let interval: Double

    init(pool: DatabasePool, queue: DispatchQueue, interval: Double) {
        self.pool = pool
        self.queue = queue
        self.interval = interval
    }

    func start(_ handler: @escaping @Sendable () -> Void) {
        guarded.withLock { $0.state.handler = handler }
        queue.async { [weak self] in self?.poll() }
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.schedule(deadline: .now() + interval, repeating: interval, leeway: .milliseconds(100))
        timer.setEventHandler { [weak self] in self?.poll() }
        timer.resume()
        let boxed = UncheckedBox(timer)
        guarded.withLock { $0.state.timer = boxed.value }
    }

    func stop() {
        guarded.withLock { guarded in
            guarded.state.timer?.cancel()
            guarded.state.timer = nil
            guarded.state.handler = nil
        }
    }

    /// For a writer that is never idle, whose queue the timer cannot enter.
    func pollIfDue() {
        let now = DispatchTime.now().uptimeNanoseconds
        let isDue = guarded.withLock { $0.state.handler != nil && now - $0.state.polledAt > UInt64(interval * 1e9) }
        if isDue { poll() }
    }

    /// On the writer's queue.
    private func poll() {
        guard guarded.withLock({ $0.state.handler != nil }) else { return }
        let version = try? pool.writeWithoutTransaction { database in
            try Int64.fetchOne(database, sql: "PRAGMA data_version")
        }
        let handler = guarded.withLock { guarded -> (@Sendable () -> Void)? in
            guarded.state.polledAt = DispatchTime.now().uptimeNanoseconds
            guard let version = version ?? nil else { return nil }
            defer { guarded.state.version = version }
            return guarded.state.version == nil || guarded.state.version == version ? nil : guarded.state.handler
        }
        handler?()
    }
}

/// Carries closures that only the writer's queue calls across a `Sendable` boundary.
struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
