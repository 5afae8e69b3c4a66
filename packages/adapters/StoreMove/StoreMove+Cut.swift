import Database
import MailPorts
import SQLStore

extension StoreMove {
    /// Stops all changes, copies the rest, compares, and makes the target the store; else the source serves on.
    func cutOver(
        _ from: MoveLog,
        _ to: MoveLog,
        _ shapes: [TableShape],
        _ summary: inout MoveOutcome,
        isFinal: Bool = false
    ) async throws(StoreError) {
        let clock = ContinuousClock()
        try await from.stopLeasing()
        let begin: ContinuousClock.Instant
        do throws(StoreError) {
            try await waitForLeases(from)
            begin = clock.now
            try await from.raiseFence()
        } catch {
            try await from.lowerFence()
            throw error
        }
        do throws(StoreError) {
            while try await copyChanges(from, shapes, &summary) > 0 {}
            try await compare(shapes)
            try await renumber(shapes)
            // From here the target is the store: it must know before the source forgets.
            if isFinal { try await to.clear(nil) } else { try await to.start(.unconfirmed) }
        } catch {
            try await from.lowerFence()
            throw error
        }
        try await from.finish()
        summary.pause = clock.now - begin
    }

    /// What is on its way to another server is recorded where it was leased, or it would be sent again from the other store.
    private func waitForLeases(_ log: MoveLog) async throws(StoreError) {
        let clock = ContinuousClock()
        let end = clock.now + options.sendingLimit
        while try await log.leased(now: now()) > 0 {
            guard clock.now < end else {
                throw .refused("outbound mail is being sent and does not come to an end; try again")
            }
            do {
                try await Task.sleep(for: .milliseconds(100))
            } catch {
                throw .refused("cancelled")
            }
        }
    }

    /// Tables of both sides, which must be the same.
    func sharedShapes() async throws(StoreError) -> [TableShape] {
        let ours = try await TableShape.all(in: source.database)
        let theirs = try await TableShape.all(in: target.database)
        guard ours.map(\.name) == theirs.map(\.name),
            zip(ours, theirs).allSatisfy({ $0.columns.map(\.name) == $1.columns.map(\.name) })
        else { throw .refused("the two databases have different schemas: run `oonrumail migrate` on both") }
        // What PostgreSQL numbers by itself is known on one side only.
        return zip(ours, theirs).map { one, other in
            TableShape(name: one.name, columns: one.columns, key: one.key, numbered: one.numbered + other.numbered)
        }
    }

    func requireEmpty(_ shapes: [TableShape]) async throws(StoreError) {
        for (name, count) in try await counts(shapes, in: target.database) where count > 0 {
            throw .refused("the target is not empty: table \(name) has \(count) rows")
        }
    }

    /// Takes away what an attempt that did not end has left.
    func empty(_ shapes: [TableShape]) async throws(StoreError) {
        for shape in shapes {
            try await target.database.write(of: nil) { connection throws(StoreError) in
                try connection.execute("DELETE FROM \(shape.name)")
            }
        }
    }

    private func counts(
        _ shapes: [TableShape],
        in database: any SQLDatabase
    ) async throws(StoreError) -> [(name: String, count: Int64)] {
        try await database.read(.latest) { connection throws(StoreError) in
            var found: [(name: String, count: Int64)] = []
            for shape in shapes {
                let count = try connection.first("SELECT COUNT(*) FROM \(shape.name)") { row throws(StoreError) in
                    row.integer(0)
                }
                found.append((name: shape.name, count: count ?? 0))
            }
            return found
        }
    }

    /// Counts of every table; the rows themselves where counters and names are.
    private func compare(_ shapes: [TableShape]) async throws(StoreError) {
        let ours = try await counts(shapes, in: source.database)
        let theirs = try await counts(shapes, in: target.database)
        for (one, other) in zip(ours, theirs) where one.count != other.count {
            throw .refused("table \(one.name) has \(one.count) rows here and \(other.count) there")
        }
        for shape in shapes where Self.comparedByRow.contains(shape.name) {
            var last: [SQLValue]?
            while true {
                let statement = shape.page(after: last, limit: 1_000)
                let mine = try await rows(statement, shape, source.database)
                guard let end = mine.last else { break }
                guard try await rows(statement, shape, target.database).map(Self.digest) == mine.map(Self.digest) else {
                    throw .refused("rows of table \(shape.name) differ")
                }
                last = shape.key(of: end)
            }
        }
    }

    private static let comparedByRow: Set<String> = [
        "account_counters", "mailboxes", "accounts", "addresses", "domains", "sequences", "queue_recipients",
    ]

    private func rows(
        _ statement: SQLStatement,
        _ shape: TableShape,
        _ database: any SQLDatabase
    ) async throws(StoreError) -> [[SQLValue]] {
        try await database.read(.latest) { connection throws(StoreError) in
            try connection.all(statement.sql, statement.values) { row throws(StoreError) in shape.values(row) }
        }
    }

    private static func digest(_ values: [SQLValue]) -> [String] { values.map { "\($0)" } }

    private func renumber(_ shapes: [TableShape]) async throws(StoreError) {
        try await target.database.write(of: nil) { connection throws(StoreError) in
            for shape in shapes {
                for column in shape.numbered {
                    guard let statement = connection.dialect.renumber(shape.name, column) else { continue }
                    try connection.query(statement, []) { _ throws(StoreError) in }
                }
            }
        }
    }
}
