// Table: what the schema has of people who register on a domain.

extension Migration {
    static let registrations = Migration(
        version: 28,
        name: "expand-registrations",
        statements: [
            """
            CREATE TABLE registrations (
                registration_id BIGINT PRIMARY KEY, token_hash {bytes} UNIQUE, domain TEXT NOT NULL, written TEXT NOT NULL,
                contact TEXT NOT NULL, display_name TEXT NOT NULL, password_hash TEXT, state TEXT NOT NULL,
                created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, remote TEXT
            )
            """,
            "CREATE INDEX registrations_by_domain ON registrations (domain, registration_id)",
            "CREATE INDEX registrations_by_expiry ON registrations (expires_at)",
        ]
    )
}
