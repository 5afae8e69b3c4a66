/// What a database says of its own tables, and what watches or stops their changes: for moving a whole store.
extension SQLDialect {
    /// A column as the catalogue has it.
    package enum ColumnKind: Sendable { case integer, text, bytes }

    /// Gives the names of all tables.
    package var tablesQuery: String {
        switch engine {
        case .sqlite:
            "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name"
        case .postgres:
            "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = ANY (current_schemas(false)) ORDER BY tablename"
        }
    }

    /// Gives name, type, place in the primary key (from 1; 0 for none) and whether the engine numbers it (1), of each column
    /// of the table `$1`.
    package var columnsQuery: String {
        switch engine {
        case .sqlite: "SELECT name, type, pk, 0 FROM pragma_table_info($1) ORDER BY cid"
        case .postgres:
            """
            SELECT attname::text, format_type(atttypid, NULL), COALESCE((
                SELECT place FROM unnest(indkey::int2[]) WITH ORDINALITY AS parts (number, place) WHERE number = attnum
            ), 0), CASE WHEN attidentity = '' THEN 0 ELSE 1 END FROM pg_catalog.pg_attribute
            LEFT JOIN pg_catalog.pg_index ON indrelid = attrelid AND indisprimary
            WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
            """
        }
    }

    /// The kind of a column by the type that the catalogue gives.
    package static func kind(ofType type: String) -> ColumnKind? {
        switch type.lowercased() {
        case "integer", "bigint": .integer
        case "text": .text
        case "blob", "bytea": .bytes
        default: nil
        }
    }

    /// Stands between the columns and the values of an INSERT that brings its own numbers.
    package var keepsGivenNumbers: String { engine == .postgres ? " OVERRIDING SYSTEM VALUE" : "" }

    /// Makes the engine number on after what is there; nil where it does so by itself.
    package func renumber(_ table: String, _ column: String) -> String? {
        guard engine == .postgres else { return nil }
        return """
            SELECT setval(pg_get_serial_sequence('\(table)', '\(column)'), COALESCE((SELECT MAX(\(column)) FROM \(table)), 0) + 1, false)
            """
    }

    /// Text of a key's column, `NEW.name` or `OLD.name`, without commas.
    private func keyText(_ reference: String, _ kind: ColumnKind) -> String {
        switch (engine, kind) {
        case (.sqlite, .integer): "CAST(\(reference) AS TEXT)"
        case (.postgres, .integer): "\(reference)::text"
        case (.sqlite, .text), (.sqlite, .bytes): "lower(hex(\(reference)))"
        case (.postgres, .text): "encode(convert_to(\(reference), 'UTF8'), 'hex')"
        case (.postgres, .bytes): "encode(\(reference), 'hex')"
        }
    }

    /// Makes each change of the table's rows leave the row's key in `log (name, key)`; integers in decimal, the others in
    /// hexadecimal, joined by commas.
    package func startLogging(_ table: String, key: [(name: String, kind: ColumnKind)], into log: String) -> [String] {
        func note(_ row: String) -> String {
            let text = key.map { keyText("\(row).\($0.name)", $0.kind) }.joined(separator: " || ',' || ")
            return "INSERT INTO \(log) (name, key) VALUES ('\(table)', \(text))"
        }
        switch engine {
        case .sqlite:
            return [
                "CREATE TRIGGER \(log)_\(table)_i AFTER INSERT ON \(table) BEGIN \(note("NEW")); END",
                "CREATE TRIGGER \(log)_\(table)_u AFTER UPDATE ON \(table) BEGIN \(note("OLD")); \(note("NEW")); END",
                "CREATE TRIGGER \(log)_\(table)_d AFTER DELETE ON \(table) BEGIN \(note("OLD")); END",
            ]
        case .postgres:
            return [
                """
                CREATE FUNCTION \(log)_\(table)() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
                IF TG_OP <> 'INSERT' THEN \(note("OLD")); END IF;
                IF TG_OP <> 'DELETE' THEN \(note("NEW")); END IF;
                RETURN NULL; END $body$
                """,
                """
                CREATE TRIGGER \(log) AFTER INSERT OR UPDATE OR DELETE ON \(table) FOR EACH ROW EXECUTE FUNCTION \(log)_\(table)()
                """,
            ]
        }
    }

    package func stopLogging(_ table: String, into log: String) -> [String] {
        switch engine {
        case .sqlite: ["i", "u", "d"].map { "DROP TRIGGER IF EXISTS \(log)_\(table)_\($0)" }
        case .postgres: ["DROP TRIGGER IF EXISTS \(log) ON \(table)", "DROP FUNCTION IF EXISTS \(log)_\(table)()"]
        }
    }

    /// Refuses every change of the table, whoever makes it; waits for the transactions that are changing it.
    package func raiseFence(_ table: String, name: String, saying text: String) -> [String] {
        switch engine {
        case .sqlite:
            return ["INSERT", "UPDATE", "DELETE"].map {
                "CREATE TRIGGER \(name)_\(table)_\($0.lowercased()) BEFORE \($0) ON \(table) BEGIN SELECT RAISE(ABORT, '\(text)'); END"
            }
        case .postgres:
            return [
                """
                CREATE OR REPLACE FUNCTION \(name)() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
                RAISE EXCEPTION '\(text)' USING ERRCODE = '57P03'; END $body$
                """,
                "CREATE TRIGGER \(name) BEFORE INSERT OR UPDATE OR DELETE ON \(table) FOR EACH STATEMENT EXECUTE FUNCTION \(name)()",
            ]
        }
    }

    package func lowerFence(_ table: String, name: String) -> [String] {
        switch engine {
        case .sqlite: ["insert", "update", "delete"].map { "DROP TRIGGER IF EXISTS \(name)_\(table)_\($0)" }
        case .postgres: ["DROP TRIGGER IF EXISTS \(name) ON \(table)"]
        }
    }

    /// Refuses only changes of rows that the condition, over `OLD` and `NEW`, is true for.
    package func raiseFence(_ table: String, name: String, when condition: String, saying text: String) -> [String] {
        switch engine {
        case .sqlite:
            return [
                "CREATE TRIGGER \(name)_\(table) BEFORE UPDATE ON \(table) WHEN \(condition) BEGIN SELECT RAISE(ABORT, '\(text)'); END"
            ]
        case .postgres:
            return [
                """
                CREATE OR REPLACE FUNCTION \(name)() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
                RAISE EXCEPTION '\(text)' USING ERRCODE = '57P03'; END $body$
                """,
                """
                CREATE TRIGGER \(name) BEFORE UPDATE ON \(table) FOR EACH ROW WHEN (\(condition)) EXECUTE FUNCTION \(name)()
                """,
            ]
        }
    }

    package func lowerConditionalFence(_ table: String, name: String) -> [String] {
        switch engine {
        case .sqlite: ["DROP TRIGGER IF EXISTS \(name)_\(table)"]
        case .postgres: ["DROP TRIGGER IF EXISTS \(name) ON \(table)"]
        }
    }
}
