import Database
package import MailModel
package import MailPorts

/// Leases: who sends what until when.
extension SQLStore {
    /// Recipients in one lease (RFC 5321 §4.5.3.1.8 promises room for 100).
    static let recipientsPerLease = 100

    package func lease(_ claim: QueueClaim) async throws(StoreError) -> [QueueLease] {
        let due = try await nextDue()
        guard let due, due <= claim.now else { return [] }
        return try await database.write { [self] connection throws(StoreError) in
            // Workers that lease take turns by this row, so each sees what the others have leased.
            let fence = try Self.next("fence", count: Int64(claim.limit), connection)
            let now = try time(claim.now, connection)
            let until = now.adding(claim.until, since: claim.now)
            if claim.reclaims { try Self.endLeases(now, connection) }
            var room = try claim.perDomain.map { most throws(StoreError) in
                try DomainRoom(most: most, held: Self.heldByDomain(connection))
            }
            let groups = try Self.due(now, claim.limit, claim.excluding.union(room?.full ?? []), fence, connection)
            return try Self.lease(groups.filter { room?.take($0.domain) ?? true }, now: now, until: until, connection)
        }
    }

    /// A lease that has run out is due again: its worker is gone.
    private static func endLeases(_ now: Timestamp, _ connection: any SQLConnection) throws(StoreError) {
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
    }

    /// Leases of each domain that any worker holds.
    private static func heldByDomain(_ connection: any SQLConnection) throws(StoreError) -> [String: Int] {
        let rows = try connection.all(
            """
            SELECT domain, COUNT(*) FROM (
                SELECT DISTINCT account_id, queue_id, domain, fence FROM queue_recipients WHERE state = 'leased'
            ) AS held GROUP BY domain
            """
        ) { row throws(StoreError) in (row.text(0), Int(row.integer(1))) }
        return Dictionary(rows) { first, _ in first }
    }

    /// How many more leases of each domain there may be.
    private struct DomainRoom {
        let most: Int
        var held: [String: Int]
        var full: [String] { held.filter { $0.value >= most }.map(\.key) }

        mutating func take(_ domain: String) -> Bool {
            guard held[domain, default: 0] < most else { return false }
            held[domain, default: 0] += 1
            return true
        }
    }

    /// What is due, oldest first, each group with a fence of its own from the given one on.
    private static func due(
        _ now: Timestamp,
        _ limit: Int,
        _ excluding: Set<String>,
        _ firstFence: Int64,
        _ connection: any SQLConnection
    ) throws(StoreError) -> [LeaseGroup] {
        let excluded =
            excluding.isEmpty
            ? "" : "AND domain NOT IN (\((3..<(3 + excluding.count)).map { "$\($0)" }.joined(separator: ", ")))"
        var fence = firstFence
        return try connection.all(
            """
            SELECT account_id, queue_id, domain FROM queue_recipients WHERE state = 'waiting' AND next_attempt_at <= $1 \(excluded)
            GROUP BY account_id, queue_id, domain ORDER BY MIN(next_attempt_at), queue_id LIMIT $2
            """,
            [.integer(now.microseconds), .integer(Int64(limit))] + excluding.map { SQLValue.text($0) }
        ) { row throws(StoreError) in
            fence += 1
            return LeaseGroup(
                account: AccountID(row.integer(0)),
                id: QueueID(rawValue: row.text(1)),
                domain: row.text(2),
                fence: fence - 1
            )
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
                SELECT sender, size, created_at, expires_at, needs_utf8, is_8bit, traceparent
                FROM queue_messages WHERE account_id = $1 AND queue_id = $2
                """,
                [.integer(group.account.rawValue), .text(group.id.rawValue)]
            )
        }
        var leases: [QueueLease] = []
        try connection.queryEach(messages) { place, row throws(StoreError) in
            let group = groups[place]
            var lease = QueueLease(
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
            lease.leasedAt = now
            lease.traceparent = row.optionalText(6)
            leases.append(lease)
        }
        return leases
    }

    package func renew(_ lease: QueueLease, now: Timestamp, until: Timestamp) async throws(StoreError) {
        try await database.write { [self] connection throws(StoreError) in
            let until = try time(now, connection).adding(until, since: now)
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

    package func bringForward(now: Timestamp, beyond horizon: Int64) async throws(StoreError) -> Int {
        try await database.write { [self] connection throws(StoreError) in
            let now = try time(now, connection)
            return try connection.execute(
                """
                UPDATE queue_recipients SET next_attempt_at = $1 WHERE state IN ('waiting', 'leased') AND next_attempt_at > $2
                """,
                [.integer(now.microseconds), .integer(now.adding(seconds: horizon).microseconds)]
            )
        }
    }

    /// The time that leases go by: the server's where several machines share it, since theirs may differ.
    private func time(_ now: Timestamp, _ connection: any SQLConnection) throws(StoreError) -> Timestamp {
        guard options.trustsServerClock, let query = connection.dialect.clockQuery else { return now }
        let found = try connection.first(query) { row throws(StoreError) in Timestamp(microseconds: row.integer(0)) }
        guard let found else { return now }
        clockWatch.compare(own: now, server: found)
        return found
    }
}

extension Timestamp {
    /// This time and the span between two others.
    fileprivate func adding(_ later: Timestamp, since earlier: Timestamp) -> Timestamp {
        Timestamp(microseconds: microseconds + later.microseconds - earlier.microseconds)
    }
}
