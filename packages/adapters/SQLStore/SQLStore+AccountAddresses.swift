import Database
package import MailModel
package import MailPorts

extension SQLStore: AccountAddressStore {
    package func accountAddresses(of account: AccountID) async throws(StoreError) -> [AccountAddress] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT addresses.written, CASE WHEN addresses.address = accounts.primary_address THEN 1 ELSE 0 END AS is_primary
                FROM addresses JOIN accounts ON accounts.account_id = addresses.account_id
                WHERE addresses.account_id = $1 ORDER BY is_primary DESC, addresses.address
                """,
                [.integer(account.rawValue)]
            ) { row throws(StoreError) in AccountAddress(Self.address(row.text(0)), isPrimary: row.integer(1) != 0) }
        }
    }

    package func addAccountAddress(
        _ address: EmailAddress,
        to account: AccountID,
        atMost limit: Int,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            // Invitations take the same turn: nobody is invited to an address at the moment that it is given away.
            try connection.takeTurn(.people)
            guard let own = try Self.ownState(account, connection), own.status != .deleted else { throw .notFound }
            try Self.requireActiveDomain(address.domain, of: own.organisation, connection)
            try Self.requireDomain(address.domain, of: own.organisation, connection)
            let isInvited = try connection.first(
                "SELECT 1 FROM invitations WHERE address = $1 AND expires_at > $2",
                [.text(address.canonical), .integer(now.microseconds)]
            ) { _ throws(StoreError) in true }
            guard isInvited != true else { throw .alreadyExists }
            let count = try connection.first(
                "SELECT COUNT(*) FROM addresses WHERE account_id = $1",
                [.integer(account.rawValue)]
            ) { row throws(StoreError) in row.integer(0) }
            guard (count ?? 0) < limit else { throw .refused("an account has at most \(limit) addresses") }
            try Self.insertAddress(address, of: account, connection)
            try Self.record(audit, of: own.organisation, connection)
        }
    }

    package func makePrimary(
        _ address: EmailAddress,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            let (own, primary) = try Self.holder(of: address, account, connection)
            guard primary != address.canonical else { throw .refused("it is the primary address already") }
            try Self.requireActiveDomain(address.domain, of: own.organisation, connection)
            try Self.setPrimary(address, of: account, connection)
            var audit = audit
            audit.detail = AuditDetail().changing("primary", from: primary, to: address.canonical).text
            try Self.record(audit, of: own.organisation, connection)
        }
    }

    /// Makes an address of the account its primary one.
    ///
    /// - Returns: the one before.
    @discardableResult
    static func setPrimary(
        _ address: EmailAddress,
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> String {
        // What the old domain's limits had granted goes back, and the new one's have to grant it.
        try lock([account], connection)
        let before = try connection.first(
            "SELECT primary_address FROM accounts WHERE account_id = $1",
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in row.text(0) }
        try QuotaGrants.release(account, connection)
        try connection.execute(
            "UPDATE accounts SET primary_address = $2, domain = $3 WHERE account_id = $1",
            [.integer(account.rawValue), .text(address.canonical), .text(address.domain)]
        )
        let counters = try connection.first(
            """
            UPDATE account_counters SET granted_bytes = 0, granted_messages = 0 WHERE account_id = $1
            RETURNING \(QuotaLedger.columns)
            """,
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in QuotaLedger.counters(row, from: 0) }
        guard let counters, let before else { throw .notFound }
        try QuotaGrants(connection: connection, account: account).enlarge(counters)
        return before
    }

    package func removeAccountAddress(
        _ address: EmailAddress,
        of account: AccountID,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            let (own, primary) = try Self.holder(of: address, account, connection)
            guard primary != address.canonical else { throw .refused("the primary address stays") }
            let caught = try connection.first(
                "SELECT name FROM domains WHERE LOWER(catch_all_target) = $1 AND status <> 'deleted' LIMIT 1",
                [.text(address.canonical)]
            ) { row throws(StoreError) in row.text(0) }
            if let caught { throw .refused("the catch-all of \(caught) goes there") }
            let key: [SQLValue] = [.integer(account.rawValue), .text(address.canonical)]
            try connection.execute("DELETE FROM sending_grants WHERE account_id = $1 AND address = $2", key)
            try connection.execute(
                "DELETE FROM addresses WHERE account_id = $1 AND address IN ($2, '\(Self.outside)' || $2)",
                key
            )
            try Self.record(audit, of: own.organisation, connection)
        }
    }

    /// Locks the account, which has the address; `.notFound` when it has not.
    private static func holder(
        of address: EmailAddress,
        _ account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> (own: OwnState, primary: String) {
        guard let own = try ownState(account, connection), own.status != .deleted else { throw .notFound }
        let primary = try connection.first(
            """
            SELECT primary_address FROM addresses JOIN accounts ON accounts.account_id = addresses.account_id
            WHERE address IN ($1, '\(outside)' || $1) AND addresses.account_id = $2
            """,
            [.text(address.canonical), .integer(account.rawValue)]
        ) { row throws(StoreError) in row.text(0) }
        guard let primary else { throw .notFound }
        let isOutside = primary.utf8.starts(with: outside.utf8)
        return (own, isOutside ? String(decoding: primary.utf8.dropFirst(outside.utf8.count), as: UTF8.self) : primary)
    }
}
