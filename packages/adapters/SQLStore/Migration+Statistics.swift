// Table: what the schema has of statistics.

extension Migration {
    static let statistics = Migration(
        version: 36,
        name: "expand-statistics",
        statements: [
            // `day` counts from 1970-01-01.
            """
            CREATE TABLE domain_statistics (
                domain TEXT NOT NULL, day BIGINT NOT NULL, received BIGINT NOT NULL, refused BIGINT NOT NULL,
                submitted BIGINT NOT NULL, queued BIGINT NOT NULL, sent BIGINT NOT NULL, deferred BIGINT NOT NULL,
                bounced BIGINT NOT NULL, cancelled BIGINT NOT NULL, PRIMARY KEY (domain, day)
            ) {clustered}
            """,
            "CREATE INDEX domain_statistics_by_day ON domain_statistics (day)",
            // One row, which the first counting makes.
            """
            CREATE TABLE statistics_position (
                position_id BIGINT PRIMARY KEY, counted BIGINT NOT NULL, seen BIGINT NOT NULL, seen_at BIGINT NOT NULL,
                horizon BIGINT NOT NULL
            )
            """,
        ]
    )
}
