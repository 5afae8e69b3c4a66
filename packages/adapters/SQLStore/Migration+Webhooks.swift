// Table: what the schema has of webhooks.

extension Migration {
    static let webhooks = Migration(
        version: 30,
        name: "expand-webhooks",
        statements: [
            """
            CREATE TABLE webhooks (
                organisation_id BIGINT PRIMARY KEY, address TEXT NOT NULL, sealed_secret {bytes} NOT NULL,
                sealed_previous {bytes}, previous_until BIGINT, version BIGINT NOT NULL, created_at BIGINT NOT NULL,
                changed_at BIGINT NOT NULL
            )
            """,
            // `next_at` is when it is sent again, or when whoever has it has had it for too long.
            """
            CREATE TABLE webhook_deliveries (
                delivery_id BIGINT PRIMARY KEY, organisation_id BIGINT NOT NULL, event_id TEXT NOT NULL, kind TEXT NOT NULL,
                body TEXT NOT NULL, created_at BIGINT NOT NULL, state TEXT NOT NULL, attempts BIGINT NOT NULL,
                next_at BIGINT NOT NULL, give_up_at BIGINT NOT NULL, lease TEXT, status BIGINT, fault TEXT, finished_at BIGINT
            )
            """,
            "CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (state, next_at)",
            "CREATE INDEX webhook_deliveries_by_organisation ON webhook_deliveries (organisation_id, delivery_id)",
        ]
    )
}
