import Database
package import MailModel
package import MailPorts

extension SQLStore: FlagStore {
    package func flagRules() async throws(StoreError) -> [FlagRule] {
        try await database.read(.recent) { connection throws(StoreError) in
            try connection.all(
                """
                SELECT flag, organisation_id, percentage, unit, changed_at, changed_by FROM feature_flags
                ORDER BY flag, organisation_id
                """
            ) { row throws(StoreError) in
                FlagRule(
                    flag: row.text(0),
                    organisation: row.integer(1) == 0 ? nil : OrganisationID(row.integer(1)),
                    percentage: Int(row.integer(2)),
                    unit: FlagUnit(rawValue: row.text(3)) ?? .account,
                    changedAt: Timestamp(microseconds: row.integer(4)),
                    changedBy: row.text(5)
                )
            }
        }
    }

    package func setFlag(_ rule: FlagRule, audit: AuditEvent) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            if let organisation = rule.organisation {
                let isThere = try connection.first(
                    "SELECT 1 FROM organisations WHERE organisation_id = $1",
                    [.integer(organisation.rawValue)]
                ) { _ throws(StoreError) in true }
                guard isThere == true else { throw .notFound }
            }
            try connection.execute(
                """
                INSERT INTO feature_flags (flag, organisation_id, percentage, unit, changed_at, changed_by)
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (flag, organisation_id)
                DO UPDATE SET percentage = $3, unit = $4, changed_at = $5, changed_by = $6
                """,
                [
                    .text(rule.flag), .integer(rule.organisation?.rawValue ?? 0), .integer(Int64(rule.percentage)),
                    .text(rule.unit.rawValue), .integer(rule.changedAt.microseconds), .text(rule.changedBy),
                ]
            )
            try Self.record(audit, of: rule.organisation, connection)
        }
    }

    package func clearFlag(
        _ flag: String,
        of organisation: OrganisationID?,
        audit: AuditEvent
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            let gone = try connection.execute(
                "DELETE FROM feature_flags WHERE flag = $1 AND organisation_id = $2",
                [.text(flag), .integer(organisation?.rawValue ?? 0)]
            )
            guard gone == 1 else { throw .notFound }
            try Self.record(audit, of: organisation, connection)
        }
    }
}
