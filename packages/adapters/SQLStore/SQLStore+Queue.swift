import Database
package import MailModel
package import MailPorts
package import NIOCore

extension SQLStore: QueueStore {
    static func enqueue(_ plan: DeliveryPlan, _ stored: StoredBytes, _ connection: any SQLConnection) throws(StoreError)
    {
        try connection.post(
            """
            INSERT INTO queue_messages (
                account_id, queue_id, sender, created_at, expires_at, size, needs_utf8, is_8bit, message_id, blob_hash, encoding, data,
                traceparent
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            """,
            [
                .integer(plan.submitter.rawValue), .text(plan.queueID.rawValue), .text(plan.sender.description),
                .integer(plan.receivedAt.microseconds), .integer(plan.expiresAt.microseconds),
                .integer(Int64(stored.size)),
                .integer(plan.needsSMTPUTF8 ? 1 : 0), .integer(plan.is8Bit ? 1 : 0), .optional(plan.summary.messageID),
                .bytes(stored.hash),
                .integer(stored.encoding.rawValue), stored.inline.map(SQLValue.bytes) ?? .null,
                .optional(plan.traceparent),
            ]
        )
        for recipient in plan.remote {
            try connection.post(
                """
                INSERT INTO queue_recipients (
                    account_id, queue_id, recipient, written, domain, original, state, attempts, next_attempt_at, lease_until, fence, last_reply
                ) VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, $7, 0, 0, '') ON CONFLICT (account_id, queue_id, recipient) DO NOTHING
                """,
                [
                    .integer(plan.submitter.rawValue), .text(plan.queueID.rawValue), .text(recipient.address.canonical),
                    .text(recipient.address.description), .text(recipient.address.domain),
                    .optional(recipient.originalRecipient),
                    .integer(plan.receivedAt.microseconds),
                ]
            )
        }
    }

    static func reversePath(_ written: String) -> ReversePath { written.isEmpty ? .null : .address(address(written)) }

    package func finish(_ lease: QueueLease, _ result: QueueResult) async throws(StoreError) {
        var bounceBytes: StoredBytes?
        if let bounce = result.bounce { bounceBytes = try await prepare(bounce.bytes) }
        let stored = bounceBytes
        let traceparent = TraceContext.current?.traceparent
        let delivered = try await database.write { connection throws(StoreError) -> Delivered? in
            let key: [SQLValue] = [.integer(lease.submitter.rawValue), .text(lease.queueID.rawValue)]
            // A recipient that this lease no longer holds: the whole report is outdated.
            var changed: Set<Int> = []
            try connection.queryEach(result.outcomes.map { Self.statement($0, key, lease) }) {
                place,
                _ throws(StoreError) in
                changed.insert(place)
            }
            guard changed.count == result.outcomes.count else { throw .notFound }
            for attempt in result.attempts {
                try connection.post(
                    """
                    INSERT INTO queue_attempts (account_id, queue_id, at, host, tls, transcript) VALUES ($1, $2, $3, $4, $5, $6)
                    ON CONFLICT (account_id, queue_id, at, host) DO NOTHING
                    """,
                    key + [
                        .integer(attempt.at.microseconds), .text(attempt.host), .optional(attempt.tls),
                        .text(attempt.transcript),
                    ]
                )
            }
            try Self.insert(result.trace, connection)
            try Self.removeIfSettled(lease.queueID, of: lease.submitter, connection)
            guard var bounce = result.bounce, let stored else { return nil }
            bounce.traceparent = traceparent
            return try Self.deliver(bounce, stored, connection)
        }
        if let delivered { publish(delivered, hasQueueWork: !(result.bounce?.remote.isEmpty ?? true)) }
    }

    private static func statement(_ outcome: RecipientOutcome, _ key: [SQLValue], _ lease: QueueLease) -> SQLStatement {
        let row = key + [.text(outcome.address.canonical), .integer(lease.fence)]
        let condition =
            "account_id = $1 AND queue_id = $2 AND recipient = $3 AND fence = $4 AND state = 'leased' RETURNING 1"
        switch outcome.result {
        case .delivered, .failed: return SQLStatement("DELETE FROM queue_recipients WHERE \(condition)", row)
        case .deferred(let until):
            return SQLStatement(
                """
                UPDATE queue_recipients SET state = 'waiting', attempts = attempts + 1, next_attempt_at = $5, last_reply = $6
                WHERE \(condition)
                """,
                row + [.integer(until.microseconds), .text(outcome.reply)]
            )
        }
    }

    /// The message's rows go with its last recipient.
    static func removeIfSettled(
        _ id: QueueID,
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let key: [SQLValue] = [.integer(account.rawValue), .text(id.rawValue)]
        if connection.dialect.hasParallelWriters {
            // Two that take the last recipients at once take turns here, and the second sees that none is left.
            try connection.post(
                "SELECT 1 FROM queue_messages WHERE account_id = $1 AND queue_id = $2\(connection.dialect.forUpdate)",
                key
            )
        }
        let condition = """
            account_id = $1 AND queue_id = $2 AND NOT EXISTS (SELECT 1 FROM queue_recipients WHERE account_id = $1 AND queue_id = $2)
            """
        try connection.post("DELETE FROM queue_messages WHERE \(condition)", key)
        try connection.post("DELETE FROM queue_attempts WHERE \(condition)", key)
    }

    package func read(_ id: QueueID, submitter: AccountID, range: Range<Int>) async throws(StoreError) -> ByteBuffer {
        let found = try await database.read { connection throws(StoreError) in
            try connection.first(
                "SELECT size, blob_hash, encoding, data FROM queue_messages WHERE account_id = $1 AND queue_id = $2",
                [.integer(submitter.rawValue), .text(id.rawValue)]
            ) { row throws(StoreError) in
                (
                    size: Int(row.integer(0)), hash: row.bytes(1),
                    inline: row.isNull(3) ? nil : (encoding: row.integer(2), data: row.bytes(3))
                )
            }
        }
        guard let found else { throw .notFound }
        return try await read(prefix: [], size: found.size, hash: found.hash, inline: found.inline, range: range)
    }

    package func nextDue() async throws(StoreError) -> Timestamp? {
        try await database.read { connection throws(StoreError) in
            var due: Int64?
            for state in ["waiting", "leased"] {
                let first = try connection.first(
                    "SELECT MIN(next_attempt_at) FROM queue_recipients WHERE state = $1",
                    [.text(state)]
                ) { row throws(StoreError) in row.optionalInteger(0) }
                if let first, let at = first { due = min(due ?? at, at) }
            }
            return due.map { Timestamp(microseconds: $0) }
        }
    }

    package func depth() async throws(StoreError) -> Int {
        try await database.read { connection throws(StoreError) in
            Int(
                try connection.first("SELECT COUNT(*) FROM queue_recipients") { row throws(StoreError) in row.integer(0)
                } ?? 0
            )
        }
    }
}
