// Table: the second schema: passwords of mail clients, and sessions that must end.

extension Migration {
    static let credentials = Migration(
        version: 2,
        name: "expand-app-passwords",
        statements: [
            """
            CREATE TABLE app_passwords (
                account_id BIGINT NOT NULL, app_password_id BIGINT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
                secret_hash {bytes} NOT NULL, scram_stored_key {bytes} NOT NULL, scram_server_key {bytes} NOT NULL,
                created_at BIGINT NOT NULL, last_used_at BIGINT, last_used_from TEXT, PRIMARY KEY (account_id, app_password_id)
            ) {clustered}
            """,
            "CREATE UNIQUE INDEX app_passwords_by_name ON app_passwords (account_id, name)",
            "CREATE UNIQUE INDEX app_passwords_by_secret ON app_passwords (account_id, secret_hash)",
            """
            CREATE TABLE sign_in_endings (ending_id {auto}, account_id BIGINT NOT NULL, credential BIGINT)
            """,
        ]
    )
}
