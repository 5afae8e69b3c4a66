import Database
package import MailModel
package import MailPorts

extension SQLStore: QuotaStore {
    package func quota(of subject: QuotaSubject) async throws(StoreError) -> QuotaStanding {
        try await database.read { connection throws(StoreError) in try QuotaReader.standing(of: subject, connection) }
    }

    package func setLimits(
        _ limits: QuotaLimits,
        of subject: QuotaSubject,
        audit: AuditEvent
    ) async throws(StoreError) -> QuotaStanding {
        if let fault = limits.fault { throw .refused(fault.why) }
        return try await database.write { connection throws(StoreError) in
            let before: QuotaStanding
            if case .account(let account) = subject {
                before = try QuotaReader.standing(of: subject, connection)
                try Self.setLimits(limits, of: account, connection)
            } else {
                let node = try QuotaReader.node(subject, connection)
                before = try QuotaReader.standing(ofNode: node, connection)
                try Self.setLimits(limits, of: node, connection)
            }
            var event = audit
            event.detail = Self.detail(before: before.limits, after: limits)
            try Self.record(event, of: before.organisation, connection)
            return try QuotaReader.standing(of: subject, connection)
        }
    }

    static func setLimits(
        _ limits: QuotaLimits,
        of account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let counters = try connection.first(
            """
            UPDATE account_counters SET quota_bytes = $2, soft_bytes = $3, quota_messages = $4, soft_messages = $5
            WHERE account_id = $1 RETURNING \(QuotaLedger.columns)
            """,
            [
                .integer(account.rawValue), .optional(limits.hardBytes), .optional(limits.softBytes),
                .optional(limits.hardMessages), .optional(limits.softMessages),
            ]
        ) { row throws(StoreError) in QuotaLedger.counters(row, from: 0) }
        guard let counters else { throw .notFound }
        guard !limits.reached(bytes: counters.usedBytes, messages: counters.usedMessages).isEmpty else { return }
        try QuotaLedger(connection: connection, account: account).mark()
    }

    private static func setLimits(
        _ limits: QuotaLimits,
        of node: QuotaReader.NodeName,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try QuotaCount.lock(node.organisation, connection)
        try connection.execute(
            """
            INSERT INTO quota_nodes (
                level, node_id, hard_bytes, soft_bytes, hard_messages, soft_messages, granted_bytes, granted_messages, told
            ) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0) ON CONFLICT (level, node_id) DO UPDATE SET
            hard_bytes = $3, soft_bytes = $4, hard_messages = $5, soft_messages = $6
            """,
            [
                .text(node.subject.level.rawValue), .integer(node.id), .optional(limits.hardBytes),
                .optional(limits.softBytes), .optional(limits.hardMessages), .optional(limits.softMessages),
            ]
        )
        // Accounts that nothing limited until now are given what they use, and the sums are made anew.
        try QuotaCount.grantWhatIsUsed(under: node.subject.level, node.id, connection)
        try QuotaCount.sumGrants(of: node.organisation, connection)
    }

    static func detail(before: QuotaLimits, after: QuotaLimits) -> String {
        "{\"before\":\(members(before)),\"after\":\(members(after))}"
    }

    private static func members(_ limits: QuotaLimits) -> String {
        func text(_ limit: Int64?) -> String { limit.map { "\($0)" } ?? "null" }
        return """
            {"hard_bytes":\(text(limits.hardBytes)),"soft_bytes":\(text(limits.softBytes)),\
            "hard_messages":\(text(limits.hardMessages)),"soft_messages":\(text(limits.softMessages))}
            """
    }

    // MARK: - Telling

    package func quotaNews(limit: Int) async throws(StoreError) -> [QuotaStanding] {
        let fallen = try await database.read { connection throws(StoreError) in
            try Self.watched(connection).filter { Self.kept($0) != $0.told || Self.isOver($0) }
        }
        if !fallen.isEmpty {
            try await database.write { connection throws(StoreError) in
                for old in fallen {
                    // The present one, under its lock.
                    let told = try Self.lockTold(old, connection)
                    guard let told else { continue }
                    var now = try QuotaReader.standing(of: old.subject, connection)
                    now.told = told
                    if Self.isOver(now) {
                        try Self.forgetMark(now, connection)
                    } else if Self.kept(now) != told {
                        try Self.setTold(Self.kept(now), of: now, connection)
                    }
                }
            }
        }
        return try await database.read { connection throws(StoreError) in
            Array(try Self.watched(connection).filter { !$0.untold.isEmpty }.prefix(limit))
        }
    }

    package func tell(
        _ news: QuotaStanding,
        by mail: DeliveryPlan?,
        audit: AuditEvent
    ) async throws(StoreError) -> Bool {
        let stored: StoredBytes?
        if let mail { stored = try await prepare(mail.bytes) } else { stored = nil }
        do throws(StoreError) {
            let delivered = try await database.write { connection throws(StoreError) -> Delivered? in
                var delivered: Delivered?
                // First, as a delivery locks its accounts before anything above them.
                if let mail, let stored { delivered = try Self.deliver(mail, stored, connection) }
                guard try Self.lockTold(news, connection) == news.told else { throw .alreadyExists }
                try Self.setTold(news.told.union(news.untold), of: news, connection)
                try Self.record(audit, of: news.organisation, connection)
                return delivered
            }
            if let delivered { publish(delivered, hasQueueWork: !(mail?.remote.isEmpty ?? true)) }
            return true
        } catch .alreadyExists {
            return false
        }
    }

    /// What stays told at the present use.
    private static func kept(_ standing: QuotaStanding) -> QuotaSteps {
        standing.told.intersection(
            standing.limits.reached(
                bytes: standing.usedBytes,
                messages: standing.usedMessages,
                slack: QuotaSteps.slack
            )
        )
    }

    /// Whether an account's mark has served: nothing is told, nothing is to be told.
    private static func isOver(_ standing: QuotaStanding) -> Bool {
        guard case .account = standing.subject else { return false }
        return kept(standing).isEmpty
            && standing.limits.reached(
                bytes: standing.usedBytes,
                messages: standing.usedMessages,
                slack: QuotaSteps.slack
            ).isEmpty
    }

    /// Accounts with a mark, and levels above that have limits and may be near them.
    private static func watched(_ connection: any SQLConnection) throws(StoreError) -> [QuotaStanding] {
        var subjects = try connection.all("SELECT account_id FROM quota_marks ORDER BY account_id") {
            row throws(StoreError) in QuotaSubject.account(AccountID(row.integer(0)))
        }
        subjects += try connection.all(
            """
            SELECT node_id FROM quota_nodes WHERE level = 'organisation' AND \(nearLimit)
            AND node_id IN (SELECT organisation_id FROM organisations) ORDER BY node_id
            """
        ) { row throws(StoreError) in QuotaSubject.organisation(OrganisationID(row.integer(0))) }
        subjects += try connection.all(
            """
            SELECT name FROM quota_nodes JOIN domains ON domains.domain_id = quota_nodes.node_id
            WHERE level = 'domain' AND \(nearLimit) AND status <> 'deleted' ORDER BY name
            """
        ) { row throws(StoreError) in QuotaSubject.domain(row.text(0)) }
        var standings: [QuotaStanding] = []
        for subject in subjects {
            do throws(StoreError) {
                standings.append(try QuotaReader.standing(of: subject, connection))
            } catch .notFound {
                continue
            }
        }
        return standings
    }

    /// What is used is never more than what is granted, so that who has granted little needs no sum.
    private static let nearLimit = """
        (told <> 0 OR granted_bytes * 100 >= hard_bytes * 80 OR granted_messages * 100 >= hard_messages * 80
        OR soft_bytes IS NOT NULL OR soft_messages IS NOT NULL)
        """

    /// What is told of it, locked; nil when it is not there any more.
    private static func lockTold(
        _ standing: QuotaStanding,
        _ connection: any SQLConnection
    ) throws(StoreError) -> QuotaSteps? {
        let (query, key) = try toldQuery(standing, connection)
        return try connection.first("SELECT told FROM \(query)\(connection.dialect.forUpdate)", key) {
            row throws(StoreError) in QuotaSteps(rawValue: row.integer(0))
        }
    }

    private static func setTold(
        _ told: QuotaSteps,
        of standing: QuotaStanding,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        if case .account(let account) = standing.subject {
            try connection.execute(
                "UPDATE quota_marks SET told = $2 WHERE account_id = $1",
                [.integer(account.rawValue), .integer(told.rawValue)]
            )
        } else {
            try connection.execute(
                "UPDATE quota_nodes SET told = $3 WHERE level = $1 AND node_id = $2",
                [
                    .text(standing.subject.level.rawValue),
                    .integer(try QuotaReader.node(standing.subject, connection).id), .integer(told.rawValue),
                ]
            )
        }
    }

    private static func forgetMark(
        _ standing: QuotaStanding,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        guard case .account(let account) = standing.subject else { return }
        try connection.execute("DELETE FROM quota_marks WHERE account_id = $1", [.integer(account.rawValue)])
    }

    private static func toldQuery(
        _ standing: QuotaStanding,
        _ connection: any SQLConnection
    ) throws(StoreError) -> (String, [SQLValue]) {
        if case .account(let account) = standing.subject {
            return ("quota_marks WHERE account_id = $1", [.integer(account.rawValue)])
        }
        return (
            "quota_nodes WHERE level = $1 AND node_id = $2",
            [
                .text(standing.subject.level.rawValue),
                .integer(try QuotaReader.node(standing.subject, connection).id),
            ]
        )
    }
}
