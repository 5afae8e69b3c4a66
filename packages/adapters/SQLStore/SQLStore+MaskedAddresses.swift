import Database
package import MailModel
package import MailPorts

extension SQLStore: MaskedAddressStore {
    package func maskedAddresses(_ listing: MaskedListing) async throws(StoreError) -> [MaskedAddress] {
        let key =
            switch listing.sort {
            case .address: "address"
            case .site: "site"
            case .createdAt: "created_at"
            case .lastUsedAt: "COALESCE(last_used_at, 0)"
            }
        var statement = ListStatement()
        statement.require("account_id =", .integer(listing.account.rawValue))
        statement.require("is_enabled =", listing.isEnabled.map { .integer($0 ? 1 : 0) })
        statement.require("site =", listing.site.map { .text($0) })
        statement.require(["address", "label", "site"], contain: listing.text)
        return try await all(Self.maskedQuery + statement.page(listing, by: key, "address"), statement, Self.masked)
    }

    package func maskedAddress(
        _ address: EmailAddress,
        of account: AccountID
    ) async throws(StoreError) -> MaskedAddress? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                "\(Self.maskedQuery) WHERE account_id = $1 AND address = $2",
                [.integer(account.rawValue), .text(address.canonical)],
                Self.masked
            )
        }
    }

    package func addMaskedAddress(
        _ masked: MaskedAddress,
        atMost limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            // Two at once do not pass the limit: the account's row is locked.
            try Self.lock([masked.account], connection)
            guard let account = try Self.account(masked.account, connection) else { throw .notFound }
            try Self.requireDomain(masked.address.domain, of: account.organisation, connection)
            let count = try connection.first(
                "SELECT COUNT(*) FROM masked_addresses WHERE account_id = $1",
                [.integer(masked.account.rawValue)]
            ) { row throws(StoreError) in row.integer(0) }
            guard (count ?? 0) < Int64(limit) else {
                throw .refused("an account has at most \(limit) masked addresses")
            }
            let isTaken = try connection.first(
                "SELECT 1 FROM addresses WHERE address = $1",
                [.text(masked.address.canonical)]
            ) { _ throws(StoreError) in true }
            guard isTaken != true else { throw .alreadyExists }
            try connection.execute(
                """
                INSERT INTO masked_addresses (account_id, address, written, domain, label, site, is_enabled, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                """,
                [
                    .integer(masked.account.rawValue), .text(masked.address.canonical),
                    .text(masked.address.description),
                    .text(masked.address.domain), .text(masked.label), .text(masked.site),
                    .integer(masked.isEnabled ? 1 : 0), .integer(masked.createdAt.microseconds),
                ]
            )
            try Self.record(audit, connection)
        }
    }

    package func changeMaskedAddress(_ masked: MaskedAddress, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let changed = try connection.execute(
                """
                UPDATE masked_addresses SET label = $3, site = $4, is_enabled = $5
                WHERE account_id = $1 AND address = $2
                """,
                [
                    .integer(masked.account.rawValue), .text(masked.address.canonical), .text(masked.label),
                    .text(masked.site), .integer(masked.isEnabled ? 1 : 0),
                ]
            )
            guard changed == 1 else { throw .notFound }
            try Self.record(audit, connection)
        }
    }

    package func removeMaskedAddress(
        _ address: EmailAddress,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let removed = try connection.execute(
                "DELETE FROM masked_addresses WHERE account_id = $1 AND address = $2",
                [.integer(account.rawValue), .text(address.canonical)]
            )
            guard removed == 1 else { throw .notFound }
            try Self.record(audit, connection)
        }
    }

    /// Microseconds between two notes of a use: mail that pours in writes no row for each message.
    private static let useInterval: Int64 = 3_600_000_000

    static func noteUse(
        of copies: [LocalCopy],
        at now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        for copy in copies where copy.isMasked {
            try connection.post(
                """
                UPDATE masked_addresses SET last_used_at = $3 WHERE account_id = $1 AND address = $2
                AND (last_used_at IS NULL OR last_used_at < $4)
                """,
                [
                    .integer(copy.account.rawValue), .text(copy.recipient.canonical), .integer(now.microseconds),
                    .integer(now.microseconds - useInterval),
                ]
            )
        }
    }

    private static let maskedQuery = """
        SELECT written, account_id, label, site, is_enabled, created_at, last_used_at FROM masked_addresses
        """

    private static func masked(_ row: any SQLRow) throws(StoreError) -> MaskedAddress {
        MaskedAddress(
            address: address(row.text(0)),
            account: AccountID(row.integer(1)),
            label: row.text(2),
            site: row.text(3),
            isEnabled: row.integer(4) != 0,
            createdAt: Timestamp(microseconds: row.integer(5)),
            lastUsedAt: row.optionalInteger(6).map { Timestamp(microseconds: $0) }
        )
    }
}
