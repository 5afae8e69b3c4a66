import Database
package import MailModel
package import MailPorts

extension SQLStore: DomainStore {
    package func addClaim(
        _ name: String,
        organisation: OrganisationID,
        token: String,
        expiresAt: Timestamp,
        limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> DomainClaim {
        let now = clock.now()
        let name = EmailAddress.lowercased(name)
        return try await database.write { connection throws(StoreError) in
            // Claims of one organisation take turns, so that two at once do not pass its limit.
            let known = try connection.first(
                "SELECT 1 FROM organisations WHERE organisation_id = $1\(connection.dialect.forUpdate)",
                [.integer(organisation.rawValue)]
            ) { _ throws(StoreError) in true }
            guard known == true else { throw .notFound }
            let has = try connection.first(
                "SELECT 1 FROM domains WHERE name = $1 AND organisation_id = $2",
                [.text(name), .integer(organisation.rawValue)]
            ) { _ throws(StoreError) in true }
            guard has != true else { throw .alreadyExists }
            let count = try connection.first(
                "SELECT COUNT(*) FROM domain_claims WHERE organisation_id = $1 AND name <> $2",
                [.integer(organisation.rawValue), .text(name)]
            ) { row throws(StoreError) in row.integer(0) }
            guard (count ?? 0) < Int64(limit) else {
                throw .refused("an organisation has at most \(limit) domains that wait for proof")
            }
            let claim = DomainClaim(
                id: DomainID(try Self.next("domain", connection)),
                organisation: organisation,
                name: name,
                token: token,
                createdAt: now,
                expiresAt: expiresAt
            )
            try connection.execute(
                """
                INSERT INTO domain_claims (name, organisation_id, domain_id, token, created_at, expires_at)
                VALUES ($1, $2, $3, $4, $5, $6)
                """,
                [
                    .text(name), .integer(organisation.rawValue), .integer(claim.id.rawValue), .text(token),
                    .integer(now.microseconds), .integer(expiresAt.microseconds),
                ]
            )
            try Self.record(audit, of: organisation, connection)
            return claim
        }
    }

    package func renewClaim(
        _ claim: DomainClaim,
        token: String,
        expiresAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> DomainClaim {
        try await database.write { connection throws(StoreError) in
            let changed = try connection.execute(
                "UPDATE domain_claims SET token = $3, expires_at = $4 WHERE name = $1 AND organisation_id = $2",
                [
                    .text(claim.name), .integer(claim.organisation.rawValue), .text(token),
                    .integer(expiresAt.microseconds),
                ]
            )
            guard changed == 1 else { throw .notFound }
            try Self.record(audit, of: claim.organisation, connection)
            var renewed = claim
            (renewed.token, renewed.expiresAt) = (token, expiresAt)
            return renewed
        }
    }

    package func removeClaim(_ claim: DomainClaim, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let removed = try connection.execute(
                "DELETE FROM domain_claims WHERE name = $1 AND organisation_id = $2",
                [.text(claim.name), .integer(claim.organisation.rawValue)]
            )
            guard removed == 1 else { throw .notFound }
            try Self.record(audit, of: claim.organisation, connection)
        }
    }

    package func claims(named name: String) async throws(StoreError) -> [DomainClaim] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT \(Self.claimColumns) FROM domain_claims WHERE name = $1 ORDER BY organisation_id",
                [.text(EmailAddress.lowercased(name))],
                Self.claim
            )
        }
    }

    package func proveClaim(
        _ claim: DomainClaim,
        by proof: DomainProof,
        keys: [DKIMKey],
        audit: AuditEvent
    ) async throws(StoreError) -> HostedDomain {
        let now = clock.now()
        let proved = try await database.write { connection throws(StoreError) in
            let ended = try connection.execute(
                "DELETE FROM domain_claims WHERE name = $1 AND organisation_id = $2 AND token = $3",
                [.text(claim.name), .integer(claim.organisation.rawValue), .text(claim.token)]
            )
            guard ended == 1 else { throw .notFound }
            let domain = HostedDomain(
                id: claim.id,
                organisation: claim.organisation,
                name: claim.name,
                status: .active,
                createdAt: now
            )
            // Of two organisations that prove it at once, the name's key lets one pass.
            try Self.insert(domain, keys: keys, provedBy: proof.rawValue, connection)
            try Self.record(audit, connection)
            return domain
        }
        await options.domainCache?.forget(claim.name)
        return proved
    }

    package func entries(
        of organisation: OrganisationID?,
        after: DomainPosition?,
        limit: Int
    ) async throws(StoreError) -> [DomainEntry] {
        let order =
            "WHERE (name, organisation_id) > ($1, $2) AND ($3 = 0 OR organisation_id = $3) ORDER BY name, organisation_id LIMIT $4"
        return try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT * FROM (
                    SELECT * FROM (SELECT \(Self.domainColumns), NULL AS token FROM domains \(order)) AS hosted
                    UNION ALL SELECT * FROM (
                        SELECT domain_id, organisation_id, name, 'pending' AS status, created_at, NULL AS reason,
                        expires_at AS purge_at, token FROM domain_claims \(order)
                    ) AS claimed
                ) AS entries ORDER BY name, organisation_id LIMIT $4
                """,
                [
                    .text(after?.name ?? ""), .integer(after.map { $0.organisation?.rawValue ?? .max } ?? 0),
                    .integer(organisation?.rawValue ?? 0), .integer(Int64(limit)),
                ],
                Self.domainEntry
            )
        }
    }

    package func take(
        _ step: DomainStep,
        on name: String,
        audit: AuditEvent
    ) async throws(StoreError) -> HostedDomain {
        let (change, from, value) = Self.change(step)
        let name = EmailAddress.lowercased(name)
        let taken = try await database.write { connection throws(StoreError) in
            let changed = try connection.first(
                "UPDATE domains SET \(change) WHERE name = $1 AND \(from) RETURNING \(Self.domainColumns)",
                [.text(name)] + (value.map { [$0] } ?? []),
                Self.domain
            )
            if let changed {
                if changed.status == .deleted { try Self.endSignIns(ofDomain: name, connection) }
                try Self.record(audit, connection)
                return changed
            }
            let status = try connection.first("SELECT status FROM domains WHERE name = $1", [.text(name)]) {
                row throws(StoreError) in row.text(0)
            }
            guard let status else { throw .notFound }
            throw .refused("the domain is \(HostedDomain.Status(rawValue: status)?.word ?? status)")
        }
        await options.domainCache?.forget(name)
        return taken
    }

    /// The mail sessions of all its accounts, in every process.
    private static func endSignIns(ofDomain name: String, _ connection: any SQLConnection) throws(StoreError) {
        try connection.takeTurn(.notices)
        try connection.execute(
            """
            INSERT INTO sign_in_endings (account_id, credential)
            SELECT account_id, NULL FROM accounts WHERE domain = $1 ORDER BY account_id
            """,
            [.text(name)]
        )
    }

    private static func change(_ step: DomainStep) -> (set: String, from: String, value: SQLValue?) {
        switch step {
        case .suspend(let reason): ("status = 'suspended', reason = $2", "status = 'active'", .text(reason))
        case .resume: ("status = 'active', reason = NULL", "status = 'suspended'", nil)
        case .delete(let purgeAt):
            (
                "resumes_as = status, status = 'deleted', purge_at = $2", "status IN ('active', 'suspended')",
                .integer(purgeAt.microseconds)
            )
        case .restore:
            (
                "status = COALESCE(resumes_as, 'suspended'), resumes_as = NULL, purge_at = NULL", "status = 'deleted'",
                nil
            )
        }
    }

    // MARK: - Rows

    static func insert(
        _ domain: HostedDomain,
        keys: [DKIMKey],
        provedBy proof: String,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.execute(
            """
            INSERT INTO domains (name, domain_id, organisation_id, status, created_at, proved_by)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [
                .text(domain.name), .integer(domain.id.rawValue), .integer(domain.organisation.rawValue),
                .text(domain.status.rawValue), .integer(domain.createdAt.microseconds), .text(proof),
            ]
        )
        for key in keys { try insert(key, connection) }
    }

    private static let claimColumns = "domain_id, organisation_id, name, token, created_at, expires_at"

    private static func claim(_ row: any SQLRow) throws(StoreError) -> DomainClaim {
        DomainClaim(
            id: DomainID(row.integer(0)),
            organisation: OrganisationID(row.integer(1)),
            name: row.text(2),
            token: row.text(3),
            createdAt: Timestamp(microseconds: row.integer(4)),
            expiresAt: Timestamp(microseconds: row.integer(5))
        )
    }

    static func domainEntry(_ row: any SQLRow) throws(StoreError) -> DomainEntry {
        guard let token = row.optionalText(7) else { return .hosted(try domain(row)) }
        return .claimed(
            DomainClaim(
                id: DomainID(row.integer(0)),
                organisation: OrganisationID(row.integer(1)),
                name: row.text(2),
                token: token,
                createdAt: Timestamp(microseconds: row.integer(4)),
                expiresAt: Timestamp(microseconds: row.integer(6))
            )
        )
    }
}
