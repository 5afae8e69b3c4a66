import Database
package import MailModel
package import MailPorts
package import NIOCore

extension SQLStore: QueueStore {
    /// Recipients in one lease (RFC 5321 §4.5.3.1.8 promises room for 100).
    static let recipientsPerLease = 100

    static func enqueue(_ plan: DeliveryPlan, _ stored: StoredBytes, _ connection: any SQLConnection) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO queue_messages (
                account_id, queue_id, sender, created_at, expires_at, size, needs_utf8, is_8bit, message_id, blob_hash, encoding, data
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            """,
            [
                .integer(plan.submitter.rawValue), .text(plan.queueID.rawValue), .text(plan.sender.description),
                .integer(plan.receivedAt.microseconds), .integer(plan.expiresAt.microseconds), .integer(Int64(stored.size)),
                .integer(plan.needsSMTPUTF8 ? 1 : 0), .integer(plan.is8Bit ? 1 : 0), .optional(plan.summary.messageID), .bytes(stored.hash),
                .integer(stored.encoding.rawValue), stored.inline.map(SQLValue.bytes) ?? .null,
            ]
        )
        for recipient in plan.remote {
            try connection.execute(
                """
                INSERT INTO queue_recipients (
                    account_id, queue_id, recipient, written, domain, original, state, attempts, next_attempt_at, lease_until, fence, last_reply
                ) VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, $7, 0, 0, '') ON CONFLICT (account_id, queue_id, recipient) DO NOTHING
                """,
                [
                    .integer(plan.submitter.rawValue), .text(plan.queueID.rawValue), .text(recipient.address.canonical),
                    .text(recipient.address.description), .text(recipient.address.domain), .optional(recipient.originalRecipient),
                    .integer(plan.receivedAt.microseconds),
                ]
            )
        }
    }

    package func lease(
        owner: String, now: Timestamp, until: Timestamp, limit: Int, excluding: Set<String>
    ) async throws(StoreError) -> [QueueLease] {
        let due = try await nextDue()
        guard let due, due <= now else { return [] }
        let excluded = excluding.isEmpty ? "" : "AND domain NOT IN (\((3..<(3 + excluding.count)).map { "$\($0)" }.joined(separator: ", ")))"
        let domains = excluding.map { SQLValue.text($0) }
        return try await database.write { connection throws(StoreError) in
            // A lease that has run out is due again: its worker is gone.
            try connection.execute(
                "UPDATE queue_recipients SET state = 'waiting', next_attempt_at = $1 WHERE state = 'leased' AND next_attempt_at <= $1",
                [.integer(now.microseconds)]
            )
            let groups = try connection.all(
                """
                SELECT account_id, queue_id, domain FROM queue_recipients WHERE state = 'waiting' AND next_attempt_at <= $1 \(excluded)
                GROUP BY account_id, queue_id, domain ORDER BY MIN(next_attempt_at), queue_id LIMIT $2
                """,
                [.integer(now.microseconds), .integer(Int64(limit))] + domains
            ) { row throws(StoreError) in (account: AccountID(row.integer(0)), id: QueueID(rawValue: row.text(1)), domain: row.text(2)) }
            var leases: [QueueLease] = []
            for group in groups {
                if let lease = try Self.lease(group.id, of: group.account, to: group.domain, now: now, until: until, connection) {
                    leases.append(lease)
                }
            }
            return leases
        }
    }

    private static func lease(
        _ id: QueueID, of account: AccountID, to domain: String, now: Timestamp, until: Timestamp, _ connection: any SQLConnection
    ) throws(StoreError) -> QueueLease? {
        let fence = try next("fence", connection)
        let recipients = try connection.all(
            """
            UPDATE queue_recipients SET state = 'leased', next_attempt_at = $5, lease_until = $5, fence = $6
            WHERE account_id = $1 AND queue_id = $2 AND recipient IN (
                SELECT recipient FROM queue_recipients WHERE account_id = $1 AND queue_id = $2 AND domain = $3 AND state = 'waiting'
                AND next_attempt_at <= $4 ORDER BY recipient LIMIT \(recipientsPerLease)
            ) RETURNING written, original, attempts
            """,
            [
                .integer(account.rawValue), .text(id.rawValue), .text(domain), .integer(now.microseconds), .integer(until.microseconds),
                .integer(fence),
            ]
        ) { row throws(StoreError) in
            QueueLease.Recipient(address: address(row.text(0)), originalRecipient: row.optionalText(1), attempts: Int(row.integer(2)))
        }
        guard !recipients.isEmpty else { return nil }
        return try connection.first(
            """
            SELECT sender, size, created_at, expires_at, needs_utf8, is_8bit FROM queue_messages WHERE account_id = $1 AND queue_id = $2
            """,
            [.integer(account.rawValue), .text(id.rawValue)]
        ) { row throws(StoreError) in
            QueueLease(
                queueID: id, submitter: account, sender: reversePath(row.text(0)), domain: domain, recipients: recipients,
                size: Int(row.integer(1)), createdAt: Timestamp(microseconds: row.integer(2)),
                expiresAt: Timestamp(microseconds: row.integer(3)), needsSMTPUTF8: row.integer(4) != 0, is8Bit: row.integer(5) != 0,
                fence: fence
            )
        }
    }

    static func reversePath(_ written: String) -> ReversePath { written.isEmpty ? .null : .address(address(written)) }

    package func renew(_ lease: QueueLease, until: Timestamp) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let renewed = try connection.execute(
                """
                UPDATE queue_recipients SET next_attempt_at = $4, lease_until = $4
                WHERE account_id = $1 AND queue_id = $2 AND fence = $3 AND state = 'leased'
                """,
                [.integer(lease.submitter.rawValue), .text(lease.queueID.rawValue), .integer(lease.fence), .integer(until.microseconds)]
            )
            guard renewed > 0 else { throw .notFound }
        }
    }

    package func finish(_ lease: QueueLease, _ result: QueueResult) async throws(StoreError) {
        var bounceBytes: StoredBytes?
        if let bounce = result.bounce { bounceBytes = try await prepare(bounce.bytes) }
        let stored = bounceBytes
        let delivered = try await database.write { connection throws(StoreError) -> Delivered? in
            let key: [SQLValue] = [.integer(lease.submitter.rawValue), .text(lease.queueID.rawValue)]
            for outcome in result.outcomes {
                let row = key + [.text(outcome.address.canonical), .integer(lease.fence)]
                let changed: Int
                switch outcome.result {
                case .delivered, .failed:
                    changed = try connection.execute(
                        """
                        DELETE FROM queue_recipients WHERE account_id = $1 AND queue_id = $2 AND recipient = $3 AND fence = $4 AND state = 'leased'
                        """,
                        row
                    )
                case .deferred(let until):
                    changed = try connection.execute(
                        """
                        UPDATE queue_recipients SET state = 'waiting', attempts = attempts + 1, next_attempt_at = $5, last_reply = $6
                        WHERE account_id = $1 AND queue_id = $2 AND recipient = $3 AND fence = $4 AND state = 'leased'
                        """,
                        row + [.integer(until.microseconds), .text(outcome.reply)]
                    )
                }
                guard changed == 1 else { throw .notFound }
            }
            for attempt in result.attempts {
                try connection.execute(
                    """
                    INSERT INTO queue_attempts (account_id, queue_id, at, host, tls, transcript) VALUES ($1, $2, $3, $4, $5, $6)
                    ON CONFLICT (account_id, queue_id, at, host) DO NOTHING
                    """,
                    key + [.integer(attempt.at.microseconds), .text(attempt.host), .optional(attempt.tls), .text(attempt.transcript)]
                )
            }
            try Self.insert(result.trace, connection)
            try Self.removeIfSettled(lease.queueID, of: lease.submitter, connection)
            guard let bounce = result.bounce, let stored else { return nil }
            return try Self.deliver(bounce, stored, connection)
        }
        if let delivered { publish(delivered, hasQueueWork: !(result.bounce?.remote.isEmpty ?? true)) }
    }

    /// The message's rows go with its last recipient.
    static func removeIfSettled(_ id: QueueID, of account: AccountID, _ connection: any SQLConnection) throws(StoreError) {
        let key: [SQLValue] = [.integer(account.rawValue), .text(id.rawValue)]
        let remains = try connection.first(
            "SELECT 1 FROM queue_recipients WHERE account_id = $1 AND queue_id = $2 LIMIT 1", key
        ) { _ throws(StoreError) in true }
        guard remains != true else { return }
        try connection.execute("DELETE FROM queue_messages WHERE account_id = $1 AND queue_id = $2", key)
        try connection.execute("DELETE FROM queue_attempts WHERE account_id = $1 AND queue_id = $2", key)
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
                    "SELECT MIN(next_attempt_at) FROM queue_recipients WHERE state = $1", [.text(state)]
                ) { row throws(StoreError) in row.optionalInteger(0) }
                if let first, let at = first { due = min(due ?? at, at) }
            }
            return due.map { Timestamp(microseconds: $0) }
        }
    }

    package func depth() async throws(StoreError) -> Int {
        try await database.read { connection throws(StoreError) in
            Int(try connection.first("SELECT COUNT(*) FROM queue_recipients") { row throws(StoreError) in row.integer(0) } ?? 0)
        }
    }
}
