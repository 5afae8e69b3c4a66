import Database
package import MailModel
package import MailPorts

extension SQLStore: ZoneStore {
    /// Whether the name in `$2` is the zone's or below it.
    private static let covers = """
        (zone = $2 OR (length(CAST($2 AS TEXT)) > length(zone)
        AND substr(CAST($2 AS TEXT), length(CAST($2 AS TEXT)) - length(zone)) = '.' || zone))
        """

    package func zoneConnection(
        covering name: String,
        of organisation: OrganisationID
    ) async throws(StoreError) -> ZoneConnection? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT \(Self.zoneColumns) FROM zone_connections WHERE organisation_id = $1 AND \(Self.covers)
                ORDER BY length(zone) DESC LIMIT 1
                """,
                [.integer(organisation.rawValue), .text(EmailAddress.lowercased(name))],
                Self.zoneConnection
            )
        }
    }

    package func setZoneConnection(
        _ new: ZoneConnection,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> ZoneConnection {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            let key: [SQLValue] = [.integer(new.organisation.rawValue), .text(new.zone)]
            // Whoever sets one of the organisation's connections does it in turn.
            let organisation = try connection.first(
                "SELECT 1 FROM organisations WHERE organisation_id = $1\(connection.dialect.forUpdate)",
                [key[0]]
            ) { _ throws(StoreError) in true }
            guard organisation == true else { throw .notFound }
            let before = try Self.zoneConnection(key, connection)
            guard expected == nil || expected == before?.version ?? 0 else { throw .alreadyExists }
            try connection.execute(
                """
                INSERT INTO zone_connections (
                    organisation_id, zone, host, port, key_name, algorithm, sealed_secret, is_automatic, repairs_drift,
                    removes_records, version, changed_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                ON CONFLICT (organisation_id, zone) DO UPDATE SET host = $3, port = $4, key_name = $5, algorithm = $6,
                sealed_secret = $7, is_automatic = $8, repairs_drift = $9, removes_records = $10, version = $11,
                changed_at = $12
                """,
                key + [
                    .text(new.host), .integer(Int64(new.port)), .text(new.keyName), .text(new.algorithm.rawValue),
                    .bytes(new.sealedSecret), .integer(new.isAutomatic ? 1 : 0), .integer(new.repairsDrift ? 1 : 0),
                    .integer(new.removesRecords ? 1 : 0), .integer((before?.version ?? 0) + 1),
                    .integer(now.microseconds),
                ]
            )
            try connection.execute(
                "UPDATE zone_states SET next_at = 0, failures = 0, is_told = 0 WHERE organisation_id = $1",
                [key[0]]
            )
            var audit = audit
            audit.detail = Self.zoneChange(from: before, to: new)
            try Self.record(audit, of: new.organisation, connection)
            guard let kept = try Self.zoneConnection(key, connection) else { throw .notFound }
            return kept
        }
    }

    package func removeZoneConnection(_ old: ZoneConnection, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let gone = try connection.execute(
                "DELETE FROM zone_connections WHERE organisation_id = $1 AND zone = $2",
                [.integer(old.organisation.rawValue), .text(old.zone)]
            )
            guard gone == 1 else { throw .notFound }
            var audit = audit
            audit.detail = Self.zoneChange(from: old, to: nil)
            try Self.record(audit, of: old.organisation, connection)
        }
    }

    // MARK: - What was written

    package func zoneState(of member: ZoneMember) async throws(StoreError) -> ZoneState? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT wanted, written_at, fault, failing_since, failures, next_at, is_told FROM zone_states
                WHERE organisation_id = $1 AND domain = $2
                """,
                Self.key(member)
            ) { row throws(StoreError) in
                var state = ZoneState(nextAt: Timestamp(microseconds: row.integer(5)))
                state.wanted = row.text(0)
                state.writtenAt = row.isNull(1) ? nil : Timestamp(microseconds: row.integer(1))
                state.fault = row.isNull(2) ? nil : row.text(2)
                state.failingSince = row.isNull(3) ? nil : Timestamp(microseconds: row.integer(3))
                state.failures = Int(row.integer(4))
                state.isTold = row.integer(6) != 0
                return state
            }
        }
    }

    package func writtenRecords(of member: ZoneMember) async throws(StoreError) -> [WrittenRecord] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT name, kind, value, written_at, is_confirmed FROM zone_records
                WHERE organisation_id = $1 AND domain = $2 ORDER BY name, kind, value
                """,
                Self.key(member)
            ) { row throws(StoreError) in
                guard let kind = DNSRecordKind(rawValue: row.text(1)) else { throw .damaged(reportID: "zone-record") }
                return WrittenRecord(
                    set: ZoneSet(row.text(0), kind),
                    value: row.text(2),
                    at: Timestamp(microseconds: row.integer(3)),
                    isConfirmed: row.integer(4) != 0
                )
            }
        }
    }

    package func intendRecords(
        _ records: [ZoneRecord],
        of member: ZoneMember,
        at now: Timestamp
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            for record in records {
                try connection.execute(
                    """
                    INSERT INTO zone_records (organisation_id, domain, name, kind, value, written_at, is_confirmed)
                    VALUES ($1, $2, $3, $4, $5, $6, 0)
                    ON CONFLICT (organisation_id, domain, name, kind, value) DO NOTHING
                    """,
                    Self.key(member, record) + [.integer(now.microseconds)]
                )
            }
        }
    }

    package func noteZone(
        _ outcome: ZoneOutcome,
        at now: Timestamp,
        audit: AuditEvent?
    ) async throws(StoreError) {
        let (member, state) = (outcome.member, outcome.state)
        try await database.write { connection throws(StoreError) in
            for record in outcome.gone {
                try connection.execute(
                    """
                    DELETE FROM zone_records
                    WHERE organisation_id = $1 AND domain = $2 AND name = $3 AND kind = $4 AND value = $5
                    """,
                    Self.key(member, record)
                )
            }
            for record in outcome.confirmed {
                try connection.execute(
                    """
                    UPDATE zone_records SET is_confirmed = 1, written_at = $6
                    WHERE organisation_id = $1 AND domain = $2 AND name = $3 AND kind = $4 AND value = $5
                    """,
                    Self.key(member, record) + [.integer(now.microseconds)]
                )
            }
            if let audit { try Self.record(audit, of: member.organisation, connection) }
            guard let state else { return }
            try connection.execute(
                """
                INSERT INTO zone_states (
                    organisation_id, domain, wanted, written_at, fault, failing_since, failures, next_at, is_told
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                ON CONFLICT (organisation_id, domain) DO UPDATE SET wanted = $3, written_at = $4, fault = $5,
                failing_since = $6, failures = $7, next_at = $8, is_told = $9
                """,
                Self.key(member) + [
                    .text(state.wanted), .optional(state.writtenAt?.microseconds), .optional(state.fault),
                    .optional(state.failingSince?.microseconds), .integer(Int64(state.failures)),
                    .integer(state.nextAt.microseconds), .integer(state.isTold ? 1 : 0),
                ]
            )
        }
    }

    package func zoneMembers(after last: ZoneMember?, limit: Int) async throws(StoreError) -> [ZoneMember] {
        let within = """
            (is_automatic = 1 OR removes_records = 1) AND (zone = name OR
            (length(name) > length(zone) AND substr(name, length(name) - length(zone)) = '.' || zone))
            """
        return try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT organisation_id, name, state FROM (
                    SELECT domains.organisation_id, name, status AS state FROM domains
                    JOIN zone_connections ON zone_connections.organisation_id = domains.organisation_id WHERE \(within)
                    UNION
                    SELECT domain_claims.organisation_id, name, 'pending' AS state FROM domain_claims
                    JOIN zone_connections ON zone_connections.organisation_id = domain_claims.organisation_id
                    WHERE \(within)
                ) AS members WHERE organisation_id > $1 OR (organisation_id = $1 AND name > $2)
                ORDER BY organisation_id, name LIMIT $3
                """,
                [.integer(last?.organisation.rawValue ?? 0), .text(last?.domain ?? ""), .integer(Int64(limit))]
            ) { row throws(StoreError) in
                guard let state = ZoneMember.State(rawValue: row.text(2)) else {
                    throw .damaged(reportID: "zone-member")
                }
                return ZoneMember(
                    organisation: OrganisationID(row.integer(0)),
                    domain: row.text(1),
                    state: state
                )
            }
        }
    }

    /// What was written for a domain that is removed for good is known no more.
    static func forgetZone(of domain: String, _ connection: any SQLConnection) throws(StoreError) {
        try connection.execute("DELETE FROM zone_records WHERE domain = $1", [.text(domain)])
        try connection.execute("DELETE FROM zone_states WHERE domain = $1", [.text(domain)])
    }

    // MARK: - Rows

    private static func key(_ member: ZoneMember) -> [SQLValue] {
        [.integer(member.organisation.rawValue), .text(member.domain)]
    }

    private static func key(_ member: ZoneMember, _ record: ZoneRecord) -> [SQLValue] {
        key(member) + [.text(record.set.name), .text(record.set.kind.rawValue), .text(record.value)]
    }

    private static let zoneColumns = """
        organisation_id, zone, host, port, key_name, algorithm, sealed_secret, is_automatic, repairs_drift,
        removes_records, version, changed_at
        """

    private static func zoneConnection(
        _ key: [SQLValue],
        _ connection: any SQLConnection
    ) throws(StoreError) -> ZoneConnection? {
        try connection.first(
            "SELECT \(zoneColumns) FROM zone_connections WHERE organisation_id = $1 AND zone = $2",
            key,
            zoneConnection
        )
    }

    private static func zoneConnection(_ row: any SQLRow) throws(StoreError) -> ZoneConnection {
        guard let algorithm = ZoneKeyAlgorithm(rawValue: row.text(5)), let port = UInt16(exactly: row.integer(3))
        else { throw .damaged(reportID: "zone-connection") }
        var found = ZoneConnection(
            organisation: OrganisationID(row.integer(0)),
            zone: row.text(1),
            host: row.text(2),
            port: port,
            keyName: row.text(4),
            algorithm: algorithm,
            sealedSecret: row.bytes(6)
        )
        found.isAutomatic = row.integer(7) != 0
        found.repairsDrift = row.integer(8) != 0
        found.removesRecords = row.integer(9) != 0
        found.version = row.integer(10)
        found.changedAt = Timestamp(microseconds: row.integer(11))
        return found
    }

    /// Before and after, but for the secret: whether it is another one.
    private static func zoneChange(from before: ZoneConnection?, to after: ZoneConnection?) -> String {
        AuditDetail().adding("zone", after?.zone ?? before?.zone)
            .changing("host", from: before?.host, to: after?.host)
            .changing("port", from: before.map { Int64($0.port) }, to: after.map { Int64($0.port) })
            .changing("key_name", from: before?.keyName, to: after?.keyName)
            .changing("algorithm", from: before?.algorithm.rawValue, to: after?.algorithm.rawValue)
            .changing("automatic", from: before?.isAutomatic, to: after?.isAutomatic)
            .changing("repairs_drift", from: before?.repairsDrift, to: after?.repairsDrift)
            .changing("removes_records", from: before?.removesRecords, to: after?.removesRecords)
            .adding("secret", after == nil ? "removed" : before?.sealedSecret == after?.sealedSecret ? "kept" : "set")
            .text
    }
}
