// Table: what accounts sign in with, and sessions that must end.

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

    static let secondFactors = Migration(
        version: 6,
        name: "expand-second-factors",
        statements: [
            """
            CREATE TABLE second_factors (
                account_id BIGINT PRIMARY KEY, sealed_secret {bytes} NOT NULL, confirmed_at BIGINT, last_step BIGINT NOT NULL
            )
            """,
            """
            CREATE TABLE recovery_codes (
                account_id BIGINT NOT NULL, code_hash {bytes} NOT NULL, used_at BIGINT, PRIMARY KEY (account_id, code_hash)
            ) {clustered}
            """,
        ]
    )

    static let sessions = Migration(
        version: 7,
        name: "expand-sessions",
        statements: [
            "ALTER TABLE token_families ADD COLUMN created_at BIGINT",
            "ALTER TABLE token_families ADD COLUMN last_used_at BIGINT",
            "ALTER TABLE token_families ADD COLUMN last_used_from TEXT",
            "ALTER TABLE token_families ADD COLUMN device TEXT",
            "CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family)",
            """
            CREATE TABLE password_history (
                account_id BIGINT NOT NULL, number BIGINT NOT NULL, password_hash TEXT NOT NULL, PRIMARY KEY (account_id, number)
            ) {clustered}
            """,
        ]
    )

    static let auditChain = Migration(
        version: 8,
        name: "expand-audit-chain",
        statements: [
            "ALTER TABLE audit ADD COLUMN organisation_id BIGINT",
            "ALTER TABLE audit ADD COLUMN chain {bytes}",
            "CREATE INDEX audit_by_organisation ON audit (organisation_id, audit_id)",
            "CREATE INDEX audit_by_subject ON audit (subject, audit_id)",
        ]
    )
}
