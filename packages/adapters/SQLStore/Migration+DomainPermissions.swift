// Table: what accounts may do with domains beyond their roles.

extension Migration {
    static let domainPermissions = Migration(
        version: 35,
        name: "expand-domain-permissions",
        statements: [
            """
            CREATE TABLE domain_permissions (
                account_id BIGINT NOT NULL, domain TEXT NOT NULL, permissions BIGINT NOT NULL, granted_at BIGINT NOT NULL,
                granted_by TEXT NOT NULL, PRIMARY KEY (account_id, domain)
            ) {clustered}
            """,
            "CREATE INDEX domain_permissions_by_domain ON domain_permissions (domain)",
        ]
    )
}
