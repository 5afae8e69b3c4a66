// Table: what the schema has of certificates.

extension Migration {
    static let certificates = Migration(
        version: 22,
        name: "expand-certificates",
        statements: [
            // Names that are watched: `domain` is NULL for the platform's own, port 0 stands for the file.
            """
            CREATE TABLE watched_certificates (
                host TEXT NOT NULL, port BIGINT NOT NULL, domain TEXT, next_check_at BIGINT NOT NULL, status TEXT NOT NULL,
                checked_at BIGINT, not_before BIGINT, not_after BIGINT, subject TEXT, issuer TEXT, names TEXT, key_hash TEXT,
                fault TEXT, told_step BIGINT, told_end BIGINT, PRIMARY KEY (host, port)
            ) {clustered}
            """,
            "CREATE INDEX watched_certificates_by_domain ON watched_certificates (domain)",
            "CREATE INDEX watched_certificates_due ON watched_certificates (next_check_at)",
            "CREATE INDEX watched_certificates_by_end ON watched_certificates (not_after)",
        ]
    )
}
