// Table: what accounts may do with domains beyond their roles.

extension Migration {
    static let domainPermissions = Migration(
        version: 35,
        name: "expand-domain-permissions",
        statements: [
            """
            CREATE TABLE domain_permissions (
                domain TEXT NOT NULL, account_id BIGINT NOT NULL, permissions BIGINT NOT NULL, granted_at BIGINT NOT NULL,
                granted_by TEXT NOT NULL, PRIMARY KEY (domain, account_id)
            ) {clustered}
            """,
            "CREATE INDEX domain_permissions_by_account ON domain_permissions (account_id)",
        ]
    )
}
