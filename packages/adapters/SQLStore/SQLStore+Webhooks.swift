import Database
package import MailModel
package import MailPorts

extension SQLStore: WebhookStore {
    static let webhookColumns = """
        webhooks.organisation_id, webhooks.address, webhooks.sealed_secret, webhooks.sealed_previous,
        webhooks.previous_until, webhooks.version, webhooks.created_at, webhooks.changed_at
        """

    static func webhook(_ row: any SQLRow, from column: Int = 0) -> Webhook {
        Webhook(
            organisation: OrganisationID(row.integer(column)),
            address: row.text(column + 1),
            sealedSecret: row.bytes(column + 2),
            sealedPrevious: row.isNull(column + 3) ? nil : row.bytes(column + 3),
            previousUntil: row.optionalInteger(column + 4).map { Timestamp(microseconds: $0) },
            version: row.integer(column + 5),
            createdAt: Timestamp(microseconds: row.integer(column + 6)),
            changedAt: Timestamp(microseconds: row.integer(column + 7))
        )
    }

    private static func webhook(
        of organisation: OrganisationID,
        _ connection: any SQLConnection,
        lock: Bool = false
    ) throws(StoreError) -> Webhook? {
        try connection.first(
            """
            SELECT \(webhookColumns) FROM webhooks WHERE organisation_id = $1\(lock ? connection.dialect.forUpdate : "")
            """,
            [.integer(organisation.rawValue)]
        ) { row throws(StoreError) in webhook(row) }
    }

    package func webhook(of organisation: OrganisationID) async throws(StoreError) -> Webhook? {
        try await database.read { connection throws(StoreError) in try Self.webhook(of: organisation, connection) }
    }

    package func setWebhook(
        _ address: String,
        of organisation: OrganisationID,
        sealedSecret: [UInt8],
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> (webhook: Webhook, isNew: Bool) {
        let now = clock.now()
        let before = try await database.write { connection throws(StoreError) -> Webhook? in
            // Two that set the first one at once take turns by the organisation's row.
            let isThere = try connection.first(
                "SELECT 1 FROM organisations WHERE organisation_id = $1\(connection.dialect.forUpdate)",
                [.integer(organisation.rawValue)]
            ) { _ throws(StoreError) in true }
            guard isThere == true else { throw .notFound }
            let before = try Self.webhook(of: organisation, connection, lock: true)
            guard expected == nil || expected == before?.version ?? 0 else { throw .alreadyExists }
            try connection.execute(
                """
                INSERT INTO webhooks (organisation_id, address, sealed_secret, version, created_at, changed_at)
                VALUES ($1, $2, $3, 1, $4, $4) ON CONFLICT (organisation_id) DO UPDATE SET
                address = $2, version = webhooks.version + 1, changed_at = $4
                """,
                [
                    .integer(organisation.rawValue), .text(address), .bytes(sealedSecret),
                    .integer(now.microseconds),
                ]
            )
            var audit = audit
            audit.detail = AuditDetail().changing("address", from: before?.address, to: address).text
            try Self.record(audit, of: organisation, connection)
            return before
        }
        guard let kept = try await webhook(of: organisation) else { throw .notFound }
        return (kept, before == nil)
    }

    package func rotateWebhookSecret(
        of organisation: OrganisationID,
        to sealedSecret: [UInt8],
        keepingUntil: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Webhook {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            let changed = try connection.execute(
                """
                UPDATE webhooks SET sealed_previous = sealed_secret, previous_until = $3, sealed_secret = $2,
                version = version + 1, changed_at = $4 WHERE organisation_id = $1
                """,
                [
                    .integer(organisation.rawValue), .bytes(sealedSecret), .integer(keepingUntil.microseconds),
                    .integer(now.microseconds),
                ]
            )
            guard changed == 1, let kept = try Self.webhook(of: organisation, connection) else { throw .notFound }
            try Self.record(audit, of: organisation, connection)
            return kept
        }
    }

    package func removeWebhook(of organisation: OrganisationID, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let key: [SQLValue] = [.integer(organisation.rawValue)]
            guard try connection.execute("DELETE FROM webhooks WHERE organisation_id = $1", key) == 1 else {
                throw .notFound
            }
            try connection.execute("DELETE FROM webhook_deliveries WHERE organisation_id = $1", key)
            try Self.record(audit, of: organisation, connection)
        }
    }
}
