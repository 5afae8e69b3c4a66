// Table: what the schema has of addresses that are no account's own.

extension Migration {
    static let addresses = Migration(
        version: 18,
        name: "expand-addresses",
        statements: [
            "ALTER TABLE domains ADD COLUMN alias_of TEXT",
            "ALTER TABLE domains ADD COLUMN separator TEXT",
            // `deliver` or `forward`; nothing: refused.
            "ALTER TABLE domains ADD COLUMN catch_all TEXT",
            "ALTER TABLE domains ADD COLUMN catch_all_target TEXT",
            "CREATE INDEX domains_by_alias ON domains (alias_of)",
            // A list holds its addresses in `addresses`, as an alias without targets does.
            """
            CREATE TABLE lists (
                address TEXT PRIMARY KEY, domain TEXT NOT NULL, written TEXT NOT NULL, name TEXT NOT NULL, posting TEXT NOT NULL,
                maximum_size BIGINT, created_at BIGINT NOT NULL
            ) {clustered}
            """,
            "CREATE INDEX lists_by_domain ON lists (domain, address)",
            "CREATE TABLE list_addresses (address TEXT PRIMARY KEY, list TEXT NOT NULL, role TEXT NOT NULL) {clustered}",
            "CREATE INDEX list_addresses_by_list ON list_addresses (list)",
            """
            CREATE TABLE list_members (
                list TEXT NOT NULL, member TEXT NOT NULL, written TEXT NOT NULL, domain TEXT NOT NULL, added_at BIGINT NOT NULL,
                PRIMARY KEY (list, member)
            ) {clustered}
            """,
            "CREATE INDEX list_members_by_member ON list_members (member)",
            """
            CREATE TABLE list_senders (
                list TEXT NOT NULL, sender TEXT NOT NULL, written TEXT NOT NULL, PRIMARY KEY (list, sender)
            ) {clustered}
            """,
            """
            CREATE TABLE list_owners (
                account_id BIGINT NOT NULL, list TEXT NOT NULL, PRIMARY KEY (account_id, list)
            ) {clustered}
            """,
            "CREATE INDEX list_owners_by_list ON list_owners (list, account_id)",
            """
            CREATE TABLE masked_addresses (
                account_id BIGINT NOT NULL, address TEXT NOT NULL, written TEXT NOT NULL, domain TEXT NOT NULL, label TEXT NOT NULL,
                site TEXT NOT NULL, is_enabled BIGINT NOT NULL, created_at BIGINT NOT NULL, last_used_at BIGINT,
                PRIMARY KEY (account_id, address)
            ) {clustered}
            """,
            "CREATE UNIQUE INDEX masked_addresses_by_address ON masked_addresses (address)",
            "CREATE INDEX masked_addresses_by_domain ON masked_addresses (domain)",
        ]
    )
}
