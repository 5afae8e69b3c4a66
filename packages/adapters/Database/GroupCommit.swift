import DequeModule
import Dispatch
import GRDB
import MailPorts
import Metrics
import Synchronization

/// Runs every write that waits in one transaction, each in a savepoint, and commits once: many messages, one fsync.
///
/// While one commit is under way new writes gather for the next. A write that throws is rolled back alone.
final class GroupCommit: Sendable {
    private struct Job {
        /// Runs the closure and keeps its result; true when it succeeded.
        let run: (SQLiteConnection) -> Bool
        /// Hands the kept result to the caller, or the error of the commit.
        let finish: (StoreError?) -> Void
    }

    private enum Outcome { case queued, start, refused }

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
    private let commitTime = Metrics.Timer(label: "oonrumail_database_commit_seconds")
    private let batchSize = Recorder(label: "oonrumail_database_commit_batch")

    init(pool: DatabasePool, reports: FaultReports, options: SQLiteDatabase.Options) {
        self.pool = pool
        self.reports = reports
        self.options = options
    }

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
            guard !guarded.state.isClosed, guarded.state.waiting.count < options.maximumWaitingWrites else { return .refused }
            guarded.state.waiting.append(boxed.value)
            guard !guarded.state.isRunning else { return .queued }
            guarded.state.isRunning = true
            return .start
        }
        switch outcome {
        case .queued: ()
        case .start: queue.async { self.runUntilIdle() }
        case .refused: completion(.failure(.unavailable(reportID: reports.report("a write was refused", cause: "closing, or too many wait"))))
        }
    }

    /// Returns when nothing waits; later writes are refused.
    func drain() async {
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
        }
    }

    private func commit(_ jobs: [Job]) -> StoreError? {
        do {
            try pool.writeWithoutTransaction { database in
                let connection = SQLiteConnection(database, reports: reports)
                try database.beginTransaction(.immediate)
                do {
                    for job in jobs {
                        try connection.execute("SAVEPOINT job")
                        if !job.run(connection) { try connection.execute("ROLLBACK TO job") }
                        try connection.execute("RELEASE job")
                    }
                    try database.commit()
                } catch {
                    if database.isInsideTransaction { try? database.rollback() }
                    throw error
                }
            }
            return nil
        } catch let error as StoreError {
            return error
        } catch {
            return reports.fault(of: error, doing: "commit")
        }
    }
}

/// Carries closures that only the writer's queue calls across a `Sendable` boundary.
struct UncheckedBox<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
