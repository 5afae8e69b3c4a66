import Database
import MailModel
import MailPorts

/// Hands room under the limits of organisations and domains to accounts, in portions.
///
/// What is granted under a limit never adds up to more than the limit, and no account uses more than it was granted: so the
/// limit holds, and a delivery locks no row but its account's until the portion is used up. Portions shrink as room does;
/// when it is short, what others were granted and do not use is taken back.
///
/// Locks are taken in one order: the account, then its organisation's node, then nodes of domains. Who has the organisation's
/// node locked is alone with every grant of the organisation.
struct QuotaGrants {
    /// Of the room that is left, the part that one portion takes at most.
    static let shareOfRoom: Int64 = 32
    /// Accounts whose unused room is taken back at once.
    static let reclaimedAtOnce = 500

    let connection: any SQLConnection
    let account: AccountID

    /// Octets or messages.
    struct Measure: Sendable {
        var name: String
        /// The largest portion.
        var portion: Int64
        static let bytes = Measure(name: "bytes", portion: 16 << 20)
        static let messages = Measure(name: "messages", portion: 256)
        static let all = [bytes, messages]
    }

    /// A domain or an organisation with what it has left of one measure.
    private struct Node {
        var level: QuotaLevel
        var id: Int64
        var hard: [String: Int64] = [:]
        var granted: [String: Int64] = [:]

        /// nil: not limited.
        func room(_ measure: Measure) -> Int64? { hard[measure.name].map { $0 - granted[measure.name, default: 0] } }
    }

    /// Gives the account what it uses and has not been granted.
    ///
    /// - Throws: `.levelFull` when a level has not so much left.
    func enlarge(_ counters: QuotaLedger.Counters) throws(StoreError) {
        let place = try place()
        var nodes = [try lock(.organisation, place.organisation)]
        if let domain = place.domain { nodes.append(try lock(.domain, domain)) }
        var grants: [SQLValue] = []
        for measure in Measure.all {
            let (used, granted) =
                measure.name == Measure.bytes.name
                ? (counters.usedBytes, counters.grantedBytes) : (counters.usedMessages, counters.grantedMessages)
            guard nodes.contains(where: { $0.hard[measure.name] != nil }) else {
                grants.append(.null)
                continue
            }
            let more = try portion(measure, needed: max(0, used - (granted ?? 0)), &nodes)
            grants.append(.integer((granted ?? 0) + more))
            for node in nodes where node.hard[measure.name] != nil { try add(more, measure, node.level, node.id) }
        }
        try connection.post(
            "UPDATE account_counters SET granted_bytes = $2, granted_messages = $3 WHERE account_id = $1",
            [.integer(account.rawValue)] + grants
        )
    }

    /// How much the account is given: what it needs, and a share of what is left then.
    private func portion(_ measure: Measure, needed: Int64, _ nodes: inout [Node]) throws(StoreError) -> Int64 {
        for place in nodes.indices {
            while let room = nodes[place].room(measure), room < needed {
                let back = try reclaim(measure, under: nodes[place].level, nodes[place].id)
                guard !back.isEmpty else { throw .levelFull(nodes[place].level) }
                for other in nodes.indices { nodes[other].granted[measure.name, default: 0] -= back[other, nodes] }
            }
        }
        let left = nodes.compactMap { $0.room(measure) }.min() ?? 0
        return needed + min(measure.portion, max(0, left - needed) / Self.shareOfRoom)
    }

    // MARK: - Nodes

    private func place() throws(StoreError) -> (organisation: Int64, domain: Int64?) {
        let found = try connection.first(
            """
            SELECT accounts.organisation_id, domains.domain_id FROM accounts LEFT JOIN domains ON domains.name = accounts.domain
            WHERE account_id = $1
            """,
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in (organisation: row.integer(0), domain: row.optionalInteger(1)) }
        guard let found else { throw .notFound }
        return found
    }

    /// Makes the node if need be, and locks it.
    private func lock(_ level: QuotaLevel, _ id: Int64) throws(StoreError) -> Node {
        let node = try connection.first(
            """
            INSERT INTO quota_nodes (level, node_id, granted_bytes, granted_messages, told) VALUES ($1, $2, 0, 0, 0)
            ON CONFLICT (level, node_id) DO UPDATE SET told = quota_nodes.told
            RETURNING hard_bytes, hard_messages, granted_bytes, granted_messages
            """,
            [.text(level.rawValue), .integer(id)]
        ) { row throws(StoreError) in
            var node = Node(level: level, id: id)
            for (place, measure) in Measure.all.enumerated() {
                node.hard[measure.name] = row.optionalInteger(place)
                node.granted[measure.name] = row.integer(place + 2)
            }
            return node
        }
        guard let node else { throw .notFound }
        return node
    }

    private func add(_ count: Int64, _ measure: Measure, _ level: QuotaLevel, _ id: Int64) throws(StoreError) {
        guard count != 0 else { return }
        try connection.post(
            """
            UPDATE quota_nodes SET granted_\(measure.name) = granted_\(measure.name) + $3
            WHERE level = $1 AND node_id = $2 AND hard_\(measure.name) IS NOT NULL
            """,
            [.text(level.rawValue), .integer(id), .integer(count)]
        )
    }

    // MARK: - Taking back

    /// What was taken back, in all and by domain.
    private struct Reclaimed {
        var total: Int64 = 0
        var domains: [Int64: Int64] = [:]
        var isEmpty: Bool { total == 0 }

        /// What the node in that place has more now.
        subscript(place: Int, nodes: [Node]) -> Int64 {
            switch nodes[place].level {
            case .organisation: total
            case .domain, .account: domains[nodes[place].id, default: 0]
            }
        }
    }

    /// Takes back what other accounts under the node were granted and do not use.
    ///
    /// Accounts that take mail at this moment keep theirs.
    private func reclaim(_ measure: Measure, under level: QuotaLevel, _ id: Int64) throws(StoreError) -> Reclaimed {
        let unused = "granted_\(measure.name) - used_\(measure.name)"
        let rows = try connection.all(
            """
            SELECT account_id, \(unused), (
                SELECT domain_id FROM domains WHERE name = (SELECT domain FROM accounts WHERE accounts.account_id = account_counters.account_id)
            ) FROM account_counters WHERE account_id IN (\(Self.accounts(of: level))) AND \(unused) > 0 AND account_id <> $2
            ORDER BY \(unused) DESC LIMIT \(Self.reclaimedAtOnce)\(connection.dialect.forUpdateSkippingLocked)
            """,
            [.integer(id), .integer(account.rawValue)]
        ) { row throws(StoreError) in (account: row.integer(0), count: row.integer(1), domain: row.optionalInteger(2)) }
        var found = Reclaimed()
        for row in rows {
            try connection.post(
                "UPDATE account_counters SET granted_\(measure.name) = used_\(measure.name) WHERE account_id = $1",
                [.integer(row.account)]
            )
            found.total += row.count
            if let domain = row.domain { found.domains[domain, default: 0] += row.count }
        }
        guard found.total > 0 else { return found }
        try add(-found.total, measure, .organisation, try organisation(of: level, id))
        for (domain, count) in found.domains.sorted(by: { $0.key < $1.key }) {
            try add(-count, measure, .domain, domain)
        }
        return found
    }

    private func organisation(of level: QuotaLevel, _ id: Int64) throws(StoreError) -> Int64 {
        guard level == .domain else { return id }
        return try connection.first("SELECT organisation_id FROM domains WHERE domain_id = $1", [.integer(id)]) {
            row throws(StoreError) in row.integer(0)
        } ?? 0
    }

    /// Gives back what an account was granted, before it goes.
    static func release(_ account: AccountID, _ connection: any SQLConnection) throws(StoreError) {
        let grants = QuotaGrants(connection: connection, account: account)
        let place: (organisation: Int64, domain: Int64?)
        do throws(StoreError) { place = try grants.place() } catch .notFound { return } catch { throw error }
        _ = try grants.lock(.organisation, place.organisation)
        let granted = try connection.first(
            "SELECT COALESCE(granted_bytes, 0), COALESCE(granted_messages, 0) FROM account_counters WHERE account_id = $1",
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in [row.integer(0), row.integer(1)] }
        for (measure, count) in zip(Measure.all, granted ?? []) {
            try grants.add(-count, measure, .organisation, place.organisation)
            if let domain = place.domain { try grants.add(-count, measure, .domain, domain) }
        }
    }

    /// Selects the accounts whose mail a node counts; `$1` is its number.
    static func accounts(of level: QuotaLevel) -> String {
        switch level {
        case .organisation: "SELECT account_id FROM accounts WHERE organisation_id = $1"
        case .domain:
            "SELECT account_id FROM accounts WHERE domain = (SELECT name FROM domains WHERE domain_id = $1)"
        case .account: "SELECT account_id FROM accounts WHERE account_id = $1"
        }
    }
}
