import Database
package import MailModel
package import MailPorts

extension SQLStore: BanStore {
    /// Remembered rows that make room for a new one at once.
    private static let roomAtOnce: Int64 = 100

    package func ban(
        _ order: AutomaticBan,
        audit: @escaping @Sendable (Ban) -> AuditEvent
    ) async throws(StoreError) -> AutomaticBanOutcome {
        let network = order.network.masked
        return try await database.write { connection throws(StoreError) in
            let number = try Self.nextChange(connection)
            let known = try Self.ban(of: network, connection)
            if let known, known.isInForce(at: order.at) { return .unnecessary }
            if known?.isAutomatic != true {
                guard try Self.hasRoom(order, connection) else { return .full }
            }
            var times = 1
            if let known, known.kind == .ban, let until = known.until,
                until.adding(seconds: order.growth.memorySeconds) > order.at
            {
                times += known.times
            }
            let ban = Ban(
                id: try Self.id(known, connection),
                network: network,
                kind: .ban,
                isAutomatic: true,
                reason: order.reason,
                since: order.at,
                until: order.at.adding(seconds: order.growth.seconds(of: times)),
                times: times,
                madeBy: Ban.platform,
                number: number
            )
            try Self.put(ban, connection)
            try Self.record(audit(ban), connection)
            return .made(ban)
        }
    }

    /// Whether there may be another row of the platform's own; ended ones give way.
    private static func hasRoom(
        _ order: AutomaticBan,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Bool {
        let count = try count("is_automatic = 1", [], connection)
        guard count >= order.limit else { return true }
        return try connection.execute(
            """
            DELETE FROM bans WHERE ban_id IN (
                SELECT ban_id FROM bans WHERE is_automatic = 1 AND ends_at <= $1 ORDER BY ends_at LIMIT $2
            )
            """,
            [.integer(order.at.microseconds), .integer(roomAtOnce)]
        ) > 0
    }

    package func putBan(_ order: ManualBan, audit: AuditEvent) async throws(StoreError) -> Ban {
        let network = order.network.masked
        return try await database.write { connection throws(StoreError) in
            let number = try Self.nextChange(connection)
            let known = try Self.ban(of: network, connection)
            if known.map({ $0.isAutomatic || !$0.isInForce(at: order.at) }) ?? true {
                let count = try Self.count(
                    "is_automatic = 0 AND (ends_at IS NULL OR ends_at > $1)",
                    [.integer(order.at.microseconds)],
                    connection
                )
                guard count < order.limit else {
                    throw .refused("there are \(order.limit) bans and exemptions, which is as many as may be")
                }
            }
            let earlier = known?.kind == .ban ? known?.times ?? 0 : 0
            let ban = Ban(
                id: try Self.id(known, connection),
                network: network,
                kind: order.kind,
                isAutomatic: false,
                reason: order.reason,
                since: order.at,
                until: order.until,
                times: order.kind == .ban ? earlier + 1 : 0,
                madeBy: order.madeBy,
                number: number
            )
            try Self.put(ban, connection)
            try Self.record(audit, connection)
            return ban
        }
    }

    package func liftBan(
        _ id: BanID,
        now: Timestamp,
        audit: @escaping @Sendable (Ban) -> AuditEvent
    ) async throws(StoreError) -> Ban {
        try await database.write { connection throws(StoreError) in
            let number = try Self.nextChange(connection)
            guard let known = try Self.ban(id, connection), known.isInForce(at: now) else { throw .notFound }
            var ban = known
            (ban.until, ban.times, ban.number) = (now, 0, number)
            try Self.put(ban, connection)
            try Self.record(audit(known), connection)
            return ban
        }
    }

    package func ban(_ id: BanID) async throws(StoreError) -> Ban? {
        try await database.read { connection throws(StoreError) in try Self.ban(id, connection) }
    }

    package func bans(_ listing: BanListing) async throws(StoreError) -> [Ban] {
        let key =
            switch listing.sort {
            case .since: "begun_at"
            case .until: "COALESCE(ends_at, 0)"
            case .network: "network"
            }
        var statement = ListStatement()
        statement.require("kind =", listing.kind.map { .text($0.rawValue) })
        statement.require("is_automatic =", listing.isAutomatic.map { .integer($0 ? 1 : 0) })
        if let state = listing.state {
            let now = statement.value(.integer(listing.now.microseconds))
            statement.conditions.append(
                state == .inForce ? "(ends_at IS NULL OR ends_at > \(now))" : "ends_at <= \(now)"
            )
        }
        if let address = listing.covering {
            let networks = (0...address.bytes.count * 8).compactMap { IPNetwork(of: address, prefixLength: $0) }
            let places = networks.map { statement.value(.text($0.description)) }
            statement.conditions.append("network IN (\(places.joined(separator: ", ")))")
        }
        statement.require(["network", "reason", "made_by"], contain: listing.text)
        return try await all(Self.banQuery + statement.page(listing, by: key, "ban_id"), statement, Self.ban)
    }

    package func banChanges(after number: Int64, limit: Int) async throws(StoreError) -> [Ban] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.banQuery) WHERE number > $1 ORDER BY number LIMIT $2",
                [.integer(number), .integer(Int64(limit))],
                Self.ban
            )
        }
    }

    package func sweepBans(endedBefore time: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                "DELETE FROM bans WHERE ban_id IN (SELECT ban_id FROM bans WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)",
                [.integer(time.microseconds), .integer(Int64(limit))]
            )
        }
    }

    // MARK: - Rows

    private static let banQuery = """
        SELECT ban_id, network, kind, is_automatic, reason, begun_at, ends_at, times, made_by, number FROM bans
        """

    /// Taken first by whoever changes bans: they take turns, so that numbers become visible in their order.
    private static func nextChange(_ connection: any SQLConnection) throws(StoreError) -> Int64 {
        try next("ban changes", connection)
    }

    /// A network keeps its number.
    private static func id(_ known: Ban?, _ connection: any SQLConnection) throws(StoreError) -> BanID {
        if let known { return known.id }
        return BanID(try next("bans", connection))
    }

    private static func count(
        _ condition: String,
        _ values: [SQLValue],
        _ connection: any SQLConnection
    ) throws(StoreError) -> Int64 {
        try connection.first("SELECT COUNT(*) FROM bans WHERE \(condition)", values) { row throws(StoreError) in
            row.integer(0)
        } ?? 0
    }

    private static func ban(of network: IPNetwork, _ connection: any SQLConnection) throws(StoreError) -> Ban? {
        try connection.first("\(banQuery) WHERE network = $1", [.text(network.description)], ban)
    }

    private static func ban(_ id: BanID, _ connection: any SQLConnection) throws(StoreError) -> Ban? {
        try connection.first("\(banQuery) WHERE ban_id = $1", [.integer(id.rawValue)], ban)
    }

    private static func put(_ ban: Ban, _ connection: any SQLConnection) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO bans (ban_id, network, kind, is_automatic, reason, begun_at, ends_at, times, made_by, number)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (ban_id)
            DO UPDATE SET kind = $3, is_automatic = $4, reason = $5, begun_at = $6, ends_at = $7, times = $8, made_by = $9,
            number = $10
            """,
            [
                .integer(ban.id.rawValue), .text(ban.network.description), .text(ban.kind.rawValue),
                .integer(ban.isAutomatic ? 1 : 0), .text(ban.reason), .integer(ban.since.microseconds),
                .optional(ban.until?.microseconds), .integer(Int64(ban.times)), .text(ban.madeBy), .integer(ban.number),
            ]
        )
    }

    private static func ban(_ row: any SQLRow) throws(StoreError) -> Ban {
        guard let network = IPNetwork(row.text(1)) else { throw .damaged(reportID: "ban \(row.integer(0))") }
        return Ban(
            id: BanID(row.integer(0)),
            network: network,
            kind: Ban.Kind(rawValue: row.text(2)) ?? .ban,
            isAutomatic: row.integer(3) != 0,
            reason: row.text(4),
            since: Timestamp(microseconds: row.integer(5)),
            until: row.optionalInteger(6).map { Timestamp(microseconds: $0) },
            times: Int(row.integer(7)),
            madeBy: row.text(8),
            number: row.integer(9)
        )
    }
}
