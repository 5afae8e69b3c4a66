import Dispatch
import MailPorts
import Synchronization

/// Notices commits of other processes by asking which transactions are visible once a while; notifications would
/// need a session of our own, which a pooler does not give.
///
/// Our own commits count too: what the handler does must be cheap and harmless.
final class PostgresWatch: Sendable {
    private struct State {
        var handler: (@Sendable (Bool) -> Void)?
        /// `xmin:xmax:xip`: changes with every end of a transaction that has a number, also of one that began long ago.
        var snapshot: String?
        var task: Task<Void, Never>?
    }

    private let state = Mutex(State())
    private let pool: PostgresPool
    private let interval: Double

    init(pool: PostgresPool, interval: Double) {
        self.pool = pool
        self.interval = interval
    }

    deinit { stop() }

    func start(_ handler: @escaping @Sendable (_ isNew: Bool) -> Void) {
        let interval = self.interval
        // Ends with the watch: it holds no reference to it while it sleeps.
        let task = Task { [weak self] in
            while !Task.isCancelled {
                await self?.poll()
                guard (try? await Task.sleep(for: .seconds(interval))) != nil, self != nil else { return }
            }
        }
        state.withLock { state in
            state.handler = handler
            state.task?.cancel()
            state.task = task
        }
    }

    func stop() {
        state.withLock { state in
            state.task?.cancel()
            state.task = nil
            state.handler = nil
        }
    }

    private func poll() async {
        guard !pool.isClosed else { return }
        let found = await pool.run(.read) { connection throws(StoreError) in
            // Transactions that only read take no number.
            try connection.first("SELECT pg_current_snapshot()::text") { row throws(StoreError) in row.text(0) }
        }
        // What cannot be read now is looked at with the next poll; the pool has reported the cause.
        guard case .success(let snapshot?) = found else { return }
        let (handler, isNew) = state.withLock { state in
            defer { state.snapshot = snapshot }
            return (state.handler, state.snapshot != nil && state.snapshot != snapshot)
        }
        handler?(isNew)
    }
}
