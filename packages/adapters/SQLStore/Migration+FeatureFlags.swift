// Table: what the schema has of feature flags.

extension Migration {
    static let featureFlags = Migration(
        version: 19,
        name: "expand-feature-flags",
        statements: [
            // Organisation 0: everybody.
            """
            CREATE TABLE feature_flags (
                flag TEXT NOT NULL, organisation_id BIGINT NOT NULL, percentage BIGINT NOT NULL, unit TEXT NOT NULL,
                changed_at BIGINT NOT NULL, changed_by TEXT NOT NULL, PRIMARY KEY (flag, organisation_id)
            )
            """
        ]
    )
}
