/// The few words in which the engines differ.
package struct SQLDialect: Sendable {
    enum Engine: Sendable { case sqlite, postgres }

    let engine: Engine
    /// What stands in a schema, and what the engine is told instead.
    package let schemaWords: [(word: String, meaning: String)]
    /// Ends a query whose rows stay locked until the transaction ends.
    package let forUpdate: String
    /// The same, leaving out the rows that others have locked.
    package let forUpdateSkippingLocked: String
    /// Ends a query whose rows are not deleted until the transaction ends; they may be changed.
    package let forKeyShare: String
    /// Gives the oldest transaction that is not over and the first that has not begun; nil with one writer.
    package let transactionsQuery: String?
    /// Whether transactions that write run side by side.
    package let hasParallelWriters: Bool
    /// Gives a row when the table `$1` is there.
    package let tableQuery: String
    /// Said before a change of the schema waits for its turn, and after.
    package let migrationStart: [String]
    package let migrationLimits: [String]
    /// Gives the server's time in microseconds; nil where the database has no clock but the process's own.
    package let clockQuery: String?

    package static let sqlite = SQLDialect(
        engine: .sqlite,
        schemaWords: [("{bytes}", "BLOB"), ("{auto}", "INTEGER PRIMARY KEY"), ("{clustered}", "WITHOUT ROWID")],
        forUpdate: "",
        forUpdateSkippingLocked: "",
        forKeyShare: "",
        transactionsQuery: nil,
        hasParallelWriters: false,
        tableQuery: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
        migrationStart: [],
        migrationLimits: [],
        clockQuery: nil
    )

    /// Texts compare by their octets, as they do in SQLite, whatever language the database was made for.
    package static let postgres = SQLDialect(
        engine: .postgres,
        schemaWords: [
            ("{bytes}", "BYTEA"), ("{auto}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"), (" {clustered}", ""),
            (" TEXT", " TEXT COLLATE \"C\""),
        ],
        forUpdate: " FOR UPDATE",
        forUpdateSkippingLocked: " FOR UPDATE SKIP LOCKED",
        forKeyShare: " FOR KEY SHARE",
        transactionsQuery:
            "SELECT pg_snapshot_xmin(s)::TEXT::BIGINT, pg_snapshot_xmax(s)::TEXT::BIGINT FROM pg_current_snapshot() AS s",
        hasParallelWriters: true,
        tableQuery:
            "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = $1",
        migrationStart: ["SET LOCAL statement_timeout = 0"],
        // Who waits for a table keeps everybody behind it waiting too.
        migrationLimits: ["SET LOCAL lock_timeout = '10s'"],
        clockQuery: "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT"
    )

    /// A schema's statement in the engine's own words.
    package func spell(_ statement: String) -> String {
        var bytes = Array(statement.utf8)
        for (word, meaning) in schemaWords {
            let pattern = Array(word.utf8)
            var result: [UInt8] = []
            var index = 0
            while index < bytes.count {
                if bytes[index] == pattern[0], bytes[index...].starts(with: pattern) {
                    result += Array(meaning.utf8)
                    index += pattern.count
                } else {
                    result.append(bytes[index])
                    index += 1
                }
            }
            bytes = result
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
