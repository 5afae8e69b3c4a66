// Table: what the schema has of recovery addresses, tokens that went by mail, and invitations.

extension Migration {
    static let recovery = Migration(
        version: 15,
        name: "expand-recovery",
        statements: [
            "ALTER TABLE accounts ADD COLUMN recovery_address TEXT",
            """
            CREATE TABLE account_tickets (
                token_hash {bytes} PRIMARY KEY, account_id BIGINT NOT NULL, purpose TEXT NOT NULL, number BIGINT NOT NULL,
                address TEXT NOT NULL, expires_at BIGINT NOT NULL
            ) {clustered}
            """,
            "CREATE INDEX account_tickets_by_account ON account_tickets (account_id, purpose, number)",
            """
            CREATE TABLE invitations (
                invitation_id BIGINT PRIMARY KEY, token_hash {bytes} NOT NULL UNIQUE, organisation_id BIGINT NOT NULL,
                address TEXT NOT NULL UNIQUE, written TEXT NOT NULL, contact TEXT, display_name TEXT NOT NULL, role TEXT NOT NULL,
                invited_by TEXT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL
            )
            """,
            "CREATE INDEX invitations_by_organisation ON invitations (organisation_id, invitation_id)",
        ]
    )
}
