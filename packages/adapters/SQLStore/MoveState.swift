package import Database
package import MailPorts

/// Where a store stands while it moves between databases; kept in the database itself, absent otherwise.
package enum MoveState: String, Sendable {
    /// Serves; its changes are logged and copied elsewhere.
    case copying
    /// Is being filled; nobody may serve from it.
    case filling
    /// Refuses every change: another database has its mail.
    case moved
    /// Serves after a move that can still be taken back; its changes are logged.
    case unconfirmed

    package static let table = "move_state"

    /// - Returns: nil where no move is under way.
    package static func read(_ connection: any SQLConnection) throws(StoreError) -> MoveState? {
        guard
            try connection.first(connection.dialect.tableQuery, [.text(table)], { _ throws(StoreError) in true })
                == true
        else { return nil }
        let text = try connection.first("SELECT state FROM \(table)") { row throws(StoreError) in row.text(0) }
        return text.flatMap(MoveState.init(rawValue:))
    }

    /// - Throws: `.refused` when mail may not be served from that database.
    package static func requireServing(_ database: any SQLDatabase) async throws(StoreError) {
        switch try await database.read(.latest, { connection throws(StoreError) in try read(connection) }) {
        case nil, .copying, .unconfirmed: ()
        case .filling:
            throw .refused("another store is being moved into this database: wait for `oonrumail move` to end")
        case .moved:
            throw .refused(
                "this store has moved to another database; serve from there, or take it back by `oonrumail move --back`"
            )
        }
    }
}
