// Table: what the schema has of organisations that sign up.

extension Migration {
    static let signUps = Migration(
        version: 26,
        name: "expand-sign-ups",
        statements: [
            """
            CREATE TABLE sign_ups (
                sign_up_id BIGINT PRIMARY KEY, token_hash {bytes} UNIQUE, organisation TEXT NOT NULL, written TEXT NOT NULL,
                display_name TEXT NOT NULL, password_hash TEXT NOT NULL, state TEXT NOT NULL, created_at BIGINT NOT NULL,
                expires_at BIGINT NOT NULL, remote TEXT
            )
            """,
            "CREATE INDEX sign_ups_by_expiry ON sign_ups (expires_at)",
        ]
    )
}
