// Table: what the schema has of sessions in which an administrator acts as somebody else.

extension Migration {
    static let acting = Migration(
        version: 31,
        name: "expand-acting-sessions",
        statements: [
            "ALTER TABLE token_families ADD COLUMN acting_account BIGINT",
            "ALTER TABLE token_families ADD COLUMN acting_address TEXT",
            "ALTER TABLE token_families ADD COLUMN acting_reason TEXT",
            // The actor's own session: with it this one ends.
            "ALTER TABLE token_families ADD COLUMN acting_family TEXT",
            "ALTER TABLE token_families ADD COLUMN acting_until BIGINT",
        ]
    )

    static let actingRequests = Migration(
        version: 32,
        name: "expand-acting-requests",
        statements: ["ALTER TABLE token_families ADD COLUMN acting_requests BIGINT"]
    )
}
