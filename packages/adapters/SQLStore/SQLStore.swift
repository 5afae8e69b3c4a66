package import Database
package import Logging
package import MailModel
package import MailPorts
import Metrics

/// The ports of the platform's store over one SQL database and a blob store.
///
/// Each method is one transaction. Statements reach a table that holds mail only with an `account_id`.
package final class SQLStore: Sendable {
    package struct Options: Sendable {
        /// Octets of a message up to which it lies in the database; larger ones are blobs of their own.
        package var inlineThreshold = 64 << 10
        /// Octets from which inline messages are compressed where that makes them smaller.
        package var compressionThreshold = 32 << 10
        /// Mailboxes of one account.
        package var maximumMailboxes = 10_000
        /// Trace events that wait in memory; further ones are dropped and counted.
        package var maximumWaitingTrace = 10_000
        /// Whether opening the store brings its schema up to date; otherwise it must be.
        package var migrates = true
        /// Accounts that have listeners on the feed here: their changes by other processes are looked for in the database.
        ///
        /// nil where no other process serves.
        package var listenedAccounts: (@Sendable () -> [AccountID])?
        /// Leases go by the database server's clock: the processes that share it run on several machines.
        package var trustsServerClock = false
        /// Where facts of domains are found sooner than in the database.
        package var domainCache: (any DomainCache)?
        /// Opened by who fills it in a move, not to serve.
        package var isFilling = false
        package init() {}
    }

    let database: any SQLDatabase
    let blobs: any BlobStore
    let feed: any ChangeFeed
    let clock: any WallClock
    let options: Options
    let reports: FaultReports
    let traceBuffer: TraceBuffer
    let clockWatch: ClockWatch
    let policies = PolicyMemory()
    /// Shown from the start, so that what watches it knows nothing lost from nothing known.
    let auditLost = Counter(label: "oonrumail_audit_lost_total")
    /// The data folder of a one-machine store.
    let folder: String?

    /// Brings the schema up to date.
    package init(
        database: any SQLDatabase,
        blobs: any BlobStore,
        feed: any ChangeFeed,
        clock: any WallClock,
        reports: FaultReports,
        options: Options = Options(),
        folder: String? = nil
    ) async throws(StoreError) {
        self.database = database
        self.blobs = blobs
        self.feed = feed
        self.clock = clock
        self.reports = reports
        self.options = options
        self.traceBuffer = TraceBuffer(limit: options.maximumWaitingTrace)
        self.clockWatch = ClockWatch(logger: reports.logger)
        self.folder = folder
        if options.migrates {
            try await Migration.apply(to: database, now: clock.now())
        } else {
            let plan = try await Migration.plan(for: database)
            if let last = plan.steps.last {
                throw .refused(
                    "the database has schema version \(plan.current), this program needs \(last.version): run the migrations"
                )
            }
        }
        guard !options.isFilling else { return }
        try await MoveState.requireServing(database)
        try await finishOpening()
    }

    private func finishOpening() async throws(StoreError) {
        let feed = self.feed
        let notices = NoticeReader(database: database, feed: feed)
        await notices.publishNew()
        let poller = options.listenedAccounts.map { ChangePoller(database: database, feed: feed, listened: $0) }
        database.onForeignCommit { isNew in
            // A command may have queued, released or retried mail, or changed an account that has sessions here.
            if isNew { feed.relayQueueWork() }
            Task {
                if isNew { await notices.publishNew() }
                // What the bus lost may have been the last commit for long.
                await poller?.publishNew()
            }
        }
    }

    /// Opens (or makes) the one-machine store: `oonrumail.sqlite` in the folder.
    package static func open(
        folder: String,
        blobs: any BlobStore,
        feed: any ChangeFeed,
        clock: any WallClock,
        logger: Logger,
        options: Options = Options(),
        databaseOptions: SQLiteDatabase.Options = SQLiteDatabase.Options()
    ) async throws(StoreError) -> SQLStore {
        let database = try SQLiteDatabase(path: "\(folder)/oonrumail.sqlite", options: databaseOptions, logger: logger)
        return try await SQLStore(
            database: database,
            blobs: blobs,
            feed: feed,
            clock: clock,
            reports: database.reports,
            options: options,
            folder: folder
        )
    }

    /// Makes the transactions that change these accounts take turns, from here to their ends.
    ///
    /// Whoever changes mailboxes, messages or counters has the account's row locked first, by this or by changing the
    /// row.
    static func lock(_ accounts: [AccountID], _ connection: any SQLConnection) throws(StoreError) {
        guard connection.dialect.hasParallelWriters else { return }
        for account in accounts {
            try connection.post(
                "SELECT 1 FROM account_counters WHERE account_id = $1\(connection.dialect.forUpdate)",
                [.integer(account.rawValue)]
            )
        }
    }

    /// The next number of a sequence, inside a transaction.
    ///
    /// - Parameter count: how many are taken; the first is given.
    static func next(_ sequence: String, count: Int64 = 1, _ connection: any SQLConnection) throws(StoreError) -> Int64
    {
        let next = try connection.first(
            """
            INSERT INTO sequences (name, next) VALUES ($1, 1 + $2)
            ON CONFLICT (name) DO UPDATE SET next = sequences.next + $2 RETURNING next
            """,
            [.text(sequence), .integer(count)]
        ) { row throws(StoreError) in row.integer(0) }
        return (next ?? 1 + count) - count
    }
}
