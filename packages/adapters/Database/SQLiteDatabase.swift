import Dispatch
import GRDB
import GRDBSQLite
import Glibc
package import Logging
package import MailPorts
import Synchronization

/// SQLite in WAL mode with `synchronous=FULL`: one writer thread with group commit, readers beside it.
package final class SQLiteDatabase: SQLDatabase {
    package let dialect = SQLDialect.sqlite
    package let reports: FaultReports
    private let path: String
    private let pool: DatabasePool
    private let commits: GroupCommit
    private let isClosed = Atomic<Bool>(false)

    package struct Options: Sendable {
        /// Closures that may wait for the writer; more are refused as `.unavailable`.
        package var maximumWaitingWrites = 10_000
        /// Closures in one commit.
        package var maximumBatch = 500
        package var readers = 4
        /// Seconds to wait for another process (a command) that writes.
        package var busyTimeout = 10.0
        /// Pages of the write-ahead log before it is copied into the database.
        package var checkpointPages = 16_000
        /// Seconds between looks for commits of other processes.
        package var foreignCommitInterval = 1.0
        package init() {}
    }

    /// - Throws: `.unavailable` when the file cannot be opened, `.damaged` when it is no database.
    package init(path: String, options: Options = Options(), logger: Logger) throws(StoreError) {
        reports = FaultReports(logger: logger)
        self.path = path
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.maximumReaderCount = options.readers
        configuration.busyMode = .timeout(options.busyTimeout)
        configuration.label = "database"
        configuration.prepareDatabase { database in
            sqlite3_busy_timeout(database.sqliteConnection, Int32(options.busyTimeout * 1_000))
            try database.execute(
                sql: """
                    PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = \(options.checkpointPages);
                    PRAGMA cache_size = \(database.configuration.readonly ? -4_000 : -32_000); PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;
                    """
            )
        }
        // The engine would make it readable by others; its log and index files take its mode.
        let made = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if made >= 0 { Glibc.close(made) }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
        } catch {
            throw reports.fault(of: error, doing: "open")
        }
        commits = GroupCommit(pool: pool, reports: reports, options: options)
    }

    @discardableResult
    package func write<Value: Sendable>(
        of account: Int64?,
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await traced("db write", kind: .client, attributes: Self.facts) { () async throws(StoreError) in
            let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
                commits.enqueue(body) { continuation.resume(returning: $0) }
            }
            return try result.get()
        }
    }

    private static let facts = ["db.system.name": "sqlite"]

    package func read<Value: Sendable>(
        _ freshness: SQLFreshness,
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await traced("db read", kind: .client, attributes: Self.facts) { () async throws(StoreError) in
            try await read(body)
        }
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let reports = self.reports
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            pool.asyncRead { opened in
                let outcome: Result<Value, StoreError>
                switch opened {
                case .failure(let error): outcome = .failure(reports.fault(of: error, doing: "read"))
                case .success(let database):
                    do throws(StoreError) {
                        outcome = .success(try body(SQLiteConnection(database, reports: reports)))
                    } catch {
                        outcome = .failure(error)
                    }
                }
                continuation.resume(returning: outcome)
            }
        }
        return try result.get()
    }

    package func copy(toFile path: String) async throws(StoreError) {
        let pool = self.pool
        let reports = self.reports
        let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                do {
                    let target = try DatabaseQueue(path: path)
                    try pool.backup(to: target)
                    try target.close()
                    continuation.resume(returning: .success(()))
                } catch {
                    continuation.resume(returning: .failure(reports.fault(of: error, doing: "backup")))
                }
            }
        }
        try result.get()
    }

    package func checkIntegrity() async throws(StoreError) -> [String] {
        let lines = try await read { connection throws(StoreError) in
            try connection.all("PRAGMA integrity_check(100)") { row throws(StoreError) in row.text(0) }
        }
        return lines == ["ok"] ? [] : lines
    }

    package func onForeignCommit(_ handler: @escaping @Sendable (_ isNew: Bool) -> Void) {
        commits.onForeignCommit(handler)
    }

    package func close() async {
        await commits.drain()
        guard !isClosed.exchange(true, ordering: .relaxed) else { return }
        let pool = self.pool
        let path = self.path
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            DispatchQueue.global().async {
                // What is still open closes with the process; no write waits any more.
                try? pool.close()
                // The pool's last connections only read, and cannot fold the log into the database. One that writes does,
                // unless another process has it open: then it is that one's to do, and nothing here waits for it.
                if let last = try? DatabaseQueue(path: path) {
                    _ = try? last.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM sqlite_master") }
                    try? last.close()
                }
                continuation.resume()
            }
        }
    }
}
