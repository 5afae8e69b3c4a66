// Table: what the schema has of token keys, and of programs that sign in for people.

extension Migration {
    static let openID = Migration(
        version: 23,
        name: "expand-openid",
        statements: [
            """
            CREATE TABLE token_keys (
                key_id TEXT PRIMARY KEY, algorithm TEXT NOT NULL, sealed_key {bytes} NOT NULL, created_at BIGINT NOT NULL,
                signs_from BIGINT NOT NULL
            ) {clustered}
            """,
            """
            CREATE TABLE oauth_clients (
                client_id TEXT PRIMARY KEY, organisation_id BIGINT, name TEXT NOT NULL, secret_hash {bytes},
                redirect_uris TEXT NOT NULL, scopes TEXT NOT NULL, id_token_algorithm TEXT NOT NULL,
                is_self_registered BIGINT NOT NULL, created_at BIGINT NOT NULL, created_by TEXT NOT NULL, version BIGINT NOT NULL
            ) {clustered}
            """,
            "CREATE INDEX oauth_clients_by_organisation ON oauth_clients (organisation_id)",
            """
            CREATE TABLE oauth_consents (
                account_id BIGINT NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL, given_at BIGINT NOT NULL,
                PRIMARY KEY (account_id, client_id)
            ) {clustered}
            """,
            "CREATE INDEX oauth_consents_by_client ON oauth_consents (client_id)",
            """
            CREATE TABLE oauth_codes (
                code_hash {bytes} PRIMARY KEY, account_id BIGINT NOT NULL, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL,
                scopes TEXT NOT NULL, challenge TEXT, nonce TEXT, authenticated_at BIGINT NOT NULL, methods TEXT NOT NULL,
                expires_at BIGINT NOT NULL, spent_at BIGINT, reused_at BIGINT, family TEXT
            ) {clustered}
            """,
            "CREATE INDEX oauth_codes_by_account ON oauth_codes (account_id)",
            """
            CREATE TABLE oauth_grants (
                family TEXT PRIMARY KEY, account_id BIGINT NOT NULL, client_id TEXT, scopes TEXT NOT NULL,
                authenticated_at BIGINT NOT NULL, methods TEXT NOT NULL
            ) {clustered}
            """,
            "CREATE INDEX oauth_grants_by_account ON oauth_grants (account_id, client_id)",
            "CREATE INDEX oauth_grants_by_client ON oauth_grants (client_id)",
            """
            CREATE TABLE oauth_devices (
                device_hash {bytes} PRIMARY KEY, user_hash {bytes} NOT NULL, client_id TEXT NOT NULL, scopes TEXT NOT NULL,
                expires_at BIGINT NOT NULL, interval_seconds BIGINT NOT NULL, polled_at BIGINT, state TEXT NOT NULL,
                account_id BIGINT, authenticated_at BIGINT, methods TEXT
            ) {clustered}
            """,
            "CREATE UNIQUE INDEX oauth_devices_by_user_code ON oauth_devices (user_hash)",
        ]
    )
}
