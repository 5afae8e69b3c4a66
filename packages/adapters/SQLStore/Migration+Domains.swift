// Table: what the schema has of the lives of domains.

extension Migration {
    static let domainLife = Migration(
        version: 3,
        name: "expand-domain-life",
        statements: [
            "ALTER TABLE domains ADD COLUMN reason TEXT",
            "ALTER TABLE domains ADD COLUMN proved_by TEXT",
            // What a deleted domain was before, and when it goes for good.
            "ALTER TABLE domains ADD COLUMN resumes_as TEXT",
            "ALTER TABLE domains ADD COLUMN purge_at BIGINT",
            """
            CREATE TABLE domain_claims (
                name TEXT NOT NULL, organisation_id BIGINT NOT NULL, domain_id BIGINT NOT NULL, token TEXT NOT NULL,
                created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, PRIMARY KEY (name, organisation_id)
            ) {clustered}
            """,
            "CREATE INDEX domain_claims_by_organisation ON domain_claims (organisation_id, name)",
            "CREATE TABLE upkeep_leases (task TEXT PRIMARY KEY, holder TEXT NOT NULL, lease_until BIGINT NOT NULL) {clustered}",
        ]
    )

    static let domainChecks = Migration(
        version: 4,
        name: "expand-domain-checks",
        statements: [
            "ALTER TABLE domains ADD COLUMN next_check_at BIGINT",
            "ALTER TABLE domains ADD COLUMN dns_status TEXT",
            """
            CREATE TABLE domain_checks (
                name TEXT NOT NULL, since BIGINT NOT NULL, last_seen BIGINT NOT NULL, status TEXT NOT NULL,
                fingerprint TEXT NOT NULL, PRIMARY KEY (name, since)
            )
            """,
        ]
    )

    static let keyStates = Migration(
        version: 5,
        name: "expand-dkim-states",
        // Keys without a state sign: those that are there, and those that the previous release makes.
        statements: [
            "ALTER TABLE dkim_keys ADD COLUMN state TEXT", "ALTER TABLE dkim_keys ADD COLUMN remove_at BIGINT",
        ]
    )
}
