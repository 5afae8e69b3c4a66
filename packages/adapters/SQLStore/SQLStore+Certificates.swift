import Database
package import MailModel
package import MailPorts

extension SQLStore: CertificateStore {
    package func arrangeCertificates(_ arrangement: CertificateArrangement) async throws(StoreError) {
        let isDone = try await database.read { connection throws(StoreError) in
            try Self.isArranged(arrangement, connection)
        }
        // Mostly nothing has changed, and no writer waits for that.
        guard !isDone else { return }
        try await database.write { connection throws(StoreError) in try Self.arrange(arrangement, connection) }
    }

    private static func isArranged(
        _ arrangement: CertificateArrangement,
        _ connection: any SQLConnection
    ) throws(StoreError) -> Bool {
        guard try ownPlaces(connection) == Set(arrangement.places) else { return false }
        for label in arrangement.labels {
            let missing = try connection.first(
                """
                SELECT 1 FROM domains WHERE status = 'active' AND NOT EXISTS (
                    SELECT 1 FROM watched_certificates AS w WHERE w.host = $1 || domains.name AND w.port = $2
                ) LIMIT 1
                """,
                [.text(label + "."), .integer(Int64(arrangement.port))]
            ) { _ throws(StoreError) in true }
            if missing == true { return false }
        }
        let (condition, values) = excess(arrangement)
        let more = try connection.first("SELECT 1 FROM watched_certificates WHERE \(condition) LIMIT 1", values) {
            _ throws(StoreError) in true
        }
        return more != true
    }

    private static func arrange(
        _ arrangement: CertificateArrangement,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let (condition, values) = excess(arrangement)
        try connection.execute("DELETE FROM watched_certificates WHERE \(condition)", values)
        for place in try ownPlaces(connection).subtracting(arrangement.places) {
            try connection.execute(
                "DELETE FROM watched_certificates WHERE host = $1 AND port = $2 AND domain IS NULL",
                [.text(place.host), .integer(Int64(place.port))]
            )
        }
        for place in arrangement.places {
            try connection.execute(
                """
                INSERT INTO watched_certificates (host, port, next_check_at, status) VALUES ($1, $2, 0, 'unknown')
                ON CONFLICT (host, port) DO UPDATE SET domain = NULL
                """,
                [.text(place.host), .integer(Int64(place.port))]
            )
        }
        for label in arrangement.labels {
            try connection.execute(
                """
                INSERT INTO watched_certificates (host, port, domain, next_check_at, status)
                SELECT $1 || name, $2, name, 0, 'unknown' FROM domains WHERE status = 'active' AND NOT EXISTS (
                    SELECT 1 FROM watched_certificates AS w WHERE w.host = $1 || domains.name AND w.port = $2
                )
                ON CONFLICT (host, port) DO NOTHING
                """,
                [.text(label + "."), .integer(Int64(arrangement.port))]
            )
        }
    }

    /// Names below domains that are not watched any more, as a condition.
    private static func excess(_ arrangement: CertificateArrangement) -> (condition: String, values: [SQLValue]) {
        let names = arrangement.labels.indices.map { "$\($0 + 2) || domain" }.joined(separator: ", ")
        let isWanted = names.isEmpty ? "1 = 0" : "host IN (\(names))"
        return (
            """
            domain IS NOT NULL AND NOT (
                port = $1 AND \(isWanted) AND EXISTS (
                    SELECT 1 FROM domains WHERE domains.name = watched_certificates.domain AND domains.status = 'active'
                )
            )
            """,
            [.integer(Int64(arrangement.port))] + arrangement.labels.map { .text($0 + ".") }
        )
    }

    private static func ownPlaces(_ connection: any SQLConnection) throws(StoreError) -> Set<CertificatePlace> {
        Set(
            try connection.all("SELECT host, port FROM watched_certificates WHERE domain IS NULL") {
                row throws(StoreError) in place(row)
            }
        )
    }

    // MARK: - Looks

    package func certificatesToCheck(now: Timestamp, limit: Int) async throws(StoreError) -> [WatchedCertificate] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                \(Self.watchedQuery) WHERE watched_certificates.next_check_at <= $1
                ORDER BY watched_certificates.next_check_at, host, port LIMIT $2
                """,
                [.integer(now.microseconds), .integer(Int64(limit))],
                Self.watched
            )
        }
    }

    package func noteCertificate(
        _ sight: CertificateSight,
        at place: CertificatePlace,
        next: Timestamp
    ) async throws(StoreError) {
        let (key, state): ([SQLValue], [SQLValue]) = (
            [.text(place.host), .integer(Int64(place.port))],
            [
                .integer(next.microseconds), .integer(sight.at.microseconds), .text(sight.status.rawValue),
                .text(sight.fault),
            ]
        )
        let changed = try await database.write { connection throws(StoreError) in
            guard sight.notAfter != nil || sight.status != .unreachable else {
                return try connection.execute(
                    """
                    UPDATE watched_certificates SET next_check_at = $3, checked_at = $4, status = $5, fault = $6
                    WHERE host = $1 AND port = $2
                    """,
                    key + state
                )
            }
            return try connection.execute(
                """
                UPDATE watched_certificates SET next_check_at = $3, checked_at = $4, status = $5, fault = $6,
                    not_before = $7, not_after = $8, subject = $9, issuer = $10, names = $11, key_hash = $12
                WHERE host = $1 AND port = $2
                """,
                key + state + [
                    .optional(sight.notBefore?.microseconds), .optional(sight.notAfter?.microseconds),
                    .text(sight.subject), .text(sight.issuer), .text(sight.names.joined(separator: "\n")),
                    .text(sight.keyHash),
                ]
            )
        }
        guard changed == 1 else { throw .notFound }
    }

    // MARK: - Lists

    package func certificates(_ listing: CertificateListing) async throws(StoreError) -> [WatchedCertificate] {
        let (key, tie) =
            switch listing.sort {
            case .host: ("host", "port")
            case .notAfter: ("COALESCE(not_after, 0)", "(host || ':' || port)")
            case .checkedAt: ("COALESCE(checked_at, 0)", "(host || ':' || port)")
            }
        var statement = ListStatement()
        statement.require("domains.organisation_id =", listing.organisation.map { .integer($0.rawValue) })
        statement.require("watched_certificates.status =", listing.status.map { .text($0.rawValue) })
        statement.require("host =", listing.host.map { .text(EmailAddress.lowercased($0)) })
        statement.require("watched_certificates.domain =", listing.domain.map { .text($0) })
        statement.require(["host", "subject", "issuer"], contain: listing.text)
        return try await all(Self.watchedQuery + statement.page(listing, by: key, tie), statement, Self.watched)
    }

    package func certificatesByEnd(limit: Int) async throws(StoreError) -> [WatchedCertificate] {
        try await database.read(.recent) { connection throws(StoreError) in
            try connection.all(
                "\(Self.watchedQuery) WHERE not_after IS NOT NULL ORDER BY not_after, host, port LIMIT $1",
                [.integer(Int64(limit))],
                Self.watched
            )
        }
    }

    package func certificateCounts() async throws(StoreError) -> [CertificateStatus: Int] {
        let rows = try await database.read(.recent) { connection throws(StoreError) in
            try connection.all("SELECT status, COUNT(*) FROM watched_certificates GROUP BY status") {
                row throws(StoreError) in
                [CertificateStatus(rawValue: row.text(0)) ?? .unknown: Int(row.integer(1))]
            }
        }
        return rows.reduce(into: [:]) { $0.merge($1) { $0 + $1 } }
    }

    static let watchedQuery = """
        SELECT host, port, watched_certificates.domain, domains.organisation_id, watched_certificates.status, checked_at,
            not_before, not_after, subject, issuer, names, key_hash, fault
        FROM watched_certificates LEFT JOIN domains ON domains.name = watched_certificates.domain
        """

    static func place(_ row: any SQLRow) -> CertificatePlace {
        CertificatePlace(host: row.text(0), port: UInt16(truncatingIfNeeded: row.integer(1)))
    }

    static func watched(_ row: any SQLRow) throws(StoreError) -> WatchedCertificate {
        WatchedCertificate(
            place: place(row),
            domain: row.optionalText(2),
            organisation: row.optionalInteger(3).map { OrganisationID($0) },
            sight: row.optionalInteger(5).map { checkedAt in
                CertificateSight(
                    at: Timestamp(microseconds: checkedAt),
                    status: CertificateStatus(rawValue: row.text(4)) ?? .unknown,
                    notBefore: row.optionalInteger(6).map { Timestamp(microseconds: $0) },
                    notAfter: row.optionalInteger(7).map { Timestamp(microseconds: $0) },
                    subject: row.optionalText(8) ?? "",
                    issuer: row.optionalText(9) ?? "",
                    names: (row.optionalText(10) ?? "").utf8.split(separator: 10).map {
                        String(decoding: $0, as: UTF8.self)
                    },
                    keyHash: row.optionalText(11) ?? "",
                    fault: row.optionalText(12) ?? ""
                )
            }
        )
    }
}
