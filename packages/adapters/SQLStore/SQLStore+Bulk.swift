import Database
import MailModel
package import MailPorts

extension SQLStore: BulkStore {
    package func apply(_ bulk: BulkImport) async throws(StoreError) -> [BulkOutcome] {
        let now = clock.now()
        return try await database.write { connection throws(StoreError) in
            // As every change of who is suspended takes it, before rows are locked.
            try connection.takeTurn(.people)
            try Self.requireDomain(bulk.domain, of: bulk.organisation, connection)
            try connection.execute("SAVEPOINT bulk")
            var work = BulkWork(bulk: bulk, now: now, connection: connection)
            var outcomes: [BulkOutcome] = []
            for row in bulk.rows { outcomes.append(try work.outcome(of: row)) }
            if Self.isKept(outcomes, bulk.mode) {
                // Last: whoever writes to the trail locks nothing after it.
                for event in work.audit { try Self.record(event, of: bulk.organisation, connection) }
                try Self.record(work.summary(outcomes), of: bulk.organisation, connection)
            } else {
                try connection.execute("ROLLBACK TO SAVEPOINT bulk")
            }
            try connection.execute("RELEASE SAVEPOINT bulk")
            return outcomes
        }
    }

    private static func isKept(_ outcomes: [BulkOutcome], _ mode: BulkImport.Mode) -> Bool {
        switch mode {
        case .trial: false
        case .whole: !outcomes.contains(where: \.isRefused)
        case .partial: true
        }
    }

    // MARK: - Reading

    package func bulkAccounts(
        ofDomain domain: String,
        after: String?,
        limit: Int
    ) async throws(StoreError) -> [BulkAccountRow] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT addresses.written, display_name, quota_bytes, accounts.status, language, time_zone FROM accounts
                JOIN account_counters ON account_counters.account_id = accounts.account_id
                JOIN addresses ON addresses.address = accounts.primary_address
                WHERE accounts.domain = $1 AND accounts.status <> 'deleted' AND primary_address > $2
                ORDER BY primary_address LIMIT $3
                """,
                [.text(domain), .text(after ?? ""), .integer(Int64(limit))]
            ) { row throws(StoreError) in
                BulkAccountRow(
                    address: Self.address(row.text(0)),
                    displayName: row.text(1),
                    quotaBytes: row.optionalInteger(2),
                    status: Account.Status(rawValue: row.text(3)) ?? .suspended,
                    language: row.optionalText(4),
                    timeZone: row.optionalText(5)
                )
            }
        }
    }

    package func bulkMasked(
        ofDomain domain: String,
        after: String?,
        limit: Int
    ) async throws(StoreError) -> [BulkMaskedRow] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT masked_addresses.written, addresses.written, is_enabled FROM masked_addresses
                JOIN accounts ON accounts.account_id = masked_addresses.account_id
                JOIN addresses ON addresses.address = accounts.primary_address
                WHERE masked_addresses.domain = $1 AND masked_addresses.address > $2
                ORDER BY masked_addresses.address LIMIT $3
                """,
                [.text(domain), .text(after ?? ""), .integer(Int64(limit))]
            ) { row throws(StoreError) in
                BulkMaskedRow(
                    address: Self.address(row.text(0)),
                    account: Self.address(row.text(1)),
                    isEnabled: row.integer(2) != 0
                )
            }
        }
    }
}

/// The rows of one import in one transaction.
///
/// Invariant: a row that is refused leaves nothing behind, in the database or in what goes to the audit.
struct BulkWork {
    let bulk: BulkImport
    let now: Timestamp
    let connection: any SQLConnection
    /// Changes of this import, in their order.
    private(set) var audit: [AuditEvent] = []
    /// Which column is to blame for what is refused next.
    var column: String?

    init(bulk: BulkImport, now: Timestamp, connection: any SQLConnection) {
        (self.bulk, self.now, self.connection) = (bulk, now, connection)
    }

    mutating func outcome(of row: BulkRow) throws(StoreError) -> BulkOutcome {
        let lines = audit.count
        column = "address"
        try connection.execute("SAVEPOINT bulk_row")
        do throws(StoreError) {
            let outcome = try take(row)
            try connection.execute("RELEASE SAVEPOINT bulk_row")
            return outcome
        } catch {
            guard let why = Self.refusal(error, row) else { throw error }
            audit.removeLast(audit.count - lines)
            try connection.execute("ROLLBACK TO SAVEPOINT bulk_row")
            try connection.execute("RELEASE SAVEPOINT bulk_row")
            return .refused(column: column, why)
        }
    }

    private mutating func take(_ row: BulkRow) throws(StoreError) -> BulkOutcome {
        guard row.address.domain == bulk.domain else { throw .refused("it is no address of \(bulk.domain)") }
        return switch row {
        case .account(let account): try take(account)
        case .alias(let alias): try take(alias)
        case .list(let list): try take(list)
        }
    }

    /// What may be shown of an error that is the row's own; nil for the store's.
    private static func refusal(_ error: StoreError, _ row: BulkRow) -> String? {
        switch error {
        case .notFound: "it does not exist"
        case .alreadyExists: "\(row.address) is taken"
        case .refused(let why): why
        case .overQuota, .levelFull: "the quota has no room"
        case .unavailable, .damaged: nil
        }
    }

    mutating func note(_ action: String, _ subject: EmailAddress, _ detail: String = "{}") {
        var event = bulk.audit
        (event.action, event.subject, event.detail) = (action, subject.canonical, detail)
        audit.append(event)
    }

    func summary(_ outcomes: [BulkOutcome]) -> AuditEvent {
        var event = bulk.audit
        (event.action, event.subject) = ("domain.import", bulk.domain)
        event.detail =
            AuditDetail().adding("kind", bulk.kind).adding("rows", Int64(outcomes.count))
            .adding("created", Int64(outcomes.count { $0 == .created }))
            .adding("changed", Int64(outcomes.count { $0 == .changed }))
            .adding("refused", Int64(outcomes.count(where: \.isRefused))).text
        return event
    }
}
