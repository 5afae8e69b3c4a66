package import Database
package import MailModel
package import MailPorts
import NIOCore
import SQLStore

/// Moves a whole store from one database (and blob store) to another while it serves.
///
/// Triggers note the key of every row that changes; all rows are copied, page by page; then what was noted is copied again
/// until little is left. A fence stops all changes, the rest is copied, counters are compared, and the other database
/// is the store. Its own changes are noted from then on, so that the move can be taken back until it is confirmed.
package struct StoreMove: Sendable {
    package struct Side: Sendable {
        package var database: any SQLDatabase
        package var blobs: any BlobStore
        package init(database: any SQLDatabase, blobs: any BlobStore) {
            (self.database, self.blobs) = (database, blobs)
        }
    }

    package struct Options: Sendable {
        /// Rows read and written in one transaction.
        package var page = 500
        /// Changes that may be left when the fence rises: what they cost is the pause.
        package var fewChanges = 200
        /// Rounds of copying what changed meanwhile, before the source counts as too busy to be moved.
        package var maximumRounds = 1_000
        /// Time that outbound transactions under way have to end before the cut.
        package var sendingLimit: Duration = .seconds(60)
        package init() {}
    }

    let source: Side
    let target: Side
    let options: Options
    let now: @Sendable () -> Timestamp
    /// Lines for the operator.
    let tell: @Sendable (String) -> Void
    /// Checks the target, bytes against hashes, and gives what is wrong with it.
    let verify: @Sendable (Side) async throws(StoreError) -> [String]

    package init(
        from source: Side,
        to target: Side,
        options: Options = Options(),
        now: @escaping @Sendable () -> Timestamp,
        verify: @escaping @Sendable (Side) async throws(StoreError) -> [String],
        tell: @escaping @Sendable (String) -> Void
    ) {
        (self.source, self.target, self.options) = (source, target, options)
        (self.now, self.verify, self.tell) = (now, verify, tell)
    }

    // MARK: - The three commands

    /// Copies everything to an empty database, and cuts over.
    ///
    /// - Throws: `.refused` when the target holds mail, or either store stands elsewhere in a move. What fails before the
    ///   cut leaves the source serving.
    package func move() async throws(StoreError) -> MoveOutcome {
        let shapes = try await sharedShapes()
        let from = MoveLog(database: source.database, shapes: shapes)
        let to = MoveLog(database: target.database, shapes: shapes)
        switch try await from.state() {
        case nil, .copying: ()
        case .filling, .moved: throw .refused("this store does not serve: it is being filled, or has moved already")
        case .unconfirmed: throw .refused("an earlier move into this store is not confirmed yet")
        }
        switch try await to.state() {
        case .filling: try await empty(shapes)
        case nil: try await requireEmpty(shapes)
        case .copying, .moved, .unconfirmed: throw .refused("the target takes part in another move")
        }
        var summary = MoveOutcome()
        try await to.clear(.filling)
        try await from.start(.copying)
        for place in shapes.indices {
            let count = try await copyAll(shapes[place], &summary)
            if count > 0 { tell("\(shapes[place].name): \(count) rows") }
        }
        try await catchUp(from, shapes, &summary)
        tell("comparing message bytes with their hashes …")
        let findings = try await verify(target)
        guard findings.isEmpty else {
            throw .refused("the copy is not whole: \(findings.prefix(3).joined(separator: "; "))")
        }
        try await catchUp(from, shapes, &summary)
        try await cutOver(from, to, shapes, &summary)
        return summary
    }

    /// Brings what has changed since the cut back into the first store, and serves from there again.
    ///
    /// `source` is the store that serves now.
    package func takeBack() async throws(StoreError) -> MoveOutcome {
        let shapes = try await sharedShapes()
        let from = MoveLog(database: source.database, shapes: shapes)
        let to = MoveLog(database: target.database, shapes: shapes)
        guard try await from.state() == .unconfirmed else {
            throw .refused("there is no unconfirmed move into that database")
        }
        switch try await to.state() {
        case .moved: try await to.clear(.filling)
        case .filling: ()
        case nil, .copying, .unconfirmed: throw .refused("this store has not moved")
        }
        var summary = MoveOutcome()
        try await catchUp(from, shapes, &summary)
        try await cutOver(from, to, shapes, &summary, isFinal: true)
        return summary
    }

    /// Ends the log of the store that serves now; the move can no longer be taken back.
    package func confirm() async throws(StoreError) {
        let shapes = try await sharedShapes()
        let log = MoveLog(database: source.database, shapes: shapes)
        guard try await log.state() == .unconfirmed else {
            throw .refused("there is no unconfirmed move into that database")
        }
        try await log.clear(nil)
    }

    // MARK: - Copying

    /// - Returns: rows copied.
    private func copyAll(_ shape: TableShape, _ summary: inout MoveOutcome) async throws(StoreError) -> Int {
        var last: [SQLValue]?
        var count = 0
        while true {
            let statement = shape.page(after: last, limit: options.page)
            let rows = try await source.database.read(.latest) { connection throws(StoreError) in
                try connection.all(statement.sql, statement.values) { row throws(StoreError) in shape.values(row) }
            }
            guard let end = rows.last else { break }
            for row in rows { try await copyBlob(of: row, shape, &summary) }
            try await target.database.write(of: nil) { connection throws(StoreError) in
                for row in rows {
                    let insert = shape.insert(row, connection.dialect, skips: true)
                    try connection.post(insert.sql, insert.values)
                }
            }
            count += rows.count
            last = shape.key(of: end)
        }
        summary.rows += count
        return count
    }

    /// Copies what changed until few changes are left.
    private func catchUp(_ log: MoveLog, _ shapes: [TableShape], _ summary: inout MoveOutcome) async throws(StoreError)
    {
        for _ in 0..<options.maximumRounds {
            if try await copyChanges(log, shapes, &summary) < options.fewChanges { return }
        }
        throw .refused("the store changes faster than it can be copied; try again when it is quieter")
    }

    /// - Returns: how many entries of the log were dealt with.
    func copyChanges(
        _ log: MoveLog,
        _ shapes: [TableShape],
        _ summary: inout MoveOutcome
    ) async throws(StoreError) -> Int {
        var limit = options.page
        while true {
            let changes = try await log.changes(limit: limit)
            guard !changes.sequence.isEmpty else { return 0 }
            for row in changes.rows {
                if let values = row.values { try await copyBlob(of: values, shapes[row.shape], &summary) }
            }
            do throws(StoreError) {
                try await target.database.write(of: nil) { connection throws(StoreError) in
                    for row in changes.rows {
                        let delete = shapes[row.shape].delete(row.key)
                        try connection.post(delete.sql, delete.values)
                    }
                    for row in changes.rows {
                        guard let values = row.values else { continue }
                        let insert = shapes[row.shape].insert(values, connection.dialect, skips: false)
                        try connection.post(insert.sql, insert.values)
                    }
                }
            } catch .alreadyExists where changes.sequence.count == limit && limit < 100 * options.page {
                // A name went from one row to another, and the first row's change is further on in the log.
                limit *= 4
                continue
            }
            try await log.forget(changes.sequence)
            summary.changes += changes.rows.count
            return changes.sequence.count
        }
    }

    /// Brings the bytes that a row names, where they lie outside of the database.
    private func copyBlob(
        of values: [SQLValue],
        _ shape: TableShape,
        _ summary: inout MoveOutcome
    ) async throws(StoreError) {
        let isOutside: Bool
        switch shape.name {
        case "emails":
            if case .integer(0)? = shape.value("is_inline", of: values) { isOutside = true } else { isOutside = false }
        case "queue_messages":
            if case .null? = shape.value("data", of: values) { isOutside = true } else { isOutside = false }
        default: isOutside = false
        }
        guard isOutside, case .bytes(let octets)? = shape.value("blob_hash", of: values),
            let hash = BlobHash(bytes: octets)
        else { return }
        do throws(StoreError) {
            // One octet tells whether it is there.
            _ = try await target.blobs.read(hash, range: 0..<1)
        } catch .notFound {
            let bytes: ByteBuffer
            do throws(StoreError) {
                bytes = try await source.blobs.read(hash, range: 0..<Int.max)
            } catch .notFound {
                // The row has gone since; if not, verifying says so.
                return
            }
            try await target.blobs.put(.memory(bytes), hash: hash)
            summary.blobs += 1
        }
    }
}
