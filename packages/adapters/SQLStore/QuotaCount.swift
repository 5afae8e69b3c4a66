import Database
package import MailModel
package import MailPorts

/// Counts quotas anew: what accounts hold, and what was granted to them.
enum QuotaCount {
    /// Makes the organisation's node if need be and locks it: nothing is granted in the organisation until the transaction ends.
    static func lock(_ organisation: OrganisationID, _ connection: any SQLConnection) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO quota_nodes (level, node_id, granted_bytes, granted_messages, told) VALUES ('organisation', $1, 0, 0, 0)
            ON CONFLICT (level, node_id) DO UPDATE SET told = quota_nodes.told
            """,
            [.integer(organisation.rawValue)]
        )
    }

    /// Gives each account under the node what it uses and no more.
    static func grantWhatIsUsed(
        under level: QuotaLevel,
        _ id: Int64,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let accounts = QuotaGrants.accounts(of: level)
        // In one order, as deliveries lock them.
        try connection.query(
            "SELECT 1 FROM account_counters WHERE account_id IN (\(accounts)) ORDER BY account_id\(connection.dialect.forUpdate)",
            [.integer(id)]
        ) { _ throws(StoreError) in () }
        try connection.execute(
            """
            UPDATE account_counters SET granted_bytes = used_bytes, granted_messages = used_messages
            WHERE account_id IN (\(accounts))
            """,
            [.integer(id)]
        )
    }

    /// Makes the sums of an organisation and its domains anew; the organisation's node must be locked.
    static func sumGrants(of organisation: OrganisationID, _ connection: any SQLConnection) throws(StoreError) {
        for (condition, accounts) in [
            ("level = 'organisation' AND node_id = $1", "SELECT account_id FROM accounts WHERE organisation_id = $1"),
            (
                "level = 'domain' AND node_id IN (SELECT domain_id FROM domains WHERE organisation_id = $1)",
                """
                SELECT account_id FROM accounts JOIN domains ON domains.name = accounts.domain
                WHERE domains.domain_id = quota_nodes.node_id
                """
            ),
        ] {
            try connection.execute(
                """
                UPDATE quota_nodes SET granted_bytes = (
                    SELECT CAST(COALESCE(SUM(granted_bytes), 0) AS BIGINT) FROM account_counters WHERE account_id IN (\(accounts))
                ), granted_messages = (
                    SELECT CAST(COALESCE(SUM(granted_messages), 0) AS BIGINT) FROM account_counters WHERE account_id IN (\(accounts))
                ) WHERE \(condition)
                """,
                [.integer(organisation.rawValue)]
            )
        }
    }

    // MARK: - Auditing

    /// An account's counters and what its messages add up to.
    struct Drift: Sendable {
        var account: AccountID
        var bytes: Int64
        var messages: Int64
        var text: String {
            "account \(account): the quota counts \(bytes) octets and \(messages) messages too many"
        }
    }

    /// nil when the counters are right, or the account is not there.
    static func drift(of account: AccountID, _ connection: any SQLConnection) throws(StoreError) -> Drift? {
        let drift = try connection.first(
            """
            SELECT used_bytes - (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM messages WHERE account_id = $1),
            used_messages - (SELECT COUNT(*) FROM messages WHERE account_id = $1) FROM account_counters WHERE account_id = $1
            """,
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in Drift(account: account, bytes: row.integer(0), messages: row.integer(1)) }
        return drift.flatMap { $0.bytes == 0 && $0.messages == 0 ? nil : $0 }
    }

    /// Rows that break what must hold between grants and limits: a text, and octets.
    static let grantFindings = """
        SELECT 'account ' || account_id || ' uses more than it was granted under a limit', used_bytes - COALESCE(granted_bytes, 0)
        FROM account_counters WHERE COALESCE(granted_bytes, 0) < used_bytes AND account_id IN (
            SELECT account_id FROM accounts LEFT JOIN domains ON domains.name = accounts.domain JOIN quota_nodes
            ON level = 'organisation' AND node_id = accounts.organisation_id OR level = 'domain' AND node_id = domains.domain_id
            WHERE hard_bytes IS NOT NULL
        )
        UNION ALL SELECT 'account ' || account_id || ' has more messages than it was granted under a limit', 0
        FROM account_counters WHERE COALESCE(granted_messages, 0) < used_messages AND account_id IN (
            SELECT account_id FROM accounts LEFT JOIN domains ON domains.name = accounts.domain JOIN quota_nodes
            ON level = 'organisation' AND node_id = accounts.organisation_id OR level = 'domain' AND node_id = domains.domain_id
            WHERE hard_messages IS NOT NULL
        )
        UNION ALL SELECT level || ' ' || node_id || ' has granted other than its accounts have', ABS(granted_bytes - given_bytes)
        FROM (
            SELECT level, node_id, hard_bytes, hard_messages, granted_bytes, granted_messages, (
                SELECT CAST(COALESCE(SUM(account_counters.granted_bytes), 0) AS BIGINT) FROM account_counters
                JOIN accounts ON accounts.account_id = account_counters.account_id
                LEFT JOIN domains ON domains.name = accounts.domain
                WHERE level = 'organisation' AND node_id = accounts.organisation_id OR level = 'domain' AND node_id = domains.domain_id
            ) AS given_bytes, (
                SELECT CAST(COALESCE(SUM(account_counters.granted_messages), 0) AS BIGINT) FROM account_counters
                JOIN accounts ON accounts.account_id = account_counters.account_id
                LEFT JOIN domains ON domains.name = accounts.domain
                WHERE level = 'organisation' AND node_id = accounts.organisation_id OR level = 'domain' AND node_id = domains.domain_id
            ) AS given_messages FROM quota_nodes WHERE hard_bytes IS NOT NULL OR hard_messages IS NOT NULL
        ) AS nodes WHERE hard_bytes IS NOT NULL AND granted_bytes <> given_bytes
        OR hard_messages IS NOT NULL AND granted_messages <> given_messages
        """
}

extension SQLStore {
    package func auditQuota(after: AccountID?, limit: Int) async throws(StoreError) -> QuotaAudit {
        try await database.read { connection throws(StoreError) in
            var audit = QuotaAudit()
            let accounts = try connection.all(
                "SELECT account_id FROM account_counters WHERE account_id > $1 ORDER BY account_id LIMIT $2",
                [.integer(after?.rawValue ?? -1), .integer(Int64(limit))]
            ) { row throws(StoreError) in AccountID(row.integer(0)) }
            for account in accounts {
                audit.accounts += 1
                guard let drift = try QuotaCount.drift(of: account, connection) else { continue }
                audit.note(drift)
            }
            audit.last = accounts.count == limit ? accounts.last : nil
            guard audit.last == nil else { return audit }
            try connection.query(QuotaCount.grantFindings, []) { row throws(StoreError) in
                audit.findings.append(row.text(0))
                audit.driftBytes += row.integer(1)
            }
            return audit
        }
    }

    package func repairQuota(of account: AccountID?, audit: AuditEvent) async throws(StoreError) -> QuotaAudit {
        var found = QuotaAudit()
        var after = account.map { AccountID($0.rawValue - 1) }
        repeat {
            let start = after
            let limit = account == nil ? 100 : 1
            let page = try await database.read { connection throws(StoreError) in
                try connection.all(
                    "SELECT account_id FROM account_counters WHERE account_id > $1 ORDER BY account_id LIMIT $2",
                    [.integer(start?.rawValue ?? -1), .integer(Int64(limit))]
                ) { row throws(StoreError) in AccountID(row.integer(0)) }
            }
            if let account, page.first != account { throw .notFound }
            for one in page {
                found.accounts += 1
                if let drift = try await repair(one, audit) { found.note(drift) }
            }
            after = account == nil ? page.last : nil
        } while after != nil
        found.findings += try await repairGrants()
        return found
    }

    private func repair(_ account: AccountID, _ audit: AuditEvent) async throws(StoreError) -> QuotaCount.Drift? {
        try await database.write(of: account.rawValue) { connection throws(StoreError) in
            try Self.lock([account], connection)
            guard let drift = try QuotaCount.drift(of: account, connection) else { return nil }
            try connection.execute(
                """
                UPDATE account_counters SET used_bytes = used_bytes - $2, used_messages = used_messages - $3 WHERE account_id = $1
                """,
                [.integer(account.rawValue), .integer(drift.bytes), .integer(drift.messages)]
            )
            var event = audit
            if let name = try Self.account(account, connection) { event.subject = name.primaryAddress.canonical }
            event.detail = "{\"octets\":\(drift.bytes),\"messages\":\(drift.messages)}"
            try Self.record(event, connection)
            return drift
        }
    }

    /// Makes every grant what is used, and every sum what is granted, where something limits.
    private func repairGrants() async throws(StoreError) -> [String] {
        let findings = try await database.read { connection throws(StoreError) in
            try connection.all(QuotaCount.grantFindings) { row throws(StoreError) in row.text(0) }
        }
        guard !findings.isEmpty else { return [] }
        let organisations = try await database.read { connection throws(StoreError) in
            try connection.all("SELECT organisation_id FROM organisations ORDER BY organisation_id") {
                row throws(StoreError) in OrganisationID(row.integer(0))
            }
        }
        for organisation in organisations {
            try await database.write { connection throws(StoreError) in
                try QuotaCount.lock(organisation, connection)
                try QuotaCount.grantWhatIsUsed(under: .organisation, organisation.rawValue, connection)
                try QuotaCount.sumGrants(of: organisation, connection)
            }
        }
        return findings
    }
}

extension QuotaAudit {
    mutating func note(_ drift: QuotaCount.Drift) {
        driftBytes += abs(drift.bytes)
        driftMessages += abs(drift.messages)
        findings.append(drift.text)
    }
}
