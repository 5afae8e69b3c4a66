// Table: what the schema has of the policies of organisations for signing in.

extension Migration {
    static let signInPolicies = Migration(
        version: 27,
        name: "expand-sign-in-policies",
        statements: [
            """
            CREATE TABLE sign_in_policies (
                organisation_id BIGINT PRIMARY KEY, version BIGINT NOT NULL, minimum_length BIGINT, history BIGINT,
                asks_breached_list BIGINT NOT NULL, needs_second_factor BIGINT NOT NULL, changed_at BIGINT NOT NULL
            )
            """,
            // NULL: not begun by an identity provider, or before this was kept.
            "ALTER TABLE token_families ADD COLUMN by_provider BIGINT",
        ]
    )
}
