// Tables: Sieve scripts of people, and what they remember of mail.

extension Migration {
    static let scripts = Migration(
        version: 41,
        name: "expand-sieve-scripts",
        statements: [
            // The version of the account's active script; read with the row that resolves an address, so that mail to people
            // without scripts asks for none.
            "ALTER TABLE accounts ADD COLUMN active_script BIGINT",
            """
            CREATE TABLE sieve_scripts (
                account_id BIGINT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, body TEXT NOT NULL, size BIGINT NOT NULL,
                created_at BIGINT NOT NULL, changed_at BIGINT NOT NULL, told_at BIGINT, PRIMARY KEY (account_id, name)
            ) {clustered}
            """,
            """
            CREATE TABLE sieve_marks (
                account_id BIGINT NOT NULL, mark {bytes} NOT NULL, expires_at BIGINT NOT NULL, PRIMARY KEY (account_id, mark)
            ) {clustered}
            """,
            "CREATE INDEX sieve_marks_by_time ON sieve_marks (expires_at)",
        ]
    )
}
