// Table: what the schema has of the lives of organisations and accounts.

extension Migration {
    static let people = Migration(
        version: 13,
        name: "expand-people",
        statements: [
            // NULL: active.
            "ALTER TABLE organisations ADD COLUMN status TEXT",
            "ALTER TABLE organisations ADD COLUMN reason TEXT",
            "ALTER TABLE accounts ADD COLUMN reason TEXT",
            // What a deleted account was before, and when it goes for good.
            "ALTER TABLE accounts ADD COLUMN resumes_as TEXT",
            "ALTER TABLE accounts ADD COLUMN purge_at BIGINT",
            "CREATE INDEX accounts_to_purge ON accounts (purge_at) WHERE purge_at IS NOT NULL",
        ]
    )
}
