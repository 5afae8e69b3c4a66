// Table: what the schema has of sending with others' addresses.

extension Migration {
    static let sendingGrants = Migration(
        version: 20,
        name: "expand-sending-grants",
        statements: [
            """
            CREATE TABLE sending_grants (
                account_id BIGINT NOT NULL, grant_id BIGINT NOT NULL, grantee_id BIGINT NOT NULL, kind TEXT NOT NULL,
                address TEXT NOT NULL, created_at BIGINT NOT NULL, created_by TEXT NOT NULL, PRIMARY KEY (account_id, grant_id)
            ) {clustered}
            """,
            "CREATE UNIQUE INDEX sending_grants_once ON sending_grants (account_id, grantee_id, address, kind)",
            "CREATE INDEX sending_grants_by_grantee ON sending_grants (grantee_id)",
        ]
    )
}
