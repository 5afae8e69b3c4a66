// Table: what the schema has of people from directories.

extension Migration {
    static let directories = Migration(
        version: 40,
        name: "expand-directories",
        statements: [
            // Columns behind `set_by` are those of the kind; the lists have spaces between.
            """
            CREATE TABLE directory_connections (
                domain TEXT PRIMARY KEY, kind TEXT NOT NULL, sealed_secret {bytes}, is_enforced BIGINT NOT NULL,
                makes_accounts BIGINT NOT NULL, quota_bytes BIGINT, is_synchronised BIGINT NOT NULL, most_suspended BIGINT NOT NULL,
                set_by TEXT NOT NULL, version BIGINT NOT NULL, changed_at BIGINT NOT NULL,
                url TEXT, starts_tls BIGINT NOT NULL, authority TEXT, base TEXT, bind_name TEXT, filter TEXT, admits TEXT,
                address_attribute TEXT, alias_attributes TEXT, name_attribute TEXT, language_attribute TEXT, quota_attribute TEXT,
                disabled_attribute TEXT, person_query TEXT, password_query TEXT, people_query TEXT
            ) {clustered}
            """,
            // `is_suspended_here`: a synchronisation did it, and may undo it.
            """
            CREATE TABLE directory_people (
                account_id BIGINT PRIMARY KEY, domain TEXT NOT NULL, is_suspended_here BIGINT NOT NULL, linked_at BIGINT NOT NULL
            ) {clustered}
            """,
            "CREATE INDEX directory_people_by_domain ON directory_people (domain, account_id)",
            // Addresses that a directory gave, which it may take away.
            """
            CREATE TABLE directory_addresses (
                account_id BIGINT NOT NULL, address TEXT NOT NULL, PRIMARY KEY (account_id, address)
            ) {clustered}
            """,
            """
            CREATE TABLE directory_runs (
                domain TEXT PRIMARY KEY, started_at BIGINT NOT NULL, ended_at BIGINT NOT NULL, outcome TEXT NOT NULL,
                detail TEXT NOT NULL, seen BIGINT NOT NULL, made BIGINT NOT NULL, changed BIGINT NOT NULL, suspended BIGINT NOT NULL,
                restored BIGINT NOT NULL, skipped BIGINT NOT NULL, next_at BIGINT
            ) {clustered}
            """,
        ]
    )
}
