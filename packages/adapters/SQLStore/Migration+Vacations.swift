// Tables: who is away with what answer, and who had it.

extension Migration {
    static let vacations = Migration(
        version: 37,
        name: "expand-vacations",
        statements: [
            """
            CREATE TABLE vacations (
                account_id BIGINT NOT NULL PRIMARY KEY, is_enabled BIGINT NOT NULL, starts_at BIGINT, ends_at BIGINT, subject TEXT,
                body TEXT NOT NULL, interval_days BIGINT NOT NULL, audience TEXT NOT NULL
            )
            """,
            """
            CREATE TABLE vacation_answers (
                account_id BIGINT NOT NULL, sender TEXT NOT NULL, answered_at BIGINT NOT NULL, PRIMARY KEY (account_id, sender)
            ) {clustered}
            """,
            "CREATE INDEX vacation_answers_by_time ON vacation_answers (answered_at)",
        ]
    )
}
