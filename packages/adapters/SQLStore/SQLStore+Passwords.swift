import Database
package import MailModel
package import MailPorts

extension SQLStore {
    package func changePassword(
        _ id: AccountID,
        hash: String,
        keeping history: Int,
        exceptSession family: String?
    ) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            try Self.changePassword(id, hash, keeping: history, exceptSession: family, now, connection)
            try Self.endSignIns(of: id, .password, connection)
        }
    }

    /// Ends HTTP sessions but one; tokens for another new password are void.
    static func changePassword(
        _ id: AccountID,
        _ hash: String,
        keeping history: Int,
        exceptSession family: String?,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let key: SQLValue = .integer(id.rawValue)
        try lock([id], connection)
        let old = try connection.first("SELECT password_hash FROM credentials WHERE account_id = $1", [key]) {
            row throws(StoreError) in row.text(0)
        }
        guard let old else { throw .notFound }
        try connection.execute(
            "INSERT INTO password_history (account_id, number, password_hash) VALUES ($1, $2, $3)",
            [key, .integer(try next("password_history", connection)), .text(old)]
        )
        try connection.execute(
            """
            DELETE FROM password_history WHERE account_id = $1 AND number NOT IN (
                SELECT number FROM password_history WHERE account_id = $1 ORDER BY number DESC LIMIT $2
            )
            """,
            [key, .integer(Int64(history))]
        )
        try connection.execute(
            "UPDATE credentials SET password_hash = $2, changed_at = $3 WHERE account_id = $1",
            [key, .text(hash), .integer(now.microseconds)]
        )
        try endSessions("account_id = $2 AND family <> $3", [key, .text(family ?? "")], now: now, connection)
        try forgetAllowed("account_id = $1", [key], connection)
        try connection.execute(
            "DELETE FROM account_tickets WHERE account_id = $1 AND purpose = 'password-reset'",
            [key]
        )
    }

    package func passwordHistory(of id: AccountID, limit: Int) async throws(StoreError) -> [String] {
        try await database.read { connection throws(StoreError) in
            let key: SQLValue = .integer(id.rawValue)
            let present = try connection.all("SELECT password_hash FROM credentials WHERE account_id = $1", [key]) {
                row throws(StoreError) in row.text(0)
            }
            let earlier = try connection.all(
                "SELECT password_hash FROM password_history WHERE account_id = $1 ORDER BY number DESC LIMIT $2",
                [key, .integer(Int64(limit))]
            ) { row throws(StoreError) in row.text(0) }
            return Array((present + earlier).prefix(limit))
        }
    }
}
