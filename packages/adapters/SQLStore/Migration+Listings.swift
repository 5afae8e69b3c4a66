// Table: what the schema has of the orders in which long lists are read.

extension Migration {
    static let listings = Migration(
        version: 34,
        name: "expand-listings",
        statements: [
            "CREATE INDEX addresses_of_no_account ON addresses (domain, address) WHERE account_id IS NULL",
            "CREATE INDEX list_members_by_time ON list_members (list, added_at, member)",
            "CREATE INDEX masked_addresses_by_time ON masked_addresses (account_id, created_at, address)",
            "CREATE INDEX audit_by_actor ON audit (actor, audit_id)",
            "CREATE INDEX accounts_by_organisation_address ON accounts (organisation_id, primary_address, account_id)",
            "CREATE INDEX accounts_by_organisation_time ON accounts (organisation_id, created_at, account_id)",
            "CREATE INDEX accounts_by_domain_time ON accounts (domain, created_at, account_id)",
        ]
    )
}
