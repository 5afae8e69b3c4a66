import GRDB
import GRDBSQLite
import Glibc
import Logging
import MailPorts

/// Statements on one SQLite connection, through GRDB's statement cache.
final class SQLiteConnection: SQLConnection {
    private let database: GRDB.Database
    private let reports: FaultReports
    let dialect = SQLDialect.sqlite
    /// SQLite counts changed rows, but not tables made.
    private var schemaChanges: Int64 = 0

    /// Grows with whatever a rollback would undo.
    var changes: Int64 { sqlite3_total_changes64(database.sqliteConnection) + schemaChanges }

    init(_ database: GRDB.Database, reports: FaultReports) {
        self.database = database
        self.reports = reports
    }

    func execute(_ sql: String, _ values: [SQLValue]) throws(StoreError) -> Int {
        try run(sql, values) { _ throws(StoreError) in }
        return Int(sqlite3_changes(database.sqliteConnection))
    }

    func post(_ sql: String, _ values: [SQLValue]) throws(StoreError) {
        try run(sql, values) { _ throws(StoreError) in }
    }

    func queryEach(
        _ statements: [SQLStatement],
        _ row: (Int, any SQLRow) throws(StoreError) -> Void
    ) throws(StoreError) {
        for (place, statement) in statements.enumerated() {
            try run(statement.sql, statement.values) { found throws(StoreError) in try row(place, found) }
        }
    }

    /// There is one writer.
    func takeTurn(_ turn: SQLTurn) throws(StoreError) {}

    func query(_ sql: String, _ values: [SQLValue], _ row: (any SQLRow) throws(StoreError) -> Void) throws(StoreError) {
        try run(sql, values, row)
    }

    private static func changesSchema(_ sql: String) -> Bool {
        switch sql.utf8.first {
        case UInt8(ascii: "C"), UInt8(ascii: "A"): true
        case UInt8(ascii: "D"): sql.utf8.starts(with: "DROP".utf8)
        default: false
        }
    }

    private func run(
        _ sql: String,
        _ values: [SQLValue],
        _ row: (any SQLRow) throws(StoreError) -> Void
    ) throws(StoreError) {
        let statement: OpaquePointer
        do {
            statement = try database.cachedStatement(sql: sql).sqliteStatement
        } catch {
            throw reports.fault(of: error, doing: sql)
        }
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        if Self.changesSchema(sql) { schemaChanges += 1 }
        for (index, value) in values.enumerated() { bind(value, named: index + 1, in: statement) }
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: try row(SQLiteRow(statement: statement))
            case SQLITE_DONE: return
            case let code:
                throw reports.fault(
                    code: code,
                    message: String(cString: sqlite3_errmsg(database.sqliteConnection)),
                    doing: sql
                )
            }
        }
    }

    /// `$3` is a name to SQLite: its place is where it first appears in the statement.
    private func bind(_ value: SQLValue, named number: Int, in statement: OpaquePointer) {
        let place = Self.place(of: number, in: statement)
        precondition(place > 0, "a value for a placeholder that the statement does not have")
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: sqlite3_bind_null(statement, place)
        case .integer(let integer): sqlite3_bind_int64(statement, place, integer)
        case .text(var text):
            text.withUTF8 { utf8 in
                _ = utf8.withMemoryRebound(to: CChar.self) { chars in
                    // A null pointer would bind NULL.
                    sqlite3_bind_text(statement, place, chars.baseAddress ?? Self.empty, Int32(chars.count), transient)
                }
            }
        case .bytes(let bytes):
            if bytes.isEmpty {
                sqlite3_bind_zeroblob(statement, place, 0)
            } else {
                sqlite3_bind_blob64(statement, place, bytes, UInt64(bytes.count), transient)
            }
        }
    }

    private static func place(of number: Int, in statement: OpaquePointer) -> Int32 {
        // Most statements name them in order: the look-up by number compares no texts.
        if let name = sqlite3_bind_parameter_name(statement, Int32(number)), Int(atol(name + 1)) == number {
            return Int32(number)
        }
        return sqlite3_bind_parameter_index(statement, number < names.count ? names[number] : "$\(number)")
    }

    private static let names: [String] = (0..<40).map { "$\($0)" }
    nonisolated(unsafe) private static let empty: UnsafePointer<CChar> = {
        let made = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        made.initialize(to: 0)
        return UnsafePointer(made)
    }()
}

/// The current row of a statement.
struct SQLiteRow: SQLRow {
    let statement: OpaquePointer

    func isNull(_ column: Int) -> Bool { sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL }
    func integer(_ column: Int) -> Int64 { sqlite3_column_int64(statement, Int32(column)) }

    func text(_ column: Int) -> String {
        guard let start = sqlite3_column_text(statement, Int32(column)) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, Int32(column)))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func bytes(_ column: Int) -> [UInt8] {
        guard let start = sqlite3_column_blob(statement, Int32(column)) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, Int32(column)))))
    }
}
