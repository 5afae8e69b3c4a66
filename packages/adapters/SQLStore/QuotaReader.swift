import Database
import MailModel
import MailPorts

/// Reads limits and use of the levels of the quota tree.
enum QuotaReader {
    /// 1 where an account has used up what it was granted, or has as many messages as it may: worth a closer look.
    static let isPressed = """
        CASE WHEN used_bytes >= granted_bytes OR used_messages >= granted_messages OR used_messages >= quota_messages
        THEN 1 ELSE 0 END
        """

    /// The level that has no room for another message to the account; nil when each has some.
    static func fullLevel(
        above account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> QuotaLevel? {
        let own = try connection.first(
            "SELECT CASE WHEN used_messages >= quota_messages THEN 1 ELSE 0 END FROM account_counters WHERE account_id = $1",
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in row.integer(0) }
        if own == 1 { return .account }
        let nodes = try connection.all(
            """
            SELECT level, node_id, hard_bytes, hard_messages FROM quota_nodes
            WHERE (level = 'organisation' AND node_id = (SELECT organisation_id FROM accounts WHERE account_id = $1)
            OR level = 'domain' AND node_id = (
                SELECT domain_id FROM domains WHERE name = (SELECT domain FROM accounts WHERE account_id = $1)
            )) AND (hard_bytes IS NOT NULL OR hard_messages IS NOT NULL) ORDER BY level DESC
            """,
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in
            (level: row.text(0), id: row.integer(1), bytes: row.optionalInteger(2), messages: row.optionalInteger(3))
        }
        for node in nodes {
            guard let level = QuotaLevel(rawValue: node.level) else { continue }
            let used = try use(of: level, node.id, connection)
            if let limit = node.bytes, used.bytes >= limit { return level }
            if let limit = node.messages, used.messages >= limit { return level }
        }
        return nil
    }

    /// The sum over the accounts of a level.
    static func use(
        of level: QuotaLevel,
        _ id: Int64,
        _ connection: any SQLConnection
    ) throws(StoreError) -> (bytes: Int64, messages: Int64, accounts: Int) {
        try connection.first(
            """
            SELECT CAST(COALESCE(SUM(used_bytes), 0) AS BIGINT), CAST(COALESCE(SUM(used_messages), 0) AS BIGINT), COUNT(*)
            FROM account_counters WHERE account_id IN (\(QuotaGrants.accounts(of: level)))
            """,
            [.integer(id)]
        ) { row throws(StoreError) in (row.integer(0), row.integer(1), Int(row.integer(2))) } ?? (0, 0, 0)
    }

    static func standing(
        of subject: QuotaSubject,
        _ connection: any SQLConnection
    ) throws(StoreError) -> QuotaStanding {
        switch subject {
        case .account(let account): try standing(of: account, connection)
        case .domain, .organisation: try standing(ofNode: try node(subject, connection), connection)
        }
    }

    private static func standing(
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> QuotaStanding {
        let found = try connection.first(
            """
            SELECT accounts.organisation_id, addresses.written, COALESCE(told, 0), \(QuotaLedger.columns) FROM accounts
            JOIN account_counters ON account_counters.account_id = accounts.account_id
            JOIN addresses ON addresses.address = accounts.primary_address
            LEFT JOIN quota_marks ON quota_marks.account_id = accounts.account_id WHERE accounts.account_id = $1
            """,
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in
            let counters = QuotaLedger.counters(row, from: 3)
            return QuotaStanding(
                subject: .account(account),
                organisation: OrganisationID(row.integer(0)),
                name: row.text(1),
                limits: counters.limits,
                usedBytes: counters.usedBytes,
                usedMessages: counters.usedMessages,
                accounts: 1,
                told: QuotaSteps(rawValue: row.integer(2))
            )
        }
        guard let found else { throw .notFound }
        return found
    }

    /// A domain or an organisation.
    struct NodeName: Sendable {
        var subject: QuotaSubject
        var id: Int64
        var organisation: OrganisationID
        var name: String
    }

    static func node(_ subject: QuotaSubject, _ connection: any SQLConnection) throws(StoreError) -> NodeName {
        let found: NodeName?
        switch subject {
        case .organisation(let id):
            found = try connection.first(
                "SELECT name FROM organisations WHERE organisation_id = $1",
                [.integer(id.rawValue)]
            ) { row throws(StoreError) in
                NodeName(subject: subject, id: id.rawValue, organisation: id, name: row.text(0))
            }
        case .domain(let name):
            found = try connection.first(
                "SELECT domain_id, organisation_id, name FROM domains WHERE name = $1",
                [.text(EmailAddress.lowercased(name))]
            ) { row throws(StoreError) in
                NodeName(
                    subject: .domain(row.text(2)),
                    id: row.integer(0),
                    organisation: OrganisationID(row.integer(1)),
                    name: row.text(2)
                )
            }
        case .account: found = nil
        }
        guard let found else { throw .notFound }
        return found
    }

    static func standing(
        ofNode node: NodeName,
        _ connection: any SQLConnection
    ) throws(StoreError) -> QuotaStanding {
        let used = try use(of: node.subject.level, node.id, connection)
        let limits = try connection.first(
            """
            SELECT hard_bytes, soft_bytes, hard_messages, soft_messages, told FROM quota_nodes
            WHERE level = $1 AND node_id = $2
            """,
            [.text(node.subject.level.rawValue), .integer(node.id)]
        ) { row throws(StoreError) in
            (
                limits: QuotaLimits(
                    hardBytes: row.optionalInteger(0),
                    softBytes: row.optionalInteger(1),
                    hardMessages: row.optionalInteger(2),
                    softMessages: row.optionalInteger(3)
                ), told: QuotaSteps(rawValue: row.integer(4))
            )
        }
        return QuotaStanding(
            subject: node.subject,
            organisation: node.organisation,
            name: node.name,
            limits: limits?.limits ?? .none,
            usedBytes: used.bytes,
            usedMessages: used.messages,
            accounts: used.accounts,
            told: limits?.told ?? []
        )
    }
}
