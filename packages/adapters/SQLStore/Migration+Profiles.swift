// Table: what the schema has of profiles of people.

extension Migration {
    static let profiles = Migration(
        version: 25,
        name: "expand-profiles",
        statements: [
            "ALTER TABLE accounts ADD COLUMN language TEXT",
            "ALTER TABLE accounts ADD COLUMN time_zone TEXT",
            // NULL: no avatar. It grows with each change.
            "ALTER TABLE accounts ADD COLUMN avatar_version BIGINT",
            """
            CREATE TABLE avatars (
                account_id BIGINT PRIMARY KEY, kind TEXT NOT NULL, octets {bytes} NOT NULL, changed_at BIGINT NOT NULL
            )
            """,
        ]
    )
}
