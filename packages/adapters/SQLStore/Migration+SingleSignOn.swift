// Table: what the schema has of signing in by identity providers.

extension Migration {
    static let singleSignOn = Migration(
        version: 24,
        name: "expand-single-sign-on",
        statements: [
            """
            CREATE TABLE provider_connections (
                domain TEXT PRIMARY KEY, issuer TEXT NOT NULL, client_id TEXT NOT NULL, sealed_client_secret {bytes},
                is_enforced BIGINT NOT NULL, covers_aliases BIGINT NOT NULL, makes_accounts BIGINT NOT NULL, quota_bytes BIGINT,
                address_claim TEXT NOT NULL, name_claim TEXT NOT NULL, needs_verified_address BIGINT NOT NULL,
                scopes TEXT NOT NULL, set_by TEXT NOT NULL, version BIGINT NOT NULL, changed_at BIGINT NOT NULL
            ) {clustered}
            """,
            """
            CREATE TABLE provider_links (
                account_id BIGINT NOT NULL, domain TEXT NOT NULL, issuer TEXT NOT NULL, subject TEXT NOT NULL,
                linked_at BIGINT NOT NULL, last_used_at BIGINT, last_used_from TEXT, PRIMARY KEY (account_id, domain)
            ) {clustered}
            """,
            "CREATE UNIQUE INDEX provider_links_by_subject ON provider_links (domain, issuer, subject)",
            """
            CREATE TABLE spent_sign_in_steps (
                step_hash {bytes} PRIMARY KEY, expires_at BIGINT NOT NULL
            ) {clustered}
            """,
            "CREATE INDEX spent_sign_in_steps_by_end ON spent_sign_in_steps (expires_at)",
        ]
    )
}
