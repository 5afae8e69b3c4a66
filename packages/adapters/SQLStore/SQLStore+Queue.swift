import Database
package import MailModel
package import MailPorts
package import NIOCore

extension SQLStore: QueueStore {
    /// Recipients in one lease (RFC 5321 §4.5.3.1.8 promises room for 100).
    static let recipientsPerLease = 100

    static func enqueue(_ plan: DeliveryPlan, _ stored: StoredBytes, _ connection: any SQLConnection) throws(StoreError)
    {
        try connection.post(
            """
            INSERT INTO queue_messages (
                account_id, queue_id, sender, created_at, expires_at, size, needs_utf8, is_8bit, message_id, blob_hash, encoding, data
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            """,
            [
                .integer(plan.submitter.rawValue), .text(plan.queueID.rawValue), .text(plan.sender.description),
                .integer(plan.receivedAt.microseconds), .integer(plan.expiresAt.microseconds),
                .integer(Int64(stored.size)),
                .integer(plan.needsSMTPUTF8 ? 1 : 0), .integer(plan.is8Bit ? 1 : 0), .optional(plan.summary.messageID),
                .bytes(stored.hash),
                .integer(stored.encoding.rawValue), stored.inline.map(SQLValue.bytes) ?? .null,
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

    package func lease(
        owner: String,
        now: Timestamp,
        until: Timestamp,
        limit: Int,
        excluding: Set<String>
    ) async throws(StoreError) -> [QueueLease] {
        let due = try await nextDue()
        guard let due, due <= now else { return [] }
        let excluded =
            excluding.isEmpty
            ? "" : "AND domain NOT IN (\((3..<(3 + excluding.count)).map { "$\($0)" }.joined(separator: ", ")))"
        let domains = excluding.map { SQLValue.text($0) }
        return try await database.write { connection throws(StoreError) in
            // Workers that lease take turns by this row, so each sees what the others have leased.
            var fence = try Self.next("fence", count: Int64(limit), connection)
            // A lease that has run out is due again: its worker is gone.
            try connection.post(
                """
                WITH ended AS (
                    SELECT account_id, queue_id, recipient FROM queue_recipients WHERE state = 'leased' AND next_attempt_at <= $1
                    \(connection.dialect.forUpdateSkippingLocked)
                ) UPDATE queue_recipients SET state = 'waiting', next_attempt_at = $1
                WHERE (account_id, queue_id, recipient) IN (SELECT account_id, queue_id, recipient FROM ended)
                AND state = 'leased' AND next_attempt_at <= $1
                """,
                [.integer(now.microseconds)]
            )
            let groups = try connection.all(
                """
                SELECT account_id, queue_id, domain FROM queue_recipients WHERE state = 'waiting' AND next_attempt_at <= $1 \(excluded)
                GROUP BY account_id, queue_id, domain ORDER BY MIN(next_attempt_at), queue_id LIMIT $2
                """,
                [.integer(now.microseconds), .integer(Int64(limit))] + domains
            ) { row throws(StoreError) in
                fence += 1
                return LeaseGroup(
                    account: AccountID(row.integer(0)),
                    id: QueueID(rawValue: row.text(1)),
                    domain: row.text(2),
                    fence: fence - 1
                )
            }
            return try Self.lease(groups, now: now, until: until, connection)
        }
    }

    private struct LeaseGroup {
        var account: AccountID
        var id: QueueID
        var domain: String
        var fence: Int64
        var recipients: [QueueLease.Recipient] = []
    }

    /// Every group's recipients, and what a worker must know of their messages.
    private static func lease(
        _ groups: [LeaseGroup],
        now: Timestamp,
        until: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> [QueueLease] {
        var groups = groups
        var statements: [SQLStatement] = []
        for group in groups {
            // What a command is changing just now is left for the next time.
            statements.append(
                SQLStatement(
                    """
                    WITH chosen AS (
                        SELECT recipient FROM queue_recipients WHERE account_id = $1 AND queue_id = $2 AND domain = $3 AND state = 'waiting'
                        AND next_attempt_at <= $4 ORDER BY recipient LIMIT \(recipientsPerLease)\(connection.dialect.forUpdateSkippingLocked)
                    ) UPDATE queue_recipients SET state = 'leased', next_attempt_at = $5, lease_until = $5, fence = $6
                    WHERE account_id = $1 AND queue_id = $2 AND recipient IN (SELECT recipient FROM chosen) AND state = 'waiting'
                    RETURNING written, original, attempts
                    """,
                    [
                        .integer(group.account.rawValue), .text(group.id.rawValue), .text(group.domain),
                        .integer(now.microseconds),
                        .integer(until.microseconds), .integer(group.fence),
                    ]
                )
            )
        }
        try connection.queryEach(statements) { place, row throws(StoreError) in
            groups[place].recipients.append(
                QueueLease.Recipient(
                    address: address(row.text(0)),
                    originalRecipient: row.optionalText(1),
                    attempts: Int(row.integer(2))
                )
            )
        }
        groups.removeAll { $0.recipients.isEmpty }
        let messages = groups.map { group in
            SQLStatement(
                """
                SELECT sender, size, created_at, expires_at, needs_utf8, is_8bit FROM queue_messages WHERE account_id = $1 AND queue_id = $2
                """,
                [.integer(group.account.rawValue), .text(group.id.rawValue)]
            )
        }
        var leases: [QueueLease] = []
        try connection.queryEach(messages) { place, row throws(StoreError) in
            let group = groups[place]
            leases.append(
                QueueLease(
                    queueID: group.id,
                    submitter: group.account,
                    sender: reversePath(row.text(0)),
                    domain: group.domain,
                    recipients: group.recipients,
                    size: Int(row.integer(1)),
                    createdAt: Timestamp(microseconds: row.integer(2)),
                    expiresAt: Timestamp(microseconds: row.integer(3)),
                    needsSMTPUTF8: row.integer(4) != 0,
                    is8Bit: row.integer(5) != 0,
                    fence: group.fence
                )
            )
        }
        return leases
    }

    static func reversePath(_ written: String) -> ReversePath { written.isEmpty ? .null : .address(address(written)) }

    package func renew(_ lease: QueueLease, until: Timestamp) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let renewed = try connection.execute(
                """
                UPDATE queue_recipients SET next_attempt_at = $4, lease_until = $4
                WHERE account_id = $1 AND queue_id = $2 AND fence = $3 AND state = 'leased'
                """,
                [
                    .integer(lease.submitter.rawValue), .text(lease.queueID.rawValue), .integer(lease.fence),
                    .integer(until.microseconds),
                ]
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
            guard let bounce = result.bounce, let stored else { return nil }
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
