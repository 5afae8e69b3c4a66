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
            let key: SQLValue = .integer(id.rawValue)
            try Self.lock([id], connection)
            let old = try connection.first("SELECT password_hash FROM credentials WHERE account_id = $1", [key]) {
                row throws(StoreError) in row.text(0)
            }
            guard let old else { throw .notFound }
            try connection.execute(
                "INSERT INTO password_history (account_id, number, password_hash) VALUES ($1, $2, $3)",
                [key, .integer(try Self.next("password_history", connection)), .text(old)]
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
            try connection.execute(
                "UPDATE token_families SET revoked_at = $2 WHERE account_id = $1 AND revoked_at IS NULL AND family <> $3",
                [key, .integer(now.microseconds), .text(family ?? "")]
            )
            try Self.endSignIns(of: id, .password, connection)
        }
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
