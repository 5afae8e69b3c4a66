// Table: what the schema has of policies and branding of domains.

extension Migration {
    static let domainPolicies = Migration(
        version: 12,
        name: "expand-domain-policies",
        statements: [
            // NULL where a domain has none, so that who reads the domain's row knows.
            "ALTER TABLE domains ADD COLUMN policy_version BIGINT",
            """
            CREATE TABLE domain_policies (
                domain TEXT NOT NULL, version BIGINT NOT NULL, document TEXT NOT NULL, changed_at BIGINT NOT NULL,
                PRIMARY KEY (domain, version)
            )
            """,
            """
            CREATE TABLE domain_branding (
                domain TEXT PRIMARY KEY, version BIGINT NOT NULL, document TEXT NOT NULL, logo {bytes}, logo_type TEXT,
                changed_at BIGINT NOT NULL
            ) {clustered}
            """,
        ]
    )
}
