import Database
package import MailModel
package import MailPorts

extension SQLStore: AddressStore {
    /// Addresses that one may lead to, over all steps, while a change is checked for circles.
    private static let maximumReach = 5_000

    package func aliases(_ listing: AliasListing) async throws(StoreError) -> [Alias] {
        let key =
            switch listing.sort {
            case .address: "addresses.address"
            case .targets: "head.target"
            }
        var statement = ListStatement()
        statement.require("addresses.domain =", .text(EmailAddress.lowercased(listing.domain)))
        statement.conditions += ["addresses.account_id IS NULL", "head.position = 0"]
        statement.require("addresses.address", beginsWith: listing.prefix)
        if let target = listing.target, !target.isEmpty {
            let condition = statement.beginning("own.target", target)
            statement.conditions.append("EXISTS (\(Self.ownTarget) AND \(condition))")
        }
        if let text = listing.text, !text.isEmpty {
            let whole = statement.containing(["addresses.address"], text)
            statement.conditions.append(
                "(\(whole) OR EXISTS (\(Self.ownTarget) AND \(statement.containing(["own.target"], text))))"
            )
        }
        let page = statement.page(listing, by: key, "addresses.address")
        let order = ListStatement.order(listing, "page.place", "page.address")
        let sql = """
            SELECT page.written, alias_targets.written FROM (
                SELECT addresses.address, addresses.written, \(key) AS place FROM addresses
                JOIN alias_targets AS head ON head.address = addresses.address\(page)
            ) AS page JOIN alias_targets ON alias_targets.address = page.address\(order), alias_targets.position
            """
        let values = statement.values
        return try await database.read { connection throws(StoreError) in
            var found: [Alias] = []
            try connection.query(sql, values) { row throws(StoreError) in
                let (alias, target) = (Self.address(row.text(0)), Self.address(row.text(1)))
                if found.last?.address == alias {
                    found[found.count - 1].targets.append(target)
                } else {
                    found.append(Alias(address: alias, targets: [target]))
                }
            }
            return found
        }
    }

    package func alias(_ address: EmailAddress) async throws(StoreError) -> Alias? {
        try await database.read { connection throws(StoreError) in
            var found: Alias?
            try connection.query(
                """
                SELECT addresses.written, alias_targets.written FROM addresses
                JOIN alias_targets ON alias_targets.address = addresses.address
                WHERE addresses.address = $1 AND addresses.account_id IS NULL ORDER BY alias_targets.position
                """,
                [.text(address.canonical)]
            ) { row throws(StoreError) in
                let target = Self.address(row.text(1))
                if found == nil { found = Alias(address: Self.address(row.text(0)), targets: []) }
                found?.targets.append(target)
            }
            return found
        }
    }

    package func addAlias(_ alias: Alias, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.requireDomain(alias.address.domain, connection)
            try Self.insertAddress(alias.address, connection)
            try Self.requireNoCircle(from: alias.targets, to: alias.address, connection)
            try Self.insertTargets(of: alias, connection)
            try Self.record(audit, connection)
        }
    }

    package func setTargets(of alias: Alias, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.replaceTargets(of: alias, connection)
            try Self.record(audit, connection)
        }
    }

    static func replaceTargets(of alias: Alias, _ connection: any SQLConnection) throws(StoreError) {
        let removed = try connection.execute(
            """
            DELETE FROM alias_targets WHERE address = $1
            AND EXISTS (SELECT 1 FROM addresses WHERE addresses.address = $1 AND account_id IS NULL)
            """,
            [.text(alias.address.canonical)]
        )
        guard removed > 0 else { throw .notFound }
        try Self.requireNoCircle(from: alias.targets, to: alias.address, connection)
        try Self.insertTargets(of: alias, connection)
    }

    package func removeAlias(_ address: EmailAddress, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.removeAlias(address, connection)
            try Self.record(audit, connection)
        }
    }

    private static let ownTarget = "SELECT 1 FROM alias_targets AS own WHERE own.address = addresses.address"

    // MARK: - Steps

    static func insertAddress(
        _ address: EmailAddress,
        of account: AccountID? = nil,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let isMasked = try connection.first(
            "SELECT 1 FROM masked_addresses WHERE address = $1",
            [.text(address.canonical)]
        ) { _ throws(StoreError) in true }
        guard isMasked != true else { throw .alreadyExists }
        try connection.execute(
            "INSERT INTO addresses (address, domain, written, account_id) VALUES ($1, $2, $3, $4)",
            [
                .text(address.canonical), .text(address.domain), .text(address.description),
                .optional(account?.rawValue),
            ]
        )
    }

    static func insertTargets(of alias: Alias, _ connection: any SQLConnection) throws(StoreError) {
        guard (1...1_000).contains(alias.targets.count) else { throw .refused("an alias has 1 to 1000 targets") }
        for (position, target) in alias.targets.enumerated() {
            try connection.post(
                "INSERT INTO alias_targets (address, position, target, written) VALUES ($1, $2, $3, $4)",
                [
                    .text(alias.address.canonical), .integer(Int64(position)), .text(target.canonical),
                    .text(target.description),
                ]
            )
        }
    }

    static func removeAlias(_ address: EmailAddress, _ connection: any SQLConnection) throws(StoreError) {
        let key: [SQLValue] = [.text(address.canonical)]
        // A list's addresses have no targets, and stay.
        guard try connection.execute("DELETE FROM alias_targets WHERE address = $1", key) > 0 else { throw .notFound }
        try connection.execute("DELETE FROM addresses WHERE address = $1 AND account_id IS NULL", key)
    }

    /// Follows aliases and lists from the targets; details and domain aliases are found when mail comes.
    static func requireNoCircle(
        from targets: [EmailAddress],
        to goal: EmailAddress,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        var seen: Set<String> = []
        var waiting = targets.map(\.canonical)
        while let address = waiting.popLast() {
            guard address != goal.canonical else { throw .refused("\(goal) would lead to itself") }
            guard seen.insert(address).inserted else { continue }
            guard seen.count <= maximumReach else { throw .refused("\(goal) would lead to too many addresses") }
            waiting += try connection.all(
                "SELECT target FROM alias_targets WHERE address = $1 UNION ALL SELECT member FROM list_members WHERE list = $1",
                [.text(address)]
            ) { row throws(StoreError) in row.text(0) }
        }
    }
}
