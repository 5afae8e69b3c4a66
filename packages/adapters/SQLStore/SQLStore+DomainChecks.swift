import Database
package import MailModel
package import MailPorts

extension SQLStore {
    package func domainsToCheck(now: Timestamp, limit: Int) async throws(StoreError) -> [String] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT name FROM domains WHERE status = 'active' AND COALESCE(next_check_at, 0) <= $1
                ORDER BY COALESCE(next_check_at, 0), name LIMIT $2
                """,
                [.integer(now.microseconds), .integer(Int64(limit))]
            ) { row throws(StoreError) in row.text(0) }
        }
    }

    package func noteCheck(
        _ check: DomainCheckRecord,
        isCertain: Bool,
        next: Timestamp,
        keeping limit: Int,
        telling event: WebhookEvent?
    ) async throws(StoreError) -> DomainCheckRecord? {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            let isHosted = try connection.first(
                "UPDATE domains SET next_check_at = $2, dns_status = $3 WHERE name = $1 RETURNING name",
                [.text(check.name), .integer(next.microseconds), .text(check.status)]
            ) { _ throws(StoreError) in true }
            guard isHosted == true else { throw .notFound }
            guard isCertain else { return nil }
            let last = try connection.first(
                "\(Self.checkQuery) ORDER BY since DESC LIMIT 1",
                [.text(check.name)],
                Self.check
            )
            if let last, last.fingerprint.utf8.elementsEqual(check.fingerprint.utf8) || last.since >= check.since {
                try connection.execute(
                    "UPDATE domain_checks SET last_seen = $3 WHERE name = $1 AND since = $2",
                    [.text(check.name), .integer(last.since.microseconds), .integer(check.lastSeen.microseconds)]
                )
                return nil
            }
            try connection.execute(
                "INSERT INTO domain_checks (name, since, last_seen, status, fingerprint) VALUES ($1, $2, $3, $4, $5)",
                [
                    .text(check.name), .integer(check.since.microseconds), .integer(check.lastSeen.microseconds),
                    .text(check.status), .text(check.fingerprint),
                ]
            )
            try connection.execute(
                """
                DELETE FROM domain_checks WHERE name = $1 AND since <= (
                    SELECT since FROM domain_checks WHERE name = $1 ORDER BY since DESC LIMIT 1 OFFSET $2
                )
                """,
                [.text(check.name), .integer(Int64(limit))]
            )
            if let last, let event { try Self.enqueue(event, after: last, now: now, connection) }
            return last
        }
    }

    package func checks(of name: String, limit: Int) async throws(StoreError) -> [DomainCheckRecord] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "\(Self.checkQuery) ORDER BY since DESC LIMIT $2",
                [.text(EmailAddress.lowercased(name)), .integer(Int64(limit))],
                Self.check
            )
        }
    }

    package func checkedDomains() async throws(StoreError) -> [(status: String, count: Int)] {
        let found = try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT COALESCE(dns_status, 'unknown'), COUNT(*) FROM domains WHERE status = 'active' GROUP BY 1"
            ) { row throws(StoreError) in StatusCount(status: row.text(0), count: Int(row.integer(1))) }
        }
        return found.map { ($0.status, $0.count) }
    }

    private struct StatusCount: Sendable {
        var status: String
        var count: Int
    }

    private static let checkQuery =
        "SELECT name, since, last_seen, status, fingerprint FROM domain_checks WHERE name = $1"

    private static func check(_ row: any SQLRow) throws(StoreError) -> DomainCheckRecord {
        DomainCheckRecord(
            name: row.text(0),
            since: Timestamp(microseconds: row.integer(1)),
            lastSeen: Timestamp(microseconds: row.integer(2)),
            status: row.text(3),
            fingerprint: row.text(4)
        )
    }
}
