import Database
package import MailModel
package import MailPorts

extension SQLStore: KeptAnswerStore {
    package func beginAnswer(
        _ key: KeptAnswerKey,
        ticket: [UInt8],
        limits: KeptAnswerLimits,
        now: Timestamp
    ) async throws(StoreError) -> KeptAnswerOutcome {
        try await database.write { connection throws(StoreError) in
            let until = now.adding(seconds: limits.runningSeconds)
            // Of several that begin at once one inserts or takes over; the others wait for its commit and see its row.
            let begun = try connection.execute(
                """
                INSERT INTO kept_answers (account_id, key_hash, fingerprint, ticket, ends_at, done_at, answer)
                VALUES ($1, $2, $3, $4, $5, NULL, NULL)
                ON CONFLICT (account_id, key_hash) DO UPDATE
                SET fingerprint = $3, ticket = $4, ends_at = $5, done_at = NULL, answer = NULL WHERE kept_answers.ends_at <= $6
                """,
                [
                    .integer(key.account.rawValue), .bytes(key.hash), .bytes(key.fingerprint), .bytes(ticket),
                    .integer(until.microseconds), .integer(now.microseconds),
                ]
            )
            guard begun == 0 else { return try Self.admit(key, limits, connection) }
            let found = try connection.first(
                "SELECT fingerprint, done_at, answer FROM kept_answers WHERE account_id = $1 AND key_hash = $2",
                [.integer(key.account.rawValue), .bytes(key.hash)]
            ) { row throws(StoreError) -> KeptAnswerOutcome in
                guard row.bytes(0) == key.fingerprint else { return .differs }
                guard !row.isNull(1) else { return .running }
                return .done(row.isNull(2) ? nil : row.bytes(2))
            }
            // It ended between the two statements: the next try begins it.
            return found ?? .running
        }
    }

    /// Takes the row back when the account has too many.
    private static func admit(
        _ key: KeptAnswerKey,
        _ limits: KeptAnswerLimits,
        _ connection: any SQLConnection
    ) throws(StoreError) -> KeptAnswerOutcome {
        let count = try connection.first(
            "SELECT COUNT(*) FROM (SELECT 1 FROM kept_answers WHERE account_id = $1 LIMIT $2) AS few",
            [.integer(key.account.rawValue), .integer(Int64(limits.perAccount) + 1)]
        ) { row throws(StoreError) in row.integer(0) }
        guard let count, count > Int64(limits.perAccount) else { return .begun }
        try connection.execute(
            "DELETE FROM kept_answers WHERE account_id = $1 AND key_hash = $2",
            [.integer(key.account.rawValue), .bytes(key.hash)]
        )
        return .full
    }

    package func keepAnswer(
        _ answer: [UInt8]?,
        of key: KeptAnswerKey,
        ticket: [UInt8],
        until: Timestamp
    ) async throws(StoreError) {
        let now = clock.now()
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                UPDATE kept_answers SET answer = $4, done_at = $5, ends_at = $6
                WHERE account_id = $1 AND key_hash = $2 AND ticket = $3
                """,
                [
                    .integer(key.account.rawValue), .bytes(key.hash), .bytes(ticket),
                    answer.map(SQLValue.bytes) ?? .null,
                    .integer(now.microseconds), .integer(until.microseconds),
                ]
            )
        }
    }

    package func forgetAnswer(_ key: KeptAnswerKey, ticket: [UInt8]) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                "DELETE FROM kept_answers WHERE account_id = $1 AND key_hash = $2 AND ticket = $3",
                [.integer(key.account.rawValue), .bytes(key.hash), .bytes(ticket)]
            )
        }
    }

    package func sweepAnswers(now: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            let over = try connection.all(
                "SELECT account_id, key_hash FROM kept_answers WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2",
                [.integer(now.microseconds), .integer(Int64(limit))]
            ) { row throws(StoreError) in (row.integer(0), row.bytes(1)) }
            for (account, hash) in over {
                // Whoever took one over meanwhile keeps it.
                try connection.post(
                    "DELETE FROM kept_answers WHERE account_id = $1 AND key_hash = $2 AND ends_at <= $3",
                    [.integer(account), .bytes(hash), .integer(now.microseconds)]
                )
            }
            return over.count
        }
    }
}
