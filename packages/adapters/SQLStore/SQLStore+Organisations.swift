import Database
package import MailModel
package import MailPorts

extension SQLStore {
    private static let organisationColumns = "organisation_id, name, COALESCE(status, 'active'), reason, created_at"

    private static func organisation(_ row: any SQLRow) throws(StoreError) -> OrganisationRecord {
        OrganisationRecord(
            id: OrganisationID(row.integer(0)),
            name: row.text(1),
            status: OrganisationRecord.Status(rawValue: row.text(2)) ?? .suspended,
            reason: row.optionalText(3),
            createdAt: Timestamp(microseconds: row.integer(4))
        )
    }

    private static func organisation(
        _ id: OrganisationID,
        _ connection: any SQLConnection
    ) throws(StoreError) -> OrganisationRecord? {
        try connection.first(
            "SELECT \(organisationColumns) FROM organisations WHERE organisation_id = $1",
            [.integer(id.rawValue)],
            organisation
        )
    }

    package func organisation(_ id: OrganisationID) async throws(StoreError) -> OrganisationRecord? {
        try await database.read { connection throws(StoreError) in try Self.organisation(id, connection) }
    }

    package func addOrganisation(
        named name: String,
        audit: AuditEvent
    ) async throws(StoreError) -> OrganisationRecord {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            let id = try Self.insertOrganisation(name, now, connection)
            var audit = audit
            audit.subject = "organisation \(id)"
            audit.detail = AuditDetail().adding("name", name).text
            try Self.record(audit, of: id, connection)
            return OrganisationRecord(id: id, name: name, status: .active, reason: nil, createdAt: now)
        }
    }

    static func insertOrganisation(
        _ name: String,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) -> OrganisationID {
        let id = OrganisationID(try next("organisation", connection))
        try connection.execute(
            "INSERT INTO organisations (organisation_id, name, created_at) VALUES ($1, $2, $3)",
            [.integer(id.rawValue), .text(name), .integer(now.microseconds)]
        )
        return id
    }

    package func organisations(_ listing: OrganisationListing) async throws(StoreError) -> [OrganisationRecord] {
        let key =
            switch listing.sort {
            case .name: "name"
            case .createdAt: "created_at"
            }
        var statement = ListStatement()
        statement.require("organisation_id =", listing.organisation.map { .integer($0.rawValue) })
        statement.require("COALESCE(status, 'active') =", listing.status.map { .text($0.rawValue) })
        statement.require(["name"], contain: listing.text)
        let page = statement.page(listing, by: key, "organisation_id")
        let sql = "SELECT \(Self.organisationColumns) FROM organisations\(page)"
        return try await all(sql, statement, freshness: .recent, Self.organisation)
    }

    package func renameOrganisation(
        _ id: OrganisationID,
        to name: String,
        audit: AuditEvent
    ) async throws(StoreError) -> OrganisationRecord {
        try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            guard var record = try Self.organisation(id, connection) else { throw .notFound }
            try connection.execute(
                "UPDATE organisations SET name = $2 WHERE organisation_id = $1",
                [.integer(id.rawValue), .text(name)]
            )
            var audit = audit
            audit.detail = AuditDetail().changing("name", from: record.name, to: name).text
            try Self.record(audit, of: id, connection)
            record.name = name
            return record
        }
    }

    package func suspendOrganisation(
        _ id: OrganisationID,
        reason: String?,
        audit: AuditEvent
    ) async throws(StoreError) -> OrganisationRecord {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            try connection.takeTurn(.people)
            guard let before = try Self.organisation(id, connection) else { throw .notFound }
            let status: OrganisationRecord.Status = reason == nil ? .active : .suspended
            guard before.status != status else { throw .refused("the organisation is \(status.rawValue)") }
            try connection.execute(
                "UPDATE organisations SET status = $2, reason = $3 WHERE organisation_id = $1",
                [.integer(id.rawValue), .text(status.rawValue), .optional(reason)]
            )
            if status == .suspended { try Self.endSignIns(ofOrganisation: id, now, connection) }
            var audit = audit
            audit.detail =
                AuditDetail().changing("status", from: before.status.rawValue, to: status.rawValue)
                .changing("reason", from: before.reason, to: reason).text
            try Self.record(audit, of: id, connection)
            var record = before
            (record.status, record.reason) = (status, reason)
            return record
        }
    }

    private static func endSignIns(
        ofOrganisation id: OrganisationID,
        _ now: Timestamp,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        try connection.takeTurn(.notices)
        try connection.execute(
            """
            INSERT INTO sign_in_endings (account_id, credential)
            SELECT account_id, NULL FROM accounts WHERE organisation_id = $1 ORDER BY account_id
            """,
            [.integer(id.rawValue)]
        )
        try connection.execute(
            """
            UPDATE token_families SET revoked_at = $2 WHERE revoked_at IS NULL
            AND account_id IN (SELECT account_id FROM accounts WHERE organisation_id = $1)
            """,
            [.integer(id.rawValue), .integer(now.microseconds)]
        )
    }
}
