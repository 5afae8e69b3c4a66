import Database
package import MailModel
package import MailPorts

extension SQLStore {
    private static let deliveryColumns = """
        delivery_id, webhook_deliveries.organisation_id, event_id, kind, body, webhook_deliveries.created_at, state, attempts,
        next_at, give_up_at, status, fault, finished_at
        """

    private static func delivery(_ row: any SQLRow) throws(StoreError) -> WebhookDelivery {
        let state = WebhookDelivery.State(rawValue: row.text(6)) ?? .failed
        return WebhookDelivery(
            id: WebhookDeliveryID(row.integer(0)),
            organisation: OrganisationID(row.integer(1)),
            event: row.text(2),
            kind: row.text(3),
            body: row.text(4),
            createdAt: Timestamp(microseconds: row.integer(5)),
            state: state,
            attempts: Int(row.integer(7)),
            nextAt: state == .waiting ? Timestamp(microseconds: row.integer(8)) : nil,
            giveUpAt: Timestamp(microseconds: row.integer(9)),
            status: row.optionalInteger(10).map { Int($0) },
            fault: row.optionalText(11),
            finishedAt: row.optionalInteger(12).map { Timestamp(microseconds: $0) }
        )
    }

    /// In the transaction of the change that it tells of; nothing where the domain's organisation has no webhook.
    static func enqueue(
        _ event: WebhookEvent,
        after before: DomainCheckRecord,
        now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let owner = try connection.first(
            """
            SELECT webhooks.organisation_id FROM webhooks
            JOIN domains ON domains.organisation_id = webhooks.organisation_id WHERE domains.name = $1
            """,
            [.text(before.name)]
        ) { row throws(StoreError) in OrganisationID(row.integer(0)) }
        guard let owner else { return }
        let waiting = try connection.first(
            "SELECT COUNT(*) FROM webhook_deliveries WHERE organisation_id = $1 AND state = 'waiting'",
            [.integer(owner.rawValue)]
        ) { row throws(StoreError) in row.integer(0) }
        guard (waiting ?? 0) < event.waiting else { return }
        try connection.execute(
            """
            INSERT INTO webhook_deliveries (
                delivery_id, organisation_id, event_id, kind, body, created_at, state, attempts, next_at, give_up_at
            ) VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, $6, $7)
            """,
            [
                .integer(try next("webhook_delivery", connection)), .integer(owner.rawValue), .text(event.id),
                .text(event.kind), .text(event.body(owner, before)), .integer(now.microseconds),
                .integer(now.adding(seconds: event.giveUpSeconds).microseconds),
            ]
        )
    }

    package func webhookDeliveries(_ listing: DeliveryListing) async throws(StoreError) -> [WebhookDelivery] {
        let key =
            switch listing.sort {
            case .createdAt: "created_at"
            case .finishedAt: "COALESCE(finished_at, 0)"
            }
        var statement = ListStatement()
        statement.require("organisation_id =", .integer(listing.organisation.rawValue))
        statement.require("state =", listing.state.map { .text($0.rawValue) })
        statement.require("kind =", listing.kind.map { .text($0) })
        statement.require("event_id =", listing.event.map { .text($0) })
        let page = statement.page(listing, by: key, "delivery_id")
        return try await all(
            "SELECT \(Self.deliveryColumns) FROM webhook_deliveries\(page)",
            statement,
            Self.delivery
        )
    }

    package func leaseWebhookDeliveries(
        now: Timestamp,
        until: Timestamp,
        token: String,
        limit: Int
    ) async throws(StoreError) -> [WebhookLease] {
        let due = try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT MIN(delivery_id) FROM webhook_deliveries WHERE state = 'waiting' AND next_at <= $1
                GROUP BY organisation_id ORDER BY MIN(next_at) LIMIT $2
                """,
                [.integer(now.microseconds), .integer(Int64(limit))]
            ) { row throws(StoreError) in row.integer(0) }
        }
        guard !due.isEmpty else { return [] }
        return try await database.write { connection throws(StoreError) in
            var leases: [WebhookLease] = []
            // Each row once more, now that it is locked: of two that saw it due the second does not find it so.
            for id in due.sorted() {
                let taken = try connection.execute(
                    """
                    UPDATE webhook_deliveries SET lease = $2, next_at = $3, attempts = attempts + 1
                    WHERE delivery_id = $1 AND state = 'waiting' AND next_at <= $4
                    """,
                    [.integer(id), .text(token), .integer(until.microseconds), .integer(now.microseconds)]
                )
                guard taken == 1 else { continue }
                let lease = try connection.first(
                    """
                    SELECT \(Self.deliveryColumns), \(Self.webhookColumns) FROM webhook_deliveries
                    JOIN webhooks ON webhooks.organisation_id = webhook_deliveries.organisation_id WHERE delivery_id = $1
                    """,
                    [.integer(id)]
                ) { row throws(StoreError) in
                    WebhookLease(delivery: try Self.delivery(row), webhook: Self.webhook(row, from: 13), token: token)
                }
                if let lease { leases.append(lease) }
            }
            return leases
        }
    }

    package func finishWebhookDelivery(
        _ lease: WebhookLease,
        _ outcome: WebhookOutcome,
        now: Timestamp,
        keeping history: Int
    ) async throws(StoreError) {
        let values: (state: WebhookDelivery.State, next: Timestamp, status: Int?, fault: String?) =
            switch outcome {
            case .delivered(let status): (.delivered, now, status, nil)
            case .retry(let at, let status, let fault): (.waiting, at, status, fault)
            case .failed(let status, let fault): (.failed, now, status, fault)
            }
        let isOver = values.state != .waiting
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                UPDATE webhook_deliveries SET state = $3, next_at = $4, status = $5, fault = $6, finished_at = $7, lease = NULL
                WHERE delivery_id = $1 AND lease = $2 AND state = 'waiting'
                """,
                [
                    .integer(lease.delivery.id.rawValue), .text(lease.token), .text(values.state.rawValue),
                    .integer(values.next.microseconds), .optional(values.status.map { Int64($0) }),
                    .optional(values.fault), .optional(isOver ? now.microseconds : nil),
                ]
            )
            guard isOver else { return }
            try connection.execute(
                """
                DELETE FROM webhook_deliveries WHERE organisation_id = $1 AND state <> 'waiting' AND delivery_id <= (
                    SELECT delivery_id FROM webhook_deliveries WHERE organisation_id = $1 AND state <> 'waiting'
                    ORDER BY delivery_id DESC LIMIT 1 OFFSET $2
                )
                """,
                [.integer(lease.delivery.organisation.rawValue), .integer(Int64(history))]
            )
        }
    }

    package func waitingWebhookDeliveries() async throws(StoreError) -> Int {
        try await database.read { connection throws(StoreError) in
            try connection.first("SELECT COUNT(*) FROM webhook_deliveries WHERE state = 'waiting'") {
                row throws(StoreError) in Int(row.integer(0))
            } ?? 0
        }
    }
}
