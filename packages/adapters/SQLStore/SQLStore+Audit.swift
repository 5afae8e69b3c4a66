import Database
import Logging
import MailCrypto
import MailModel
package import MailPorts
import Metrics

extension SQLStore: AuditStore {
    /// Writers of the trail wait for each other as those of one account do, so that many share a transaction.
    private static let auditLane: Int64 = -1
    /// Lines read at once.
    private static let auditPage = 1_000

    package func recordAudit(_ event: AuditEvent) async throws(StoreError) {
        try await database.write(of: Self.auditLane) { connection throws(StoreError) in
            try Self.record(event, connection)
        }
    }

    package func noteAudit(_ event: AuditEvent) async {
        do throws(StoreError) {
            try await recordAudit(event)
        } catch {
            auditLost.increment()
            reports.logger.error(
                "audit event not written",
                metadata: [
                    "action": .string(event.action), "actor": .string(event.attributed.actor),
                    "subject": .string(event.subject), "remote": .string(event.remote?.description ?? "-"),
                    "error": .string("\(error)"),
                ]
            )
        }
    }

    /// A line of the account, for which one without a subject is named after it: by the primary address that it has now.
    static func record(
        _ event: AuditEvent,
        about account: AccountID,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        guard event.subject.utf8.isEmpty else { return try record(event, connection) }
        let own = try connection.first(
            "SELECT primary_address, organisation_id FROM accounts WHERE account_id = $1",
            [.integer(account.rawValue)]
        ) { row throws(StoreError) in (address: row.text(0), organisation: OrganisationID(row.integer(1))) }
        var event = event
        event.subject = own?.address ?? "account \(account)"
        if event.actor.utf8.isEmpty { event.actor = event.subject }
        try record(event, of: own?.organisation, connection)
    }

    /// `owner` when the subject does not tell the tenant: a domain that is claimed may be another's.
    static func record(
        _ event: AuditEvent,
        of owner: OrganisationID? = nil,
        _ connection: any SQLConnection
    ) throws(StoreError) {
        let event = event.attributed
        // Lines are numbered in the order in which they are chained.
        try connection.takeTurn(.audit)
        let last = try connection.first("SELECT chain FROM audit ORDER BY audit_id DESC LIMIT 1") {
            row throws(StoreError) in row.isNull(0) ? [] : row.bytes(0)
        }
        let organisation: Int64?
        if let owner {
            organisation = owner.rawValue
        } else {
            organisation = try Self.organisation(of: event.subject, connection)
        }
        try connection.execute(
            """
            INSERT INTO audit (at, actor, action, subject, remote, detail, organisation_id, chain)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            [
                .integer(event.at.microseconds), .text(event.actor), .text(event.action), .text(event.subject),
                .optional(event.remote?.description), .text(event.detail), .optional(organisation),
                .bytes(link(event, organisation, after: last ?? [])),
            ]
        )
    }

    /// The tenant of an address or a domain of ours; nil for other subjects.
    private static func organisation(of subject: String, _ connection: any SQLConnection) throws(StoreError) -> Int64? {
        let bytes = Array(subject.utf8)
        let domain = bytes.lastIndex(of: 64).map { bytes[($0 + 1)...] } ?? bytes[...]
        guard (1...255).contains(domain.count) else { return nil }
        let hosted = try connection.first(
            "SELECT organisation_id FROM domains WHERE name = $1",
            [.text(EmailAddress.lowercased(String(decoding: domain, as: UTF8.self)))]
        ) { row throws(StoreError) in row.integer(0) }
        guard hosted == nil, domain.startIndex > 0 else { return hosted }
        // An owner who signs in by an address elsewhere.
        return try connection.first(
            """
            SELECT accounts.organisation_id FROM accounts JOIN addresses ON addresses.account_id = accounts.account_id
            WHERE addresses.address = $1
            """,
            [.text(outside + subject)]
        ) { row throws(StoreError) in row.integer(0) }
    }

    /// SHA-256 over the hash before and every member with its length before it, so that no two lines read the same.
    private static func link(_ event: AuditEvent, _ organisation: Int64?, after last: [UInt8]) -> [UInt8] {
        let members = [
            "\(event.at.microseconds)", event.actor, event.action, event.subject, event.remote?.description ?? "-",
            event.detail, organisation.map { "\($0)" } ?? "-",
        ]
        return SHA256.hash(members.reduce(into: last) { $0 += "\($1.utf8.count):\($1)".utf8 })
    }

    // MARK: - Reading

    private static let auditColumns = "audit_id, at, actor, action, subject, remote, detail, organisation_id, chain"

    package func auditTrail(_ listing: AuditListing) async throws(StoreError) -> [AuditRecord] {
        let filter = listing.filter
        var statement = ListStatement()
        statement.require("organisation_id =", filter.organisation.map { .integer($0.rawValue) })
        statement.require("actor =", filter.actor.map { .text($0) })
        statement.require("subject =", filter.subject.map { .text($0) })
        statement.require("at >=", filter.since.map { .integer($0.microseconds) })
        statement.require("at <", filter.until.map { .integer($0.microseconds) })
        if let action = filter.action {
            let (whole, start) = (statement.value(.text(action)), statement.value(.text("\(action).")))
            statement.conditions.append("(action = \(whole) OR SUBSTR(action, 1, LENGTH(\(start))) = \(start))")
        }
        let sql = "SELECT \(Self.auditColumns) FROM audit" + statement.page(listing, by: "audit_id", "audit_id")
        let values = statement.values
        return try await database.read(.recent) { connection throws(StoreError) in
            try connection.all(sql, values) { row throws(StoreError) in
                AuditRecord(
                    number: row.integer(0),
                    organisation: row.optionalInteger(7).map { OrganisationID($0) },
                    event: Self.auditEvent(row)
                )
            }
        }
    }

    private static func auditEvent(_ row: any SQLRow) -> AuditEvent {
        AuditEvent(
            at: Timestamp(microseconds: row.integer(1)),
            actor: row.text(2),
            action: row.text(3),
            subject: row.text(4),
            remote: row.isNull(5) ? nil : IPAddress(row.text(5)),
            detail: row.text(6)
        )
    }

    // MARK: - Verifying

    private struct Link: Sendable {
        var number: Int64
        var event: AuditEvent
        /// As it stands in the row: an address that was changed into no address is seen too.
        var remote: String?
        var organisation: Int64?
        /// nil in lines from before there was a chain.
        var chain: [UInt8]?
    }

    package func verifyAudit(known: AuditHead?) async throws(StoreError) -> AuditReport {
        var report = AuditReport()
        var after: Int64 = 0
        var hasMetKnown = known == nil
        while true {
            let start = after
            let links = try await database.read(.latest) { connection throws(StoreError) in
                try connection.all(
                    "SELECT \(Self.auditColumns) FROM audit WHERE audit_id > $1 ORDER BY audit_id LIMIT $2",
                    [.integer(start), .integer(Int64(Self.auditPage))]
                ) { row throws(StoreError) in
                    Link(
                        number: row.integer(0),
                        event: Self.auditEvent(row),
                        remote: row.isNull(5) ? nil : row.text(5),
                        organisation: row.optionalInteger(7),
                        chain: row.isNull(8) ? nil : row.bytes(8)
                    )
                }
            }
            for link in links {
                after = link.number
                report.count += 1
                // Lines from before the chain stand in front of it only.
                guard link.chain != nil || report.head != nil else { continue }
                let due = Self.link(link.event, link.organisation, after: report.head?.hash ?? [])
                guard link.chain == due, link.event.remote?.description == link.remote else {
                    report.broken = link.number
                    return report
                }
                report.head = AuditHead(number: link.number, hash: due)
                if let known, known.number == link.number {
                    guard known.hash == due else {
                        report.broken = link.number
                        return report
                    }
                    hasMetKnown = true
                }
            }
            guard links.count == Self.auditPage else { break }
        }
        if !hasMetKnown { report.broken = known?.number }
        return report
    }
}
