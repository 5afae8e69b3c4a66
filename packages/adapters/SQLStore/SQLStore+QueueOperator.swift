import Database
package import MailModel
package import MailPorts

extension SQLStore {
    private static let entryQuery = """
        SELECT queue_recipients.queue_id, queue_recipients.account_id, sender, written, state, attempts, next_attempt_at, expires_at,
        created_at, size, last_reply FROM queue_recipients
        JOIN queue_messages ON queue_messages.account_id = queue_recipients.account_id AND queue_messages.queue_id = queue_recipients.queue_id
        """

    private static func queueEntry(_ row: any SQLRow) throws(StoreError) -> QueueEntry {
        QueueEntry(
            queueID: QueueID(rawValue: row.text(0)),
            submitter: AccountID(row.integer(1)),
            sender: reversePath(row.text(2)),
            recipient: address(row.text(3)),
            state: QueueState(rawValue: row.text(4)) ?? .held,
            attempts: Int(row.integer(5)),
            nextAttemptAt: Timestamp(microseconds: row.integer(6)),
            expiresAt: Timestamp(microseconds: row.integer(7)),
            createdAt: Timestamp(microseconds: row.integer(8)),
            size: Int(row.integer(9)),
            lastReply: row.text(10)
        )
    }

    package func entries(after: QueueID?, limit: Int) async throws(StoreError) -> [QueueEntry] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.entryQuery) WHERE queue_recipients.queue_id > $1 ORDER BY queue_recipients.queue_id, recipient LIMIT $2",
                [.text(after?.rawValue ?? ""), .integer(Int64(limit))],
                Self.queueEntry
            )
        }
    }

    package func entry(_ id: QueueID) async throws(StoreError) -> (recipients: [QueueEntry], attempts: [QueueAttempt]) {
        let found = try await database.read { connection throws(StoreError) -> FoundEntry in
            let recipients = try connection.all(
                "\(Self.entryQuery) WHERE queue_recipients.queue_id = $1 ORDER BY recipient",
                [.text(id.rawValue)],
                Self.queueEntry
            )
            let attempts = try connection.all(
                "SELECT at, host, tls, transcript FROM queue_attempts WHERE account_id = $1 AND queue_id = $2 ORDER BY at, host",
                [.integer(recipients.first?.submitter.rawValue ?? -1), .text(id.rawValue)]
            ) { row throws(StoreError) in
                QueueAttempt(
                    at: Timestamp(microseconds: row.integer(0)),
                    host: row.text(1),
                    tls: row.optionalText(2),
                    transcript: row.text(3)
                )
            }
            return FoundEntry(recipients: recipients, attempts: attempts)
        }
        guard !found.recipients.isEmpty else { throw .notFound }
        return (found.recipients, found.attempts)
    }

    private struct FoundEntry: Sendable {
        var recipients: [QueueEntry]
        var attempts: [QueueAttempt]
    }

    /// The condition that names what is selected; its placeholder is `$1`.
    private static func condition(_ selection: QueueSelection) -> (sql: String, value: SQLValue) {
        switch selection {
        case .message(let id): ("queue_id = $1", .text(id.rawValue))
        case .recipient(let address): ("recipient = $1", .text(address.canonical))
        case .domain(let domain): ("domain = $1", .text(EmailAddress.lowercased(domain)))
        case .everything: ("queue_id > $1", "")
        }
    }

    private func change(
        _ selection: QueueSelection,
        set: String,
        where state: String,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        let (sql, value) = Self.condition(selection)
        let changed = try await database.write { connection throws(StoreError) in
            let changed = try connection.execute(
                "UPDATE queue_recipients SET \(set) WHERE \(sql) AND state = '\(state)' AND $2 = $2",
                [value, .integer(now.microseconds)]
            )
            guard changed > 0 else { return 0 }
            var audit = audit
            audit.detail = AuditDetail().adding("rows", Int64(changed)).text
            try Self.record(audit, connection)
            return changed
        }
        if changed > 0 { feed.publishQueueWork() }
        return changed
    }

    package func retryNow(
        _ selection: QueueSelection,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        try await change(selection, set: "next_attempt_at = $2", where: "waiting", now: now, audit: audit)
    }

    package func hold(_ selection: QueueSelection, audit: AuditEvent) async throws(StoreError) -> Int {
        try await change(selection, set: "state = 'held'", where: "waiting", now: clock.now(), audit: audit)
    }

    package func release(
        _ selection: QueueSelection,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        let set = "state = 'waiting', next_attempt_at = $2"
        return try await change(selection, set: set, where: "held", now: now, audit: audit)
    }

    package func cancel(_ selection: QueueSelection, actor: String, now: Timestamp) async throws(StoreError) -> Int {
        let (sql, value) = Self.condition(selection)
        return try await database.write { connection throws(StoreError) in
            let removed = try connection.all(
                """
                DELETE FROM queue_recipients WHERE \(sql) AND state <> 'leased' RETURNING account_id, queue_id, written
                """,
                [value]
            ) { row throws(StoreError) in
                (account: AccountID(row.integer(0)), id: QueueID(rawValue: row.text(1)), recipient: row.text(2))
            }
            for row in removed {
                let message = try connection.first(
                    "SELECT sender, message_id FROM queue_messages WHERE account_id = $1 AND queue_id = $2",
                    [.integer(row.account.rawValue), .text(row.id.rawValue)]
                ) { row throws(StoreError) in (sender: row.text(0), messageID: row.optionalText(1)) }
                try Self.insert(
                    [
                        TraceEvent(
                            at: now,
                            kind: .cancelled,
                            queueID: row.id,
                            messageID: message?.messageID,
                            sender: message?.sender ?? "",
                            recipient: row.recipient,
                            detail: "cancelled by \(actor)"
                        )
                    ],
                    connection
                )
                try Self.record(
                    AuditEvent(
                        at: now,
                        actor: actor,
                        action: "queue.cancel",
                        subject: "\(row.id.rawValue) \(row.recipient)"
                    ),
                    connection
                )
                try Self.removeIfSettled(row.id, of: row.account, connection)
            }
            return removed.count
        }
    }
}
