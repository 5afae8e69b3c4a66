import Database
import MailModel
import MailPorts

/// How far trace events are counted, and which ones may be next.
///
/// With parallel writers an event of a lower number may appear after one of a higher: the number is drawn before the
/// transaction commits. So numbers are first seen, and counted when every transaction that could have drawn a lower one is over.
struct StatisticsPosition: Hashable, Sendable {
    /// Seconds that seen numbers wait at least, with parallel writers.
    ///
    /// A transaction that draws a number has its own place in the order of transactions either before, or moments after:
    /// between the two its horizon does not tell of it.
    static let settlingSeconds: Int64 = 5

    /// Every event up to this number is counted.
    var counted: Int64 = 0
    /// The highest number when it was last looked, by `seenAt`.
    var seen: Int64 = 0
    var seenAt = Timestamp(microseconds: 0)
    /// The first transaction that had not begun then; 0 with one writer.
    var horizon: Int64 = 0

    /// Transactions as one view of the database knows them.
    struct View: Sendable {
        /// The oldest that is not over, and the first that has not begun.
        var running: Int64 = 0
        var next: Int64 = 0
        var newest: Int64 = 0
    }

    /// What a step does.
    enum Move: Hashable, Sendable {
        case rest
        /// Sees numbers anew.
        case look
        /// Counts what was seen.
        case count
    }

    func move(_ view: View, hasParallelWriters: Bool, now: Timestamp) -> Move {
        guard hasParallelWriters else { return view.newest > counted ? .count : .rest }
        guard seen > counted else { return view.newest > counted ? .look : .rest }
        // A clock that went back, or another server's transactions: what was seen says nothing here.
        guard seenAt <= now, horizon <= view.next else { return .look }
        return horizon <= view.running && now >= seenAt.adding(seconds: Self.settlingSeconds) ? .count : .rest
    }

    func looked(_ view: View, now: Timestamp) -> StatisticsPosition {
        StatisticsPosition(counted: counted, seen: view.newest, seenAt: now, horizon: view.next)
    }

    // MARK: - The row

    static func read(_ connection: any SQLConnection) throws(StoreError) -> StatisticsPosition {
        try connection.first("SELECT counted, seen, seen_at, horizon FROM statistics_position WHERE position_id = 1") {
            row throws(StoreError) in
            StatisticsPosition(
                counted: row.integer(0),
                seen: row.integer(1),
                seenAt: Timestamp(microseconds: row.integer(2)),
                horizon: row.integer(3)
            )
        } ?? StatisticsPosition()
    }

    /// Puts another position in its place, unless somebody has done so meanwhile.
    func replace(by new: StatisticsPosition, _ connection: any SQLConnection) throws(StoreError) -> Bool {
        try connection.execute(
            """
            INSERT INTO statistics_position (position_id, counted, seen, seen_at, horizon) VALUES (1, $1, $2, $3, $4)
            ON CONFLICT (position_id) DO UPDATE SET counted = $1, seen = $2, seen_at = $3, horizon = $4
            WHERE statistics_position.counted = $5 AND statistics_position.seen = $6
                AND statistics_position.seen_at = $7 AND statistics_position.horizon = $8
            """,
            new.values + values
        ) == 1
    }

    private var values: [SQLValue] {
        [.integer(counted), .integer(seen), .integer(seenAt.microseconds), .integer(horizon)]
    }

    /// Locks the row, so that nothing is counted until the transaction ends; nil when nothing was counted ever.
    static func locked(_ connection: any SQLConnection) throws(StoreError) -> StatisticsPosition? {
        let isThere = try connection.first(
            "SELECT 1 FROM statistics_position WHERE position_id = 1\(connection.dialect.forUpdate)"
        ) { _ throws(StoreError) in true }
        return isThere == true ? try read(connection) : nil
    }

    /// After events have gone from the trace: SQLite gives the highest numbers again when they are free, and a position above
    /// them would pass over what comes next.
    func lower(_ connection: any SQLConnection) throws(StoreError) {
        let newest = try Self.newest(connection)
        guard max(counted, seen) > newest else { return }
        var lowered = self
        (lowered.counted, lowered.seen) = (min(counted, newest), min(seen, newest))
        _ = try replace(by: lowered, connection)
    }

    /// The highest number of the trace; 0 when it is empty.
    static func newest(_ connection: any SQLConnection) throws(StoreError) -> Int64 {
        try connection.first("SELECT COALESCE(MAX(trace_id), 0) FROM trace_events") { row throws(StoreError) in
            row.integer(0)
        } ?? 0
    }
}
