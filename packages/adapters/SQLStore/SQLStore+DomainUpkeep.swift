import Database
package import MailModel
package import MailPorts

extension SQLStore {
    package func domainsToPurge(now: Timestamp, limit: Int) async throws(StoreError) -> [String] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT name FROM domains WHERE status = 'deleted' AND purge_at <= $1 ORDER BY purge_at LIMIT $2",
                [.integer(now.microseconds), .integer(Int64(limit))]
            ) { row throws(StoreError) in row.text(0) }
        }
    }

    package func purgeStep(_ name: String, now: Timestamp, audit: AuditEvent) async throws(StoreError) -> Bool {
        let isUnfinished = try await database.write { connection throws(StoreError) in
            // The row is locked: whoever restores the domain waits, and finds it gone or whole.
            let isDue = try connection.first(
                """
                SELECT 1 FROM domains WHERE name = $1 AND status = 'deleted' AND purge_at <= $2\(connection.dialect.forUpdate)
                """,
                [.text(name), .integer(now.microseconds)]
            ) { _ throws(StoreError) in true }
            guard isDue == true else { return false }
            let account = try connection.first(
                "SELECT account_id FROM accounts WHERE domain = $1 ORDER BY account_id LIMIT 1",
                [.text(name)]
            ) { row throws(StoreError) in AccountID(row.integer(0)) }
            if let account {
                try Self.purge(account, connection)
                return true
            }
            let key: [SQLValue] = [.text(name)]
            try connection.execute(
                "DELETE FROM alias_targets WHERE address IN (SELECT address FROM addresses WHERE domain = $1)",
                key
            )
            try connection.execute("DELETE FROM addresses WHERE domain = $1", key)
            try Self.purgeLists(ofDomain: name, connection)
            // What was an alias of it is a domain of its own again.
            try connection.execute("UPDATE domains SET alias_of = NULL WHERE alias_of = $1", key)
            try connection.execute("DELETE FROM dkim_keys WHERE domain = $1", key)
            try connection.execute("DELETE FROM domain_checks WHERE name = $1", key)
            try connection.execute("DELETE FROM domain_policies WHERE domain = $1", key)
            try connection.execute("DELETE FROM domain_branding WHERE domain = $1", key)
            try connection.execute("DELETE FROM domain_signatures WHERE domain = $1", key)
            try connection.execute("DELETE FROM domain_permissions WHERE domain = $1", key)
            try connection.execute("DELETE FROM domain_statistics WHERE domain = $1", key)
            try Self.removeProvider(of: name, connection)
            try Self.forgetZone(of: name, connection)
            try Self.removeDirectory(of: name, connection)
            try connection.execute(
                "DELETE FROM quota_nodes WHERE level = 'domain' AND node_id = (SELECT domain_id FROM domains WHERE name = $1)",
                key
            )
            try connection.execute("DELETE FROM domains WHERE name = $1", key)
            try Self.record(audit, connection)
            return false
        }
        if !isUnfinished { await options.domainCache?.forget(name) }
        return isUnfinished
    }

    /// Everything that names the account, by the catalogue: a table that is added later is not forgotten.
    static func purge(_ account: AccountID, _ connection: any SQLConnection) throws(StoreError) {
        try lock([account], connection)
        try QuotaGrants.release(account, connection)
        let programs = try lockSelfRegistered(
            "client_id IN (SELECT client_id FROM oauth_consents WHERE account_id = $1)",
            [.integer(account.rawValue)],
            connection
        )
        let names = try connection.all(connection.dialect.tablesQuery) { row throws(StoreError) in row.text(0) }
        for table in names {
            let columns = try connection.all(connection.dialect.columnsQuery, [.text(table)]) {
                row throws(StoreError) in row.text(0)
            }
            guard columns.contains("account_id") else { continue }
            try connection.execute("DELETE FROM \(table) WHERE account_id = $1", [.integer(account.rawValue)])
        }
        try forgetUnused(programs, connection)
        // What others shared with it.
        try connection.execute("DELETE FROM mailbox_rights WHERE grantee_id = $1", [.integer(account.rawValue)])
    }

    package func removeClaims(expiredBefore moment: Timestamp, audit: AuditEvent) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            let gone = try connection.all(
                "DELETE FROM domain_claims WHERE expires_at < $1 RETURNING name, organisation_id",
                [.integer(moment.microseconds)]
            ) { row throws(StoreError) in (name: row.text(0), organisation: OrganisationID(row.integer(1))) }
            for claim in gone {
                var audit = audit
                audit.subject = claim.name
                audit.detail = AuditDetail().adding("organisation", claim.organisation.rawValue).text
                try Self.record(audit, of: claim.organisation, connection)
            }
            return gone.count
        }
    }

    package func takeUpkeep(
        _ task: String,
        holder: String,
        until: Timestamp,
        now: Timestamp
    ) async throws(StoreError) -> Bool {
        try await database.write { connection throws(StoreError) in
            let taken = try connection.first(
                """
                INSERT INTO upkeep_leases (task, holder, lease_until) VALUES ($1, $2, $3)
                ON CONFLICT (task) DO UPDATE SET holder = $2, lease_until = $3
                WHERE upkeep_leases.holder = $2 OR upkeep_leases.lease_until <= $4 RETURNING task
                """,
                [.text(task), .text(holder), .integer(until.microseconds), .integer(now.microseconds)]
            ) { _ throws(StoreError) in true }
            return taken == true
        }
    }
}
