import Database
package import MailModel
package import MailPorts

extension SQLStore {
    package func dkimKeys(of domain: String) async throws(StoreError) -> [DKIMKey] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT \(Self.keyColumns) FROM dkim_keys WHERE domain = $1 ORDER BY selector",
                [.text(EmailAddress.lowercased(domain))],
                Self.key
            )
        }
    }

    package func addKeys(_ keys: [DKIMKey], of domain: String, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.lockDomain(domain, connection)
            for key in keys { try Self.insert(key, connection) }
            try Self.record(audit, connection)
        }
    }

    package func activateKey(
        _ selector: String,
        of domain: String,
        retiringUntil removeAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.lockDomain(domain, connection)
            let algorithm = try connection.first(
                """
                UPDATE dkim_keys SET state = 'signing' WHERE domain = $1 AND selector = $2 AND state = 'published'
                RETURNING algorithm
                """,
                [.text(domain), .text(selector)]
            ) { row throws(StoreError) in row.text(0) }
            guard let algorithm else { throw try Self.refusal(selector, domain, connection) }
            try connection.execute(
                """
                UPDATE dkim_keys SET state = 'retired', remove_at = $4
                WHERE domain = $1 AND selector <> $2 AND algorithm = $3 AND COALESCE(state, 'signing') = 'signing'
                """,
                [.text(domain), .text(selector), .text(algorithm), .integer(removeAt.microseconds)]
            )
            try Self.record(audit, connection)
        }
        await options.domainCache?.forget(domain)
    }

    package func retireKey(
        _ selector: String,
        of domain: String,
        removeAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try Self.lockDomain(domain, connection)
            let others = try connection.first(
                """
                SELECT COUNT(*) FROM dkim_keys
                WHERE domain = $1 AND selector <> $2 AND COALESCE(state, 'signing') = 'signing'
                """,
                [.text(domain), .text(selector)]
            ) { row throws(StoreError) in row.integer(0) }
            guard (others ?? 0) > 0 else { throw .refused("no other key signs for the domain") }
            let changed = try connection.execute(
                """
                UPDATE dkim_keys SET state = 'retired', remove_at = $3
                WHERE domain = $1 AND selector = $2 AND COALESCE(state, 'signing') <> 'retired'
                """,
                [.text(domain), .text(selector), .integer(removeAt.microseconds)]
            )
            guard changed == 1 else { throw try Self.refusal(selector, domain, connection) }
            try Self.record(audit, connection)
        }
        await options.domainCache?.forget(domain)
    }

    package func domainsWithWaitingKeys(limit: Int) async throws(StoreError) -> [String] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT DISTINCT dkim_keys.domain FROM dkim_keys JOIN domains ON domains.name = dkim_keys.domain
                WHERE dkim_keys.state = 'published' AND domains.status = 'active' ORDER BY dkim_keys.domain LIMIT $1
                """,
                [.integer(Int64(limit))]
            ) { row throws(StoreError) in row.text(0) }
        }
    }

    package func removeRetiredKeys(now: Timestamp, audit: AuditEvent) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            let gone = try connection.all(
                "DELETE FROM dkim_keys WHERE state = 'retired' AND remove_at <= $1 RETURNING domain, selector",
                [.integer(now.microseconds)]
            ) { row throws(StoreError) in (domain: row.text(0), selector: row.text(1)) }
            for key in gone {
                var audit = audit
                audit.subject = key.domain
                audit.detail = AuditDetail().adding("selector", key.selector).text
                try Self.record(audit, connection)
            }
            return gone.count
        }
    }

    // MARK: - Rows

    /// Changes of one domain's keys take turns.
    private static func lockDomain(_ domain: String, _ connection: any SQLConnection) throws(StoreError) {
        let isThere = try connection.first(
            "SELECT 1 FROM domains WHERE name = $1\(connection.dialect.forUpdate)",
            [.text(domain)]
        ) { _ throws(StoreError) in true }
        guard isThere == true else { throw .notFound }
    }

    private static func refusal(
        _ selector: String,
        _ domain: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> StoreError {
        let state = try connection.first(
            "SELECT COALESCE(state, 'signing') FROM dkim_keys WHERE domain = $1 AND selector = $2",
            [.text(domain), .text(selector)]
        ) { row throws(StoreError) in row.text(0) }
        return state.map { .refused("the key is \($0)") } ?? .notFound
    }

    static let keyColumns =
        "domain, selector, algorithm, sealed_private_key, public_key, created_at, COALESCE(state, 'signing'), remove_at"

    static func key(_ row: any SQLRow) throws(StoreError) -> DKIMKey {
        DKIMKey(
            domain: row.text(0),
            selector: row.text(1),
            algorithm: DKIMKey.Algorithm(rawValue: row.text(2)) ?? .rsaSHA256,
            sealedPrivateKey: row.bytes(3),
            publicKey: row.bytes(4),
            createdAt: Timestamp(microseconds: row.integer(5)),
            state: DKIMKey.State(rawValue: row.text(6)) ?? .retired,
            removeAt: row.optionalInteger(7).map { Timestamp(microseconds: $0) }
        )
    }

    static func insert(_ key: DKIMKey, _ connection: any SQLConnection) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO dkim_keys (domain, selector, algorithm, sealed_private_key, public_key, created_at, state)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            [
                .text(key.domain), .text(key.selector), .text(key.algorithm.rawValue), .bytes(key.sealedPrivateKey),
                .bytes(key.publicKey), .integer(key.createdAt.microseconds), .text(key.state.rawValue),
            ]
        )
    }
}
