// Table: what the schema has of passkeys.

extension Migration {
    static let passkeys = Migration(
        version: 16,
        name: "expand-passkeys",
        statements: [
            """
            CREATE TABLE passkeys (
                account_id BIGINT NOT NULL, passkey_id BIGINT NOT NULL, credential {bytes} NOT NULL, public_key {bytes} NOT NULL,
                sign_count BIGINT NOT NULL, name TEXT NOT NULL, model {bytes} NOT NULL, transports TEXT NOT NULL,
                is_backed_up BIGINT NOT NULL, created_at BIGINT NOT NULL, last_used_at BIGINT, last_used_from TEXT,
                PRIMARY KEY (account_id, passkey_id)
            ) {clustered}
            """,
            "CREATE UNIQUE INDEX passkeys_by_credential ON passkeys (account_id, credential)",
            "CREATE UNIQUE INDEX passkeys_by_name ON passkeys (account_id, name)",
            """
            CREATE TABLE spent_challenges (
                account_id BIGINT NOT NULL, challenge_hash {bytes} NOT NULL, expires_at BIGINT NOT NULL,
                PRIMARY KEY (account_id, challenge_hash)
            ) {clustered}
            """,
        ]
    )
}
