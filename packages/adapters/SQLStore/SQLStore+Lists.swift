import Database
package import MailModel
package import MailPorts

extension SQLStore: ListStore {
    package func lists(_ listing: DistributionListing) async throws(StoreError) -> [DistributionList] {
        let key =
            switch listing.sort {
            case .address: "lists.address"
            case .name: "lists.name"
            case .createdAt: "lists.created_at"
            }
        var statement = ListStatement()
        statement.require("lists.domain =", .text(EmailAddress.lowercased(listing.domain)))
        statement.require("posting =", listing.posting.map { .text($0.rawValue) })
        statement.require(["lists.address", "lists.name"], contain: listing.text)
        return try await all(Self.listQuery + statement.page(listing, by: key, "lists.address"), statement, Self.list)
    }

    package func list(_ address: EmailAddress) async throws(StoreError) -> DistributionList? {
        try await database.read { connection throws(StoreError) in
            try connection.first("\(Self.listQuery) WHERE lists.address = $1", [.text(address.canonical)], Self.list)
        }
    }

    package func addList(
        _ list: DistributionList,
        owners: [AccountID],
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.insertList(list, connection)
            try Self.replaceOwners(owners, of: list.address, connection)
            try Self.record(audit, connection)
        }
    }

    static func insertList(_ list: DistributionList, _ connection: any SQLConnection) throws(StoreError) {
        guard try Self.requireDomain(list.address.domain, connection) == list.organisation else {
            throw .refused("the domain \(list.address.domain) belongs to another organisation")
        }
        let places = [
            (list.address, "post"), (list.bounceAddress, "bounces"), (list.ownerAddress, "owner"),
        ]
        for (address, role) in places {
            try Self.insertAddress(address, connection)
            try connection.execute(
                "INSERT INTO list_addresses (address, list, role) VALUES ($1, $2, $3)",
                [.text(address.canonical), .text(list.address.canonical), .text(role)]
            )
        }
        try connection.execute(
            """
            INSERT INTO lists (address, domain, written, name, posting, maximum_size, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [
                .text(list.address.canonical), .text(list.address.domain), .text(list.address.description),
                .text(list.name), .text(list.posting.rawValue), .optional(list.maximumSize.map { Int64($0) }),
                .integer(list.createdAt.microseconds),
            ]
        )
    }

    package func changeList(_ list: DistributionList, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.updateList(list, connection)
            try Self.record(audit, connection)
        }
    }

    static func updateList(_ list: DistributionList, _ connection: any SQLConnection) throws(StoreError) {
        let changed = try connection.execute(
            "UPDATE lists SET name = $2, posting = $3, maximum_size = $4 WHERE address = $1",
            [
                .text(list.address.canonical), .text(list.name), .text(list.posting.rawValue),
                .optional(list.maximumSize.map { Int64($0) }),
            ]
        )
        guard changed == 1 else { throw .notFound }
    }

    package func removeList(_ address: EmailAddress, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let key: [SQLValue] = [.text(address.canonical)]
            guard try connection.execute("DELETE FROM lists WHERE address = $1", key) == 1 else { throw .notFound }
            try connection.execute(
                "DELETE FROM addresses WHERE address IN (SELECT address FROM list_addresses WHERE list = $1)",
                key
            )
            for table in ["list_addresses", "list_members", "list_senders", "list_owners"] {
                try connection.execute("DELETE FROM \(table) WHERE list = $1", key)
            }
            try Self.record(audit, connection)
        }
    }

    static func purgeLists(ofDomain domain: String, _ connection: any SQLConnection) throws(StoreError) {
        let key: [SQLValue] = [.text(domain)]
        for table in ["list_addresses", "list_members", "list_senders", "list_owners"] {
            try connection.execute(
                "DELETE FROM \(table) WHERE list IN (SELECT address FROM lists WHERE domain = $1)",
                key
            )
        }
        try connection.execute("DELETE FROM lists WHERE domain = $1", key)
        try connection.execute("DELETE FROM masked_addresses WHERE domain = $1", key)
    }

    // MARK: - Owners and senders

    package func owners(of list: EmailAddress) async throws(StoreError) -> [Account] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                \(Self.accountQuery) WHERE accounts.account_id IN (SELECT account_id FROM list_owners WHERE list = $1)
                ORDER BY primary_address
                """,
                [.text(list.canonical)],
                Self.account
            )
        }
    }

    package func setOwners(
        _ owners: [AccountID],
        of list: EmailAddress,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.lockList(list, connection)
            try Self.replaceOwners(owners, of: list, connection)
            try Self.record(audit, connection)
        }
    }

    static func replaceOwners(
        _ owners: [AccountID],
        of list: EmailAddress,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.execute("DELETE FROM list_owners WHERE list = $1", [.text(list.canonical)])
        for owner in owners {
            let made = try connection.execute(
                """
                INSERT INTO list_owners (account_id, list) SELECT account_id, $2 FROM accounts WHERE account_id = $1
                AND organisation_id = (SELECT organisation_id FROM domains WHERE name = $3)
                """,
                [.integer(owner.rawValue), .text(list.canonical), .text(list.domain)]
            )
            guard made == 1 else { throw .refused("an owner is no account of the organisation") }
        }
    }

    package func lists(ownedBy account: AccountID) async throws(StoreError) -> [DistributionList] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                \(Self.listQuery) WHERE lists.address IN (SELECT list FROM list_owners WHERE account_id = $1)
                ORDER BY lists.address
                """,
                [.integer(account.rawValue)],
                Self.list
            )
        }
    }

    package func senders(of list: EmailAddress) async throws(StoreError) -> [EmailAddress] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT written FROM list_senders WHERE list = $1 ORDER BY sender",
                [.text(list.canonical)]
            ) { row throws(StoreError) in Self.address(row.text(0)) }
        }
    }

    package func setSenders(
        _ senders: [EmailAddress],
        of list: EmailAddress,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.lockList(list, connection)
            try Self.replaceSenders(senders, of: list, connection)
            try Self.record(audit, connection)
        }
    }

    static func replaceSenders(
        _ senders: [EmailAddress],
        of list: EmailAddress,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.execute("DELETE FROM list_senders WHERE list = $1", [.text(list.canonical)])
        for sender in senders {
            try connection.post(
                """
                INSERT INTO list_senders (list, sender, written) VALUES ($1, $2, $3)
                ON CONFLICT (list, sender) DO NOTHING
                """,
                [.text(list.canonical), .text(sender.canonical), .text(sender.description)]
            )
        }
    }

    // MARK: - Rows

    /// Changes of one list take turns.
    static func lockList(_ list: EmailAddress, _ connection: any SQLConnection) throws(StoreError) {
        let isThere = try connection.first(
            "SELECT 1 FROM lists WHERE address = $1\(connection.dialect.forUpdate)",
            [.text(list.canonical)]
        ) { _ throws(StoreError) in true }
        guard isThere == true else { throw .notFound }
    }

    static let listQuery = """
        SELECT lists.written, organisation_id, lists.name, posting, maximum_size, lists.created_at FROM lists
        JOIN domains ON domains.name = lists.domain
        """

    static func list(_ row: any SQLRow) throws(StoreError) -> DistributionList {
        DistributionList(
            address: address(row.text(0)),
            organisation: OrganisationID(row.integer(1)),
            name: row.text(2),
            posting: PostingRule(rawValue: row.text(3)) ?? .named,
            maximumSize: row.optionalInteger(4).map { Int($0) },
            createdAt: Timestamp(microseconds: row.integer(5))
        )
    }
}
