// Table: what the schema has of bans.

extension Migration {
    static let bans = Migration(
        version: 38,
        name: "expand-bans",
        statements: [
            // One row a network: what is in force, and what is remembered of it afterwards.
            """
            CREATE TABLE bans (
                ban_id BIGINT PRIMARY KEY, network TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, is_automatic BIGINT NOT NULL,
                reason TEXT NOT NULL, begun_at BIGINT NOT NULL, ends_at BIGINT, times BIGINT NOT NULL, made_by TEXT NOT NULL,
                number BIGINT NOT NULL
            )
            """,
            "CREATE INDEX bans_by_number ON bans (number)",
            "CREATE INDEX bans_by_end ON bans (ends_at)",
        ]
    )
}
