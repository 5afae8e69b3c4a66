import Database
package import MailModel
package import MailPorts

extension SQLStore {
    /// The step of a row at the moment in `$1`.
    private static let step = """
        CASE WHEN not_after <= $1 THEN 0 WHEN not_after <= $1 + 604800000000 THEN 7 ELSE 30 END
        """
    /// Rows of which the present step was not told; another certificate is told of anew.
    private static let isUntold = """
        not_after IS NOT NULL AND not_after <= $1 + 2592000000000
        AND (told_end IS NULL OR told_end <> not_after OR told_step > \(step))
        """

    package func certificateNews(now: Timestamp, limit: Int) async throws(StoreError) -> [WatchedCertificate] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                \(Self.watchedQuery) WHERE \(Self.isUntold)
                ORDER BY COALESCE(domains.organisation_id, 0), host, port LIMIT $2
                """,
                [.integer(now.microseconds), .integer(Int64(limit))],
                Self.watched
            )
        }
    }

    package func tellCertificates(
        _ news: [WatchedCertificate],
        by mail: DeliveryPlan?,
        audit: [AuditEvent],
        now: Timestamp
    ) async throws(StoreError) -> Bool {
        let stored: StoredBytes?
        if let mail { stored = try await prepare(mail.bytes) } else { stored = nil }
        do throws(StoreError) {
            let delivered = try await database.write { connection throws(StoreError) -> Delivered? in
                var delivered: Delivered?
                // First, as a delivery locks its accounts before anything else.
                if let mail, let stored { delivered = try Self.deliver(mail, stored, connection) }
                for one in news {
                    let told = try connection.execute(
                        """
                        UPDATE watched_certificates SET told_step = \(Self.step), told_end = not_after
                        WHERE host = $2 AND port = $3 AND not_after = $4 AND \(Self.isUntold)
                        """,
                        [
                            .integer(now.microseconds), .text(one.place.host), .integer(Int64(one.place.port)),
                            .optional(one.sight?.notAfter?.microseconds),
                        ]
                    )
                    guard told == 1 else { throw .alreadyExists }
                }
                for (one, event) in zip(news, audit) { try Self.record(event, of: one.organisation, connection) }
                return delivered
            }
            if let delivered { publish(delivered, hasQueueWork: !(mail?.remote.isEmpty ?? true)) }
            return true
        } catch .alreadyExists {
            return false
        }
    }
}
