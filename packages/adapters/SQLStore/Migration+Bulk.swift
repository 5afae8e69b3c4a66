// Table: what the schema has of accounts that were imported.

extension Migration {
    static let bulk = Migration(
        version: 29,
        name: "expand-invited-accounts",
        statements: [
            // The account that is there already; whoever accepts chooses its password.
            "ALTER TABLE invitations ADD COLUMN account_id BIGINT"
        ]
    )
}
