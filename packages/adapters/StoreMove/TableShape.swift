import Database
import MailPorts

/// A table as the catalogue describes it, with the statements that copy its rows.
struct TableShape: Sendable {
    typealias Kind = SQLDialect.ColumnKind

    let name: String
    let columns: [(name: String, kind: Kind)]
    /// Places of the primary key's columns, in its order.
    let key: [Int]
    /// Columns that PostgreSQL numbers by itself.
    let numbered: [String]

    /// Tables that belong to a database, not to the mail in it.
    static let own: Set<String> = [
        "schema_migrations", MoveLog.table, MoveLog.stateTable, "notices", "sign_in_endings",
    ]

    var keyColumns: [(name: String, kind: Kind)] { key.map { columns[$0] } }
    private var columnList: String { columns.map(\.name).joined(separator: ", ") }
    private var keyList: String { keyColumns.map(\.name).joined(separator: ", ") }

    /// Every table that moves, by name.
    static func all(in database: any SQLDatabase) async throws(StoreError) -> [TableShape] {
        try await database.read(.latest) { connection throws(StoreError) in
            let names = try connection.all(connection.dialect.tablesQuery) { row throws(StoreError) in row.text(0) }
            var shapes: [TableShape] = []
            for name in names where !own.contains(name) { shapes.append(try read(name, connection)) }
            return shapes
        }
    }

    private static func read(_ name: String, _ connection: any SQLConnection) throws(StoreError) -> TableShape {
        let rows = try connection.all(connection.dialect.columnsQuery, [.text(name)]) { row throws(StoreError) in
            (name: row.text(0), type: row.text(1), place: row.integer(2), isNumbered: row.integer(3) != 0)
        }
        var columns: [(name: String, kind: Kind)] = []
        for row in rows {
            guard let kind = SQLDialect.kind(ofType: row.type) else {
                throw .refused("column \(name).\(row.name) is of type \(row.type), which cannot be moved")
            }
            columns.append((name: row.name, kind: kind))
        }
        let key = rows.indices.filter { rows[$0].place > 0 }.sorted { rows[$0].place < rows[$1].place }
        guard !key.isEmpty else { throw .refused("table \(name) has no primary key and cannot be moved") }
        return TableShape(
            name: name,
            columns: columns,
            key: key,
            numbered: rows.filter(\.isNumbered).map(\.name)
        )
    }

    // MARK: - Statements

    /// A page of rows after a key, in the key's order.
    func page(after last: [SQLValue]?, limit: Int) -> SQLStatement {
        var sql = "SELECT \(columnList) FROM \(name)"
        if let last { sql += " WHERE (\(keyList)) > (\(Self.placeholders(1...last.count)))" }
        return SQLStatement("\(sql) ORDER BY \(keyList) LIMIT \(limit)", last ?? [])
    }

    func row(_ key: [SQLValue]) -> SQLStatement {
        SQLStatement("SELECT \(columnList) FROM \(name) WHERE \(condition)", key)
    }

    func delete(_ key: [SQLValue]) -> SQLStatement { SQLStatement("DELETE FROM \(name) WHERE \(condition)", key) }

    /// - Parameter skips: a row that is there already, or collides with one, is left out.
    func insert(_ values: [SQLValue], _ dialect: SQLDialect, skips: Bool) -> SQLStatement {
        SQLStatement(
            "INSERT INTO \(name) (\(columnList))\(dialect.keepsGivenNumbers) VALUES (\(Self.placeholders(1...values.count)))"
                + (skips ? " ON CONFLICT DO NOTHING" : ""),
            values
        )
    }

    private var condition: String {
        keyColumns.enumerated().map { "\($0.element.name) = $\($0.offset + 1)" }.joined(separator: " AND ")
    }

    private static func placeholders(_ range: ClosedRange<Int>) -> String {
        range.map { "$\($0)" }.joined(separator: ", ")
    }

    // MARK: - Values

    func values(_ row: any SQLRow) -> [SQLValue] {
        columns.indices.map { place in
            if row.isNull(place) { return .null }
            return switch columns[place].kind {
            case .integer: .integer(row.integer(place))
            case .text: .text(row.text(place))
            case .bytes: .bytes(row.bytes(place))
            }
        }
    }

    func key(of values: [SQLValue]) -> [SQLValue] { key.map { values[$0] } }

    func value(_ column: String, of values: [SQLValue]) -> SQLValue? {
        columns.firstIndex { $0.name == column }.map { values[$0] }
    }

    /// The key that a trigger wrote, or nil when it does not read.
    func key(fromLog text: String) -> [SQLValue]? {
        let parts = text.utf8.split(separator: 44, omittingEmptySubsequences: false)
        guard parts.count == key.count else { return nil }
        var values: [SQLValue] = []
        for (part, column) in zip(parts, keyColumns) {
            if column.kind == .integer {
                guard let number = Int64(String(decoding: part, as: UTF8.self)) else { return nil }
                values.append(.integer(number))
                continue
            }
            guard let bytes = Self.octets(ofHexadecimal: part) else { return nil }
            values.append(column.kind == .text ? .text(String(decoding: bytes, as: UTF8.self)) : .bytes(bytes))
        }
        return values
    }

    private static func octets(ofHexadecimal text: Substring.UTF8View) -> [UInt8]? {
        guard text.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in text {
            let value: UInt8
            switch digit {
            case 48...57: value = digit - 48
            case 97...102: value = digit - 87
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }
}
