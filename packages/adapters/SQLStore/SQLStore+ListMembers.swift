import Database
package import MailModel
package import MailPorts

extension SQLStore {
    package func members(_ listing: MemberListing) async throws(StoreError) -> [ListMember] {
        let key =
            switch listing.sort {
            case .address: "member"
            case .addedAt: "added_at"
            }
        var statement = ListStatement()
        statement.require("list =", .text(listing.list.canonical))
        statement.require("domain =", listing.domain.map { .text(EmailAddress.lowercased($0)) })
        statement.require(["member"], contain: listing.text)
        let sql = "SELECT written, added_at FROM list_members" + statement.page(listing, by: key, "member")
        return try await all(sql, statement) { row throws(StoreError) in
            ListMember(address: Self.address(row.text(0)), addedAt: Timestamp(microseconds: row.integer(1)))
        }
    }

    package func isMember(
        anyOf addresses: [EmailAddress],
        of list: EmailAddress
    ) async throws(StoreError) -> Bool {
        try await database.read { connection throws(StoreError) in
            var found = false
            try connection.queryEach(
                addresses.map { address in
                    SQLStatement(
                        "SELECT 1 FROM list_members WHERE list = $1 AND member = $2",
                        [.text(list.canonical), .text(address.canonical)]
                    )
                }
            ) { _, _ throws(StoreError) in found = true }
            return found
        }
    }

    package func addMembers(
        _ members: [EmailAddress],
        to list: EmailAddress,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> Int {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            try Self.lockList(list, connection)
            try Self.requireNoCircle(from: members, to: list, connection)
            let added = try Self.insertMembers(members, to: list, atMost: limit, now: now, connection)
            try Self.record(audit, connection)
            return added
        }
    }

    static func insertMembers(
        _ members: [EmailAddress],
        to list: EmailAddress,
        atMost limit: Int,
        now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Int {
        var added = 0
        for member in members {
            added += try connection.execute(
                """
                INSERT INTO list_members (list, member, written, domain, added_at) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (list, member) DO NOTHING
                """,
                [
                    .text(list.canonical), .text(member.canonical), .text(member.description), .text(member.domain),
                    .integer(now.microseconds),
                ]
            )
        }
        let count = try connection.first(
            "SELECT COUNT(*) FROM list_members WHERE list = $1",
            [.text(list.canonical)]
        ) { row throws(StoreError) in row.integer(0) }
        guard (count ?? 0) <= Int64(limit) else { throw .refused("a list has at most \(limit) members") }
        return added
    }

    package func removeMember(
        _ member: EmailAddress,
        of list: EmailAddress,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let removed = try connection.execute(
                "DELETE FROM list_members WHERE list = $1 AND member = $2",
                [.text(list.canonical), .text(member.canonical)]
            )
            guard removed == 1 else { throw .notFound }
            try Self.record(audit, connection)
        }
    }

    package func targets(of list: EmailAddress, limit: Int) async throws(StoreError) -> [ListTarget] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT list_members.written, domains.name, domains.status, accounts.account_id, accounts.status, used_bytes, quota_bytes,
                \(QuotaReader.isPressed), accounts.active_script
                FROM list_members LEFT JOIN domains ON domains.name = list_members.domain
                LEFT JOIN addresses ON addresses.address = list_members.member
                LEFT JOIN accounts ON accounts.account_id = addresses.account_id
                LEFT JOIN account_counters ON account_counters.account_id = addresses.account_id
                WHERE list = $1 ORDER BY member LIMIT $2
                """,
                [.text(list.canonical), .integer(Int64(limit))]
            ) { row throws(StoreError) in
                let address = Self.address(row.text(0))
                guard !row.isNull(1) else { return .outside(address) }
                guard let account = row.optionalInteger(3), row.text(4) == Account.Status.active.rawValue,
                    row.text(2) == HostedDomain.Status.active.rawValue, row.integer(7) == 0
                else { return .other(address) }
                return .account(
                    AccountID(account),
                    address,
                    usedBytes: row.integer(5),
                    quotaBytes: row.optionalInteger(6),
                    script: row.optionalInteger(8)
                )
            }
        }
    }
}
