// Table: what the schema has of mailboxes that are shared.

extension Migration {
    /// `grantee_id` is an account, or for everybody of an organisation its number, negative.
    static let mailboxRights = Migration(
        version: 21,
        name: "expand-mailbox-rights",
        statements: [
            """
            CREATE TABLE mailbox_rights (
                account_id BIGINT NOT NULL, mailbox_id BIGINT NOT NULL, grantee_id BIGINT NOT NULL, rights BIGINT NOT NULL,
                PRIMARY KEY (account_id, mailbox_id, grantee_id)
            ) {clustered}
            """,
            "CREATE INDEX mailbox_rights_by_grantee ON mailbox_rights (grantee_id)",
            "CREATE TABLE shared_accounts (account_id BIGINT PRIMARY KEY, created_at BIGINT NOT NULL)",
        ]
    )
}
