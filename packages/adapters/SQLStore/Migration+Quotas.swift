// Table: what the schema has of quotas above accounts.

extension Migration {
    static let quotaTree = Migration(
        version: 10,
        name: "expand-quota-tree",
        statements: [
            "ALTER TABLE account_counters ADD COLUMN soft_bytes BIGINT",
            "ALTER TABLE account_counters ADD COLUMN quota_messages BIGINT",
            "ALTER TABLE account_counters ADD COLUMN soft_messages BIGINT",
            // Room under the limits above that the account may use without asking: 0 before it has asked, NULL where
            // nothing above it is limited.
            "ALTER TABLE account_counters ADD COLUMN granted_bytes BIGINT DEFAULT 0",
            "ALTER TABLE account_counters ADD COLUMN granted_messages BIGINT DEFAULT 0",
            // Of organisations and domains, each made when first asked for; what is granted counts where there is a limit.
            """
            CREATE TABLE quota_nodes (
                level TEXT NOT NULL, node_id BIGINT NOT NULL, hard_bytes BIGINT, soft_bytes BIGINT, hard_messages BIGINT,
                soft_messages BIGINT, granted_bytes BIGINT NOT NULL, granted_messages BIGINT NOT NULL, told BIGINT NOT NULL,
                PRIMARY KEY (level, node_id)
            ) {clustered}
            """,
            // Accounts that are, or were of late, near a limit of their own.
            "CREATE TABLE quota_marks (account_id BIGINT PRIMARY KEY, told BIGINT NOT NULL)",
        ]
    )
}
