import Database
package import MailModel
package import MailPorts

extension SQLStore: DomainPermissionStore {
    package func domainGrants(_ listing: DomainGrantListing) async throws(StoreError) -> [DomainGrant] {
        let key =
            switch listing.sort {
            case .email: "accounts.primary_address"
            case .grantedAt: "granted_at"
            }
        var statement = ListStatement()
        statement.require("domain_permissions.domain =", .text(EmailAddress.lowercased(listing.domain)))
        if let permission = listing.permission {
            let bits = statement.value(.integer(Int64(permission.rawValue)))
            statement.conditions.append("(permissions & \(bits)) = \(bits)")
        }
        let page = statement.page(listing, by: key, "accounts.account_id")
        return try await all("\(Self.domainGrantQuery)\(page)", statement, freshness: .recent, Self.domainGrant)
    }

    package func domainGrants(heldBy account: AccountID) async throws(StoreError) -> [DomainGrant] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.domainGrantQuery) \(Self.holding) WHERE accounts.account_id = $1 ORDER BY domain_permissions.domain",
                [.integer(account.rawValue)],
                Self.domainGrant
            )
        }
    }

    package func domainGrant(of account: AccountID, on domain: String) async throws(StoreError) -> DomainGrant? {
        try await database.read { connection throws(StoreError) in
            try Self.domainGrant(of: account, on: EmailAddress.lowercased(domain), connection)
        }
    }

    private static func domainGrant(
        of account: AccountID,
        on domain: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> DomainGrant? {
        try connection.first(
            "\(domainGrantQuery) WHERE domain_permissions.domain = $1 AND accounts.account_id = $2",
            [.text(domain), .integer(account.rawValue)],
            domainGrant
        )
    }

    package func domainPermissions(
        of account: AccountID,
        on domain: String
    ) async throws(StoreError) -> DomainPermissions {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                \(Self.domainGrantQuery) \(Self.holding)
                WHERE accounts.account_id = $1 AND domain_permissions.domain = $2
                """,
                [.integer(account.rawValue), .text(EmailAddress.lowercased(domain))],
                Self.domainGrant
            )?.permissions ?? []
        }
    }

    package func sendingDomains(of account: AccountID) async throws(StoreError) -> [String] {
        try await database.read { connection throws(StoreError) in try Self.sendingDomains(of: account, connection) }
    }

    static func sendingDomains(
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> [String] {
        try connection.all(
            """
            \(domainGrantQuery) \(holding) AND domains.status = 'active'
            WHERE accounts.account_id = $1 AND (permissions & \(DomainPermissions.sendAs.rawValue)) <> 0
            """,
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in row.text(0) }
    }

    package func managesUser(_ account: AccountID, by manager: AccountID) async throws(StoreError) -> Bool {
        let users = DomainPermissions.users.rawValue
        return try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT 1 FROM accounts AS managed
                JOIN accounts AS manager ON manager.organisation_id = managed.organisation_id AND manager.status = 'active'
                WHERE managed.account_id = $1 AND manager.account_id = $2 AND managed.role = 'member'
                AND EXISTS (SELECT 1 FROM addresses WHERE addresses.account_id = $1)
                AND NOT EXISTS (SELECT 1 FROM domain_permissions WHERE domain_permissions.account_id = $1)
                AND NOT EXISTS (
                    SELECT 1 FROM addresses WHERE addresses.account_id = $1 AND NOT EXISTS (
                        SELECT 1 FROM domain_permissions JOIN domains ON domains.name = domain_permissions.domain
                        AND domains.organisation_id = managed.organisation_id AND domains.status <> 'deleted'
                        WHERE domain_permissions.domain = addresses.domain AND domain_permissions.account_id = $2
                        AND (permissions & \(users)) <> 0
                    )
                )
                """,
                [.integer(account.rawValue), .integer(manager.rawValue)]
            ) { _ throws(StoreError) in true } ?? false
        }
    }

    package func setDomainPermissions(
        _ permissions: DomainPermissions,
        of account: AccountID,
        on domain: String,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> DomainGrant? {
        let (now, domain) = (clock.now(), EmailAddress.lowercased(domain))
        return try await database.write { connection throws(StoreError) in
            // Two that add the last one at once take turns.
            try connection.takeTurn(.people)
            let key: [SQLValue] = [.text(domain), .integer(account.rawValue)]
            let subject = try connection.first(
                """
                SELECT accounts.organisation_id, accounts.primary_address FROM accounts
                JOIN domains ON domains.organisation_id = accounts.organisation_id
                WHERE domains.name = $1 AND accounts.account_id = $2
                """,
                key
            ) { row throws(StoreError) in (organisation: OrganisationID(row.integer(0)), address: row.text(1)) }
            guard let subject else { throw .notFound }
            let before = try Self.domainGrant(of: account, on: domain, connection)
            if permissions.isEmpty {
                guard before != nil else { return nil }
                try connection.execute("DELETE FROM domain_permissions WHERE domain = $1 AND account_id = $2", key)
            } else {
                if before == nil { try Self.requireRoom(limit, domain, account, connection) }
                try connection.execute(
                    """
                    INSERT INTO domain_permissions (domain, account_id, permissions, granted_at, granted_by)
                    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, domain) DO UPDATE
                    SET permissions = excluded.permissions, granted_at = excluded.granted_at, granted_by = excluded.granted_by
                    """,
                    key + [
                        .integer(Int64(permissions.rawValue)), .integer(now.microseconds), .text(audit.actor),
                    ]
                )
            }
            var audit = audit
            audit.detail =
                AuditDetail().adding("account", subject.address).changing(
                    "permissions",
                    from: before?.permissions.words.joined(separator: " ") ?? "",
                    to: permissions.words.joined(separator: " ")
                ).text
            try Self.record(audit, of: subject.organisation, connection)
            return try Self.domainGrant(of: account, on: domain, connection)
        }
    }

    private static func requireRoom(
        _ limit: Int,
        _ domain: String,
        _ account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        for (column, value, whose) in [
            ("domain", SQLValue.text(domain), "one domain"), ("account_id", .integer(account.rawValue), "one account"),
        ] {
            let count = try connection.first("SELECT COUNT(*) FROM domain_permissions WHERE \(column) = $1", [value]) {
                row throws(StoreError) in row.integer(0)
            }
            guard (count ?? 0) < limit else {
                throw .refused("there are at most \(limit) grants of permissions of \(whose)")
            }
        }
    }

    // MARK: - Rows

    private static let domainGrantQuery = """
        SELECT domain_permissions.domain, accounts.account_id, accounts.primary_address, permissions, granted_at, granted_by
        FROM domain_permissions JOIN accounts ON accounts.account_id = domain_permissions.account_id
        """

    /// What makes a grant hold now.
    private static let holding = """
        AND accounts.status = 'active' JOIN domains ON domains.name = domain_permissions.domain
        AND domains.organisation_id = accounts.organisation_id AND domains.status <> 'deleted'
        """

    private static func domainGrant(_ row: any SQLRow) throws(StoreError) -> DomainGrant {
        DomainGrant(
            domain: row.text(0),
            account: AccountID(row.integer(1)),
            address: Self.address(row.text(2)),
            permissions: DomainPermissions(rawValue: Int(truncatingIfNeeded: row.integer(3))),
            grantedAt: Timestamp(microseconds: row.integer(4)),
            grantedBy: row.text(5)
        )
    }
}
