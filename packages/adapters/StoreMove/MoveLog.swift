import Database
import MailModel
import MailPorts
import SQLStore

/// The keys of rows that changed since a copy began, written by triggers; and the fence that ends all change.
struct MoveLog {
    static let table = "move_log"
    static let stateTable = MoveState.table
    private static let fence = "move_fence"
    private static let leases = "move_leases"

    let database: any SQLDatabase
    let shapes: [TableShape]

    func state() async throws(StoreError) -> MoveState? {
        try await database.read(.latest) { connection throws(StoreError) in try MoveState.read(connection) }
    }

    /// Sets the state; nil takes every trace of the move away.
    private static func set(_ state: MoveState?, _ connection: any SQLConnection) throws(StoreError) {
        guard let state else {
            try connection.execute("DROP TABLE IF EXISTS \(stateTable)")
            return
        }
        try connection.execute("CREATE TABLE IF NOT EXISTS \(stateTable) (state TEXT NOT NULL)")
        try connection.execute("DELETE FROM \(stateTable)")
        try connection.execute("INSERT INTO \(stateTable) (state) VALUES ($1)", [.text(state.rawValue)])
    }

    private func change(
        _ body: @escaping @Sendable (any SQLConnection) throws(StoreError) -> Void
    ) async throws(StoreError) {
        try await database.write(of: nil) { connection throws(StoreError) in
            for statement in connection.dialect.migrationStart + connection.dialect.migrationLimits {
                try connection.post(statement, [])
            }
            try body(connection)
        }
    }

    /// Begins to log changes, in one transaction with the state.
    func start(_ state: MoveState) async throws(StoreError) {
        let shapes = self.shapes
        try await change { connection throws(StoreError) in
            try Self.startLogging(shapes, connection)
            try Self.set(state, connection)
        }
    }

    private static func startLogging(_ shapes: [TableShape], _ connection: any SQLConnection) throws(StoreError) {
        try stopLogging(shapes, connection)
        let dialect = connection.dialect
        try connection.execute(
            dialect.spell("CREATE TABLE \(table) (seq {auto}, name TEXT NOT NULL, key TEXT NOT NULL)")
        )
        for shape in shapes {
            for statement in dialect.startLogging(shape.name, key: shape.keyColumns, into: table) {
                try connection.execute(statement)
            }
        }
    }

    private static func stopLogging(_ shapes: [TableShape], _ connection: any SQLConnection) throws(StoreError) {
        for shape in shapes {
            for statement in connection.dialect.stopLogging(shape.name, into: table) {
                try connection.execute(statement)
            }
        }
        try connection.execute("DROP TABLE IF EXISTS \(table)")
    }

    /// No worker takes more of the outbound queue: what is being sent ends, and is recorded here.
    func stopLeasing() async throws(StoreError) {
        try await change { connection throws(StoreError) in
            try Self.resumeLeasing(connection)
            let statements = connection.dialect.raiseFence(
                "queue_recipients",
                name: Self.leases,
                when: "NEW.state = 'leased' AND OLD.state <> 'leased'",
                saying: "the store is about to move"
            )
            for statement in statements { try connection.execute(statement) }
        }
    }

    private static func resumeLeasing(_ connection: any SQLConnection) throws(StoreError) {
        for statement in connection.dialect.lowerConditionalFence("queue_recipients", name: leases) {
            try connection.execute(statement)
        }
    }

    /// Recipients that somebody is sending to.
    func leased(now: Timestamp) async throws(StoreError) -> Int64 {
        try await database.read(.latest) { connection throws(StoreError) in
            try connection.first(
                "SELECT COUNT(*) FROM queue_recipients WHERE state = 'leased' AND lease_until > $1",
                [.integer(now.microseconds)]
            ) { row throws(StoreError) in row.integer(0) } ?? 0
        }
    }

    /// From here on the database refuses every change of what moves.
    func raiseFence() async throws(StoreError) {
        let shapes = self.shapes
        try await change { connection throws(StoreError) in
            for shape in shapes {
                let statements = connection.dialect.raiseFence(
                    shape.name,
                    name: Self.fence,
                    saying: "the store has moved"
                )
                for statement in statements { try connection.execute(statement) }
            }
        }
    }

    private static func lowerFence(_ shapes: [TableShape], _ connection: any SQLConnection) throws(StoreError) {
        try resumeLeasing(connection)
        for shape in shapes {
            for statement in connection.dialect.lowerFence(shape.name, name: fence) {
                try connection.execute(statement)
            }
        }
    }

    /// Takes changes again, still logging them: the last step did not succeed.
    func lowerFence() async throws(StoreError) {
        let shapes = self.shapes
        try await change { connection throws(StoreError) in try Self.lowerFence(shapes, connection) }
    }

    /// No log, no fence; the state as given.
    func clear(_ state: MoveState?) async throws(StoreError) {
        let shapes = self.shapes
        try await change { connection throws(StoreError) in
            try Self.stopLogging(shapes, connection)
            try Self.lowerFence(shapes, connection)
            try Self.set(state, connection)
        }
    }

    /// Keeps the fence and stops logging.
    func finish() async throws(StoreError) {
        let shapes = self.shapes
        try await change { connection throws(StoreError) in
            try Self.stopLogging(shapes, connection)
            try Self.set(.moved, connection)
        }
    }

    /// What changed, with the rows as they are now, all seen at one moment.
    struct Changes: Sendable {
        var sequence: [Int64] = []
        var rows: [Row] = []
        struct Row: Sendable {
            var shape: Int
            var key: [SQLValue]
            /// nil when the row is gone.
            var values: [SQLValue]?
        }
    }

    func changes(limit: Int) async throws(StoreError) -> Changes {
        let shapes = self.shapes
        return try await database.read(.latest) { connection throws(StoreError) in
            var changes = Changes()
            var seen: Set<String> = []
            let entries = try connection.all("SELECT seq, name, key FROM \(Self.table) ORDER BY seq LIMIT \(limit)") {
                row throws(StoreError) in (row.integer(0), row.text(1), row.text(2))
            }
            for (number, name, key) in entries {
                changes.sequence.append(number)
                guard seen.insert("\(name):\(key)").inserted else { continue }
                guard let shape = shapes.firstIndex(where: { $0.name == name }),
                    let values = shapes[shape].key(fromLog: key)
                else {
                    throw .refused("the log of changes has a key of \(name) that does not read: start the move anew")
                }
                let query = shapes[shape].row(values)
                let found = try connection.first(query.sql, query.values) { row throws(StoreError) in
                    shapes[shape].values(row)
                }
                changes.rows.append(Changes.Row(shape: shape, key: values, values: found))
            }
            return changes
        }
    }

    /// Forgets entries that have been dealt with.
    ///
    /// By number, one by one: a transaction that took its number early may commit
    /// late.
    func forget(_ sequence: [Int64]) async throws(StoreError) {
        try await database.write(of: nil) { connection throws(StoreError) in
            for number in sequence {
                try connection.post("DELETE FROM \(Self.table) WHERE seq = $1", [.integer(number)])
            }
        }
    }
}
