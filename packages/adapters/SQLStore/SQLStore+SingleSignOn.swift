import Database
package import MailModel
package import MailPorts

extension SQLStore: SingleSignOnStore {
    package func connection(of domain: String) async throws(StoreError) -> ProviderConnection? {
        let name = EmailAddress.lowercased(domain)
        return try await database.read { connection throws(StoreError) in
            try Self.providerConnection(of: name, connection)
        }
    }

    package func connection(covering domain: String) async throws(StoreError) -> ProviderConnection? {
        let name = EmailAddress.lowercased(domain)
        return try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT \(Self.connectionColumns) FROM domains AS named
                JOIN domains AS main ON main.name = COALESCE(named.alias_of, named.name)
                AND main.organisation_id = named.organisation_id AND main.status = 'active'
                JOIN provider_connections ON provider_connections.domain = main.name
                WHERE named.name = $1 AND named.status = 'active' AND (named.alias_of IS NULL OR covers_aliases = 1)
                """,
                [.text(name)],
                Self.providerConnection
            )
        }
    }

    package func setConnection(
        _ new: ProviderConnection,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> ProviderConnection {
        let (name, now) = (EmailAddress.lowercased(new.domain), clock.now())
        return try await database.write { connection throws(StoreError) in
            try Self.lockHosted(name, connection)
            let before = try Self.providerConnection(of: name, connection)
            guard expected == nil || expected == before?.version ?? 0 else { throw .alreadyExists }
            try connection.execute(
                """
                INSERT INTO provider_connections (
                    domain, issuer, client_id, sealed_client_secret, is_enforced, covers_aliases, makes_accounts, quota_bytes,
                    address_claim, name_claim, needs_verified_address, scopes, set_by, version, changed_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
                ON CONFLICT (domain) DO UPDATE SET issuer = $2, client_id = $3, sealed_client_secret = $4, is_enforced = $5,
                covers_aliases = $6, makes_accounts = $7, quota_bytes = $8, address_claim = $9, name_claim = $10,
                needs_verified_address = $11, scopes = $12, set_by = $13, version = $14, changed_at = $15
                """,
                [
                    .text(name), .text(new.issuer), .text(new.clientID), new.sealedSecret.map { .bytes($0) } ?? .null,
                    .integer(new.isEnforced ? 1 : 0), .integer(new.coversAliases ? 1 : 0),
                    .integer(new.makesAccounts ? 1 : 0), .optional(new.quotaBytes), .text(new.addressClaim),
                    .text(new.nameClaim), .integer(new.needsVerifiedAddress ? 1 : 0), .text(new.scopes),
                    .text(new.setBy.rawValue), .integer((before?.version ?? 0) + 1), .integer(now.microseconds),
                ]
            )
            // Subjects mean nothing to another provider.
            if let before, before.issuer != new.issuer {
                try connection.execute("DELETE FROM provider_links WHERE domain = $1", [.text(name)])
            }
            var audit = audit
            audit.detail = Self.change(from: before, to: new)
            try Self.record(audit, connection)
            guard let kept = try Self.providerConnection(of: name, connection) else { throw .notFound }
            return kept
        }
    }

    package func removeConnection(of domain: String, audit: AuditEvent) async throws(StoreError) {
        let name = EmailAddress.lowercased(domain)
        try await database.write { connection throws(StoreError) in
            try Self.lockHosted(name, connection)
            guard let before = try Self.providerConnection(of: name, connection) else { throw .notFound }
            try Self.removeProvider(of: name, connection)
            var audit = audit
            audit.detail = Self.change(from: before, to: nil)
            try Self.record(audit, connection)
        }
    }

    static func removeProvider(of domain: String, _ connection: any SQLConnection) throws(StoreError) {
        try connection.execute("DELETE FROM provider_connections WHERE domain = $1", [.text(domain)])
        try connection.execute("DELETE FROM provider_links WHERE domain = $1", [.text(domain)])
    }

    package func links(_ listing: LinkListing) async throws(StoreError) -> [ProviderLink] {
        let key =
            switch listing.sort {
            case .accountID: "provider_links.account_id"
            case .email: "accounts.primary_address"
            case .linkedAt: "linked_at"
            case .lastUsedAt: "COALESCE(last_used_at, 0)"
            }
        var statement = ListStatement()
        statement.require("provider_links.domain =", .text(EmailAddress.lowercased(listing.domain)))
        statement.require(["accounts.primary_address", "subject"], contain: listing.text)
        let page = statement.page(listing, by: key, "provider_links.account_id")
        return try await all(Self.linkQuery + page, statement, freshness: .recent, Self.providerLink)
    }

    private static let linkQuery = """
        SELECT provider_links.account_id, addresses.written, issuer, subject, linked_at, last_used_at, last_used_from
        FROM provider_links JOIN accounts ON accounts.account_id = provider_links.account_id
        JOIN addresses ON addresses.address = accounts.primary_address
        """

    package func removeLink(of account: AccountID, at domain: String, audit: AuditEvent) async throws(StoreError) {
        let name = EmailAddress.lowercased(domain)
        try await database.write { connection throws(StoreError) in
            let gone = try connection.execute(
                "DELETE FROM provider_links WHERE account_id = $1 AND domain = $2",
                [.integer(account.rawValue), .text(name)]
            )
            guard gone == 1 else { throw .notFound }
            try Self.record(audit, connection)
        }
    }

    package func spendSignInStep(_ hash: [UInt8], until end: Timestamp) async throws(StoreError) -> Bool {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            try connection.execute(
                "DELETE FROM spent_sign_in_steps WHERE expires_at <= $1",
                [.integer(now.microseconds)]
            )
            return try connection.execute(
                """
                INSERT INTO spent_sign_in_steps (step_hash, expires_at) VALUES ($1, $2)
                ON CONFLICT (step_hash) DO NOTHING
                """,
                [.bytes(hash), .integer(end.microseconds)]
            ) == 1
        }
    }

    // MARK: - Rows

    static func lockHosted(_ name: String, _ connection: any SQLConnection) throws(StoreError) {
        let isHosted = try connection.first(
            "SELECT 1 FROM domains WHERE name = $1 AND status <> 'deleted'\(connection.dialect.forUpdate)",
            [.text(name)]
        ) { _ throws(StoreError) in true }
        guard isHosted == true else { throw .notFound }
    }

    private static let connectionColumns = """
        provider_connections.domain, issuer, client_id, sealed_client_secret, is_enforced, covers_aliases, makes_accounts,
        quota_bytes, address_claim, name_claim, needs_verified_address, scopes, set_by, version, changed_at
        """

    static func providerConnection(
        of name: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> ProviderConnection? {
        try connection.first(
            """
            SELECT \(connectionColumns) FROM provider_connections JOIN domains ON domains.name = provider_connections.domain
            WHERE domain = $1 AND status <> 'deleted'
            """,
            [.text(name)],
            providerConnection
        )
    }

    private static func providerConnection(_ row: any SQLRow) throws(StoreError) -> ProviderConnection {
        var found = ProviderConnection(
            domain: row.text(0),
            issuer: row.text(1),
            clientID: row.text(2),
            sealedSecret: row.isNull(3) ? nil : row.bytes(3),
            setBy: Role(rawValue: row.text(12)) ?? .member
        )
        found.isEnforced = row.integer(4) != 0
        found.coversAliases = row.integer(5) != 0
        found.makesAccounts = row.integer(6) != 0
        found.quotaBytes = row.optionalInteger(7)
        found.addressClaim = row.text(8)
        found.nameClaim = row.text(9)
        found.needsVerifiedAddress = row.integer(10) != 0
        found.scopes = row.text(11)
        found.version = row.integer(13)
        found.changedAt = Timestamp(microseconds: row.integer(14))
        return found
    }

    private static func providerLink(_ row: any SQLRow) throws(StoreError) -> ProviderLink {
        ProviderLink(
            account: AccountID(row.integer(0)),
            address: address(row.text(1)),
            issuer: row.text(2),
            subject: row.text(3),
            linkedAt: Timestamp(microseconds: row.integer(4)),
            lastUse: row.optionalInteger(5).map {
                LastUse(at: Timestamp(microseconds: $0), remote: row.isNull(6) ? nil : IPAddress(row.text(6)))
            }
        )
    }

    /// What the audit says of a change; of the secret only that it is another.
    private static func change(from before: ProviderConnection?, to after: ProviderConnection?) -> String {
        var detail = AuditDetail()
            .changing("issuer", from: before?.issuer, to: after?.issuer)
            .changing("client_id", from: before?.clientID, to: after?.clientID)
            .changing("enforced", from: before?.isEnforced, to: after?.isEnforced)
            .changing("covers_aliases", from: before?.coversAliases, to: after?.coversAliases)
            .changing("makes_accounts", from: before?.makesAccounts, to: after?.makesAccounts)
            .changing("quota_bytes", from: before?.quotaBytes, to: after?.quotaBytes)
            .changing("address_claim", from: before?.addressClaim, to: after?.addressClaim)
            .changing("name_claim", from: before?.nameClaim, to: after?.nameClaim)
            .changing(
                "needs_verified_address",
                from: before?.needsVerifiedAddress,
                to: after?.needsVerifiedAddress
            )
            .changing("scopes", from: before?.scopes, to: after?.scopes)
            .changing("set_by", from: before?.setBy.rawValue, to: after?.setBy.rawValue)
        if before?.sealedSecret != after?.sealedSecret { detail = detail.adding("client_secret", "changed") }
        return detail.text
    }
}
