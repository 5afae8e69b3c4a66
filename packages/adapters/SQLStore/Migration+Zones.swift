// Table: what the schema has of writing the records of domains.

extension Migration {
    static let zones = Migration(
        version: 39,
        name: "expand-zones",
        statements: [
            """
            CREATE TABLE zone_connections (
                organisation_id BIGINT NOT NULL, zone TEXT NOT NULL, host TEXT NOT NULL, port BIGINT NOT NULL,
                key_name TEXT NOT NULL, algorithm TEXT NOT NULL, sealed_secret {bytes} NOT NULL, is_automatic BIGINT NOT NULL,
                repairs_drift BIGINT NOT NULL, removes_records BIGINT NOT NULL, version BIGINT NOT NULL,
                changed_at BIGINT NOT NULL, PRIMARY KEY (organisation_id, zone)
            ) {clustered}
            """,
            """
            CREATE TABLE zone_records (
                organisation_id BIGINT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
                value TEXT NOT NULL, written_at BIGINT NOT NULL, is_confirmed BIGINT NOT NULL,
                PRIMARY KEY (organisation_id, domain, name, kind, value)
            ) {clustered}
            """,
            """
            CREATE TABLE zone_states (
                organisation_id BIGINT NOT NULL, domain TEXT NOT NULL, wanted TEXT NOT NULL, written_at BIGINT, fault TEXT,
                failing_since BIGINT, failures BIGINT NOT NULL, next_at BIGINT NOT NULL, is_told BIGINT NOT NULL,
                PRIMARY KEY (organisation_id, domain)
            ) {clustered}
            """,
        ]
    )
}
