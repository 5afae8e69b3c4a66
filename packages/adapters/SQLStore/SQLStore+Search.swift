import Database
package import MailModel
package import MailPorts

extension SQLStore: SearchSourceStore {
    /// Accounts whose counters the index has not seen, and indexed ones that are gone.
    private static let changedAccounts = """
        SELECT account_counters.account_id AS id FROM account_counters
        LEFT JOIN search_cursors ON search_cursors.indexed_account = account_counters.account_id
        WHERE search_cursors.modseq IS NULL OR search_cursors.modseq <> account_counters.modseq
        UNION ALL SELECT indexed_account AS id FROM search_cursors WHERE NOT EXISTS (
            SELECT 1 FROM account_counters WHERE account_counters.account_id = search_cursors.indexed_account
        )
        """

    package func accountsToIndex(after: AccountID?, limit: Int) async throws(StoreError) -> [AccountID] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT id FROM (\(Self.changedAccounts)) AS every WHERE id > $1 ORDER BY id LIMIT $2",
                [.integer(after?.rawValue ?? 0), .integer(Int64(limit))]
            ) { row throws(StoreError) in AccountID(row.integer(0)) }
        }
    }

    package func indexWork(of account: AccountID, limit: Int) async throws(StoreError) -> IndexWork {
        if let work = try await readIndexWork(of: account, limit) { return work }
        // From here on, messages that go are noted.
        try await database.write(of: account.rawValue) { connection throws(StoreError) in
            try connection.execute(
                """
                INSERT INTO search_cursors (indexed_account, modseq, email_id) VALUES ($1, 0, 0)
                ON CONFLICT (indexed_account) DO NOTHING
                """,
                [.integer(account.rawValue)]
            )
        }
        return try await readIndexWork(of: account, limit) ?? IndexWork(account: account, isGone: true)
    }

    /// nil: the account has no cursor.
    private func readIndexWork(of account: AccountID, _ limit: Int) async throws(StoreError) -> IndexWork? {
        try await database.read { connection throws(StoreError) in
            let key = SQLValue.integer(account.rawValue)
            let cursor = try connection.first(
                "SELECT modseq, email_id FROM search_cursors WHERE indexed_account = $1",
                [key]
            ) { row throws(StoreError) in (modSeq: row.integer(0), email: row.integer(1)) }
            guard let cursor else { return nil }
            let modSeq = try connection.first("SELECT modseq FROM account_counters WHERE account_id = $1", [key]) {
                row throws(StoreError) in ModSeq(row.integer(0))
            }
            guard let modSeq else { return IndexWork(account: account, isGone: true) }
            let emails = try connection.all(
                """
                SELECT email_id, subject, from_text, to_text, cc_text, received_at, sent_at, LENGTH(prefix) + blob_size, has_attachment
                FROM emails WHERE account_id = $1 AND email_id > $2 ORDER BY email_id LIMIT $3
                """,
                [key, .integer(cursor.email), .integer(Int64(limit))],
                Self.emailToIndex
            )
            let removed = try connection.all(
                "SELECT email_id FROM search_removals WHERE account_id = $1 ORDER BY email_id LIMIT $2",
                [key, .integer(Int64(limit))]
            ) { row throws(StoreError) in EmailID(row.integer(0)) }
            return IndexWork(
                account: account,
                startsAnew: cursor == (0, 0),
                emails: emails,
                removed: removed,
                modSeq: modSeq,
                isLast: emails.count < limit && removed.count < limit
            )
        }
    }

    private static func emailToIndex(_ row: any SQLRow) throws(StoreError) -> IndexWork.Email {
        IndexWork.Email(
            id: EmailID(row.integer(0)),
            subject: row.text(1),
            from: row.text(2),
            to: row.text(3),
            cc: row.text(4),
            receivedAt: Timestamp(microseconds: row.integer(5)),
            sentAt: row.optionalInteger(6).map { Timestamp(microseconds: $0) },
            size: Int(row.integer(7)),
            hasAttachment: row.integer(8) != 0
        )
    }

    package func indexed(_ work: IndexWork) async throws(StoreError) {
        try await database.write(of: work.account.rawValue) { connection throws(StoreError) in
            let key = SQLValue.integer(work.account.rawValue)
            guard !work.isGone else {
                try connection.execute(
                    """
                    DELETE FROM search_cursors WHERE indexed_account = $1
                    AND NOT EXISTS (SELECT 1 FROM account_counters WHERE account_id = $1)
                    """,
                    [key]
                )
                return
            }
            for email in work.removed {
                try connection.post(
                    "DELETE FROM search_removals WHERE account_id = $1 AND email_id = $2",
                    [key, .integer(email.rawValue)]
                )
            }
            // The state counts as seen only when nothing is left of it; the place among the messages never goes back.
            try connection.execute(
                """
                UPDATE search_cursors SET modseq = CASE WHEN $2 = 0 THEN modseq ELSE $2 END,
                email_id = CASE WHEN email_id < $3 THEN $3 ELSE email_id END WHERE indexed_account = $1
                """,
                [
                    key, .integer(work.isLast ? work.modSeq.rawValue : 0),
                    .integer(work.emails.last?.id.rawValue ?? 0),
                ]
            )
        }
    }

    package func reindex(_ account: AccountID?) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let (condition, values): (String, [SQLValue]) =
                account.map { ("= $1", [.integer($0.rawValue)]) } ?? ("> 0", [])
            try connection.execute(
                "UPDATE search_cursors SET modseq = 0, email_id = 0 WHERE indexed_account \(condition)",
                values
            )
            try connection.execute("DELETE FROM search_removals WHERE account_id \(condition)", values)
        }
    }

    package func indexState() async throws(StoreError) -> (accounts: Int, waiting: Int) {
        try await database.read { connection throws(StoreError) in
            let count = { (sql: String) throws(StoreError) -> Int in
                try connection.first(sql) { row throws(StoreError) in Int(row.integer(0)) } ?? 0
            }
            return (
                try count("SELECT COUNT(*) FROM search_cursors"),
                try count("SELECT COUNT(*) FROM (\(Self.changedAccounts)) AS every")
            )
        }
    }
}
