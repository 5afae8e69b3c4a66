import Database
package import MailPorts

/// A column whose values the master key has sealed, and the primary key of its table.
///
/// Columns named `sealed_…` are, by the catalogue, so that a new one is not forgotten; a test looks that no other column of
/// octets is.
struct SealedPlace: Sendable {
    static let prefix = "sealed_"
    /// Columns with other names, and which of their rows have a sealed value.
    ///
    /// One secret of the platform is a salt, which lies as it is; what is added later is sealed, or its name is added here.
    static let others = [
        "platform_secrets.value": "name <> 'scram-salt-key'",
        "kept_answers.answer": "answer IS NOT NULL",
    ]

    var table: String
    var column: String
    var key: [(name: String, kind: SQLDialect.ColumnKind)]
    var condition: String

    var name: String { "\(table).\(column)" }

    /// Every one, by name.
    static func all(_ connection: any SQLConnection) throws(StoreError) -> [SealedPlace] {
        var found: [SealedPlace] = []
        let tables = try connection.all(connection.dialect.tablesQuery) { row throws(StoreError) in row.text(0) }
        for table in tables {
            let columns = try connection.all(connection.dialect.columnsQuery, [.text(table)]) {
                row throws(StoreError) in
                (name: row.text(0), kind: SQLDialect.kind(ofType: row.text(1)), place: row.integer(2))
            }
            let key = columns.filter { $0.place > 0 }.sorted { $0.place < $1.place }
            for column in columns where column.kind == .bytes {
                let isNamed = column.name.utf8.starts(with: prefix.utf8)
                guard let condition = isNamed ? "\(column.name) IS NOT NULL" : others["\(table).\(column.name)"] else {
                    continue
                }
                found.append(
                    SealedPlace(
                        table: table,
                        column: column.name,
                        key: key.map { ($0.name, $0.kind ?? .text) },
                        condition: condition
                    )
                )
            }
        }
        return found
    }

    static func named(_ name: String, _ connection: any SQLConnection) throws(StoreError) -> SealedPlace {
        guard let place = try all(connection).first(where: { $0.name == name }) else { throw .notFound }
        return place
    }
}

extension SQLStore: SealedValueStore {
    package func sealedColumns() async throws(StoreError) -> [SealedColumn] {
        try await database.read { connection throws(StoreError) in
            try SealedPlace.all(connection).map { SealedColumn(name: $0.name) }
        }
    }

    package func sealedValues(
        in column: SealedColumn,
        after last: [SealedValue.Part]?,
        limit: Int
    ) async throws(StoreError) -> [SealedValue] {
        try await database.read { connection throws(StoreError) in
            let place = try SealedPlace.named(column.name, connection)
            let names = place.key.map(\.name).joined(separator: ", ")
            let values = (last ?? []).map(Self.value)
            var condition = place.condition
            if last != nil {
                condition += " AND (\(names)) > (\(values.indices.map { "$\($0 + 1)" }.joined(separator: ", ")))"
            }
            return try connection.all(
                """
                SELECT \(place.column), \(names) FROM \(place.table) WHERE \(condition)
                ORDER BY \(names) LIMIT $\(values.count + 1)
                """,
                values + [.integer(Int64(limit))]
            ) { row throws(StoreError) in
                var parts: [SealedValue.Part] = []
                for (index, part) in place.key.enumerated() {
                    switch part.kind {
                    case .integer: parts.append(.integer(row.integer(index + 1)))
                    case .text: parts.append(.text(row.text(index + 1)))
                    case .bytes: parts.append(.bytes(row.bytes(index + 1)))
                    }
                }
                return SealedValue(place: parts, sealed: row.bytes(0))
            }
        }
    }

    package func reseal(
        _ changes: [(value: SealedValue, sealed: [UInt8])],
        in column: SealedColumn
    ) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            let place = try SealedPlace.named(column.name, connection)
            let keys = place.key.indices.map { "\(place.key[$0].name) = $\($0 + 3)" }.joined(separator: " AND ")
            var count = 0
            for (value, sealed) in changes {
                // Whoever has changed it meanwhile has sealed it too.
                count += try connection.execute(
                    "UPDATE \(place.table) SET \(place.column) = $1 WHERE \(place.column) = $2 AND \(keys)",
                    [.bytes(sealed), .bytes(value.sealed)] + value.place.map(Self.value)
                )
            }
            return count
        }
    }

    private static func value(_ part: SealedValue.Part) -> SQLValue {
        switch part {
        case .integer(let number): .integer(number)
        case .text(let text): .text(text)
        case .bytes(let bytes): .bytes(bytes)
        }
    }
}
