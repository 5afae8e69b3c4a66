// Table: how far the search index has come.

extension Migration {
    static let searchCursors = Migration(
        version: 11,
        name: "expand-search-cursors",
        statements: [
            // Outlives its account until the index has forgotten it; so the column has another name than those that go with one.
            """
            CREATE TABLE search_cursors (
                indexed_account BIGINT PRIMARY KEY, modseq BIGINT NOT NULL, email_id BIGINT NOT NULL
            )
            """,
            """
            CREATE TABLE search_removals (
                account_id BIGINT NOT NULL, email_id BIGINT NOT NULL, PRIMARY KEY (account_id, email_id)
            ) {clustered}
            """,
        ]
    )
}
