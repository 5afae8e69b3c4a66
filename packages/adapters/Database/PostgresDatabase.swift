import Dispatch
package import Logging
package import MailPorts

/// PostgreSQL through libpq: a bounded pool of connections, each on a thread of its own, statements in pipeline mode.
///
/// With `keepsStatements` off no state of a session is used, so that PgBouncer may give each transaction another one.
package final class PostgresDatabase: SQLDatabase {
    package let dialect = SQLDialect.postgres
    package let reports: FaultReports
    private let pool: PostgresPool
    private let lanes: PostgresLanes
    private let replica: PostgresPool?
    private let watch: PostgresWatch

    /// The oldest server whose SQL is used: `MERGE`-free, but with pipelines that PostgreSQL 13 answers well.
    private static let oldestVersion = 130_000

    private init(_ options: PostgresOptions, replica: PostgresOptions?, reports: FaultReports) {
        self.reports = reports
        pool = PostgresPool(options, reports)
        lanes = PostgresLanes(pool)
        self.replica = replica.map { PostgresPool($0, reports) }
        watch = PostgresWatch(pool: pool, interval: options.foreignCommitInterval)
    }

    /// Connects once, so that a wrong setting shows at the start; waits `startWait` for a server that is away.
    ///
    /// - Parameter replica: where reads go that may lag; the server itself when that one is away.
    /// - Throws: `.refused`, whose text names the cause and neither user nor password.
    package static func open(
        _ options: PostgresOptions,
        replica: PostgresOptions? = nil,
        logger: Logger
    ) async throws(StoreError) -> PostgresDatabase {
        let place = "\(options)"
        switch await Probe.wait(options, logger) {
        case .failure(let fault): throw .refused("PostgreSQL (\(place)): \(fault.cause)")
        case .success(let found):
            guard found.version >= oldestVersion else {
                throw .refused(
                    "PostgreSQL (\(place)) is version \(found.version / 10_000); 13 is the oldest that will do"
                )
            }
            guard found.encoding == "UTF8" else {
                throw .refused("PostgreSQL (\(place)): the database's encoding is \(found.encoding); it must be UTF8")
            }
            guard !found.isInRecovery else { throw .refused("PostgreSQL (\(place)) is a standby: it takes no writes") }
            if found.synchronousCommit == "off" || found.fsync == "off" {
                logger.warning(
                    "PostgreSQL acknowledges commits that a crash can lose",
                    metadata: ["synchronous_commit": "\(found.synchronousCommit)", "fsync": "\(found.fsync)"]
                )
            }
        }
        return PostgresDatabase(options, replica: replica, reports: FaultReports(logger: logger))
    }

    private static let facts = ["db.system.name": "postgresql"]

    @discardableResult
    package func write<Value: Sendable>(
        of account: Int64?,
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await traced("db write", kind: .client, attributes: Self.facts) { () async throws(StoreError) in
            guard let account else { return try await pool.run(.write, body).get() }
            return try await lanes.run(account, body).get()
        }
    }

    package func read<Value: Sendable>(
        _ freshness: SQLFreshness,
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await traced("db read", kind: .client, attributes: Self.facts) { () async throws(StoreError) in
            if case .recent = freshness, let replica {
                switch await replica.run(.read, body) {
                case .success(let value): return value
                case .failure(.unavailable): ()
                case .failure(let error): throw error
                }
            }
            return try await pool.run(.read, body).get()
        }
    }

    package func copy(toFile path: String) async throws(StoreError) {
        throw .refused("a store in PostgreSQL is backed up with the server's own tools")
    }

    /// The server checks its pages as it reads them; there is no file of ours to look at.
    package func checkIntegrity() async throws(StoreError) -> [String] { [] }

    package func onForeignCommit(_ handler: @escaping @Sendable (_ isNew: Bool) -> Void) { watch.start(handler) }

    package func close() async {
        watch.stop()
        await pool.drain()
        await replica?.drain()
    }
}
