// Table: what the schema has of requests that may be sent again.

extension Migration {
    static let keptAnswers = Migration(
        version: 9,
        name: "expand-kept-answers",
        statements: [
            // Running while `answer` and `done_at` are missing; `ends_at` ends the one and the other.
            """
            CREATE TABLE kept_answers (
                account_id BIGINT NOT NULL, key_hash {bytes} NOT NULL, fingerprint {bytes} NOT NULL, ticket {bytes} NOT NULL,
                ends_at BIGINT NOT NULL, done_at BIGINT, answer {bytes}, PRIMARY KEY (account_id, key_hash)
            ) {clustered}
            """,
            "CREATE INDEX kept_answers_by_end ON kept_answers (ends_at)",
        ]
    )
}
