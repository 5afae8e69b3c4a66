import Database
package import MailModel
package import MailPorts

/// Connections of domains with directories, and their runs.
extension SQLStore: PeopleDirectoryStore {
    package func directoryConnection(of domain: String) async throws(StoreError) -> DirectoryConnection? {
        let name = EmailAddress.lowercased(domain)
        return try await database.read { connection throws(StoreError) in
            try Self.directory(of: name, connection)
        }
    }

    package func directoryConnection(covering domain: String) async throws(StoreError) -> DirectoryConnection? {
        let name = EmailAddress.lowercased(domain)
        return try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT \(Self.directoryColumns) FROM domains AS named
                JOIN domains AS main ON main.name = COALESCE(named.alias_of, named.name)
                AND main.organisation_id = named.organisation_id AND main.status = 'active'
                JOIN directory_connections ON directory_connections.domain = main.name
                WHERE named.name = $1 AND named.status = 'active'
                """,
                [.text(name)],
                Self.directoryConnection
            )
        }
    }

    package func setDirectoryConnection(
        _ new: DirectoryConnection,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> DirectoryConnection {
        let (name, now) = (EmailAddress.lowercased(new.domain), clock.now())
        return try await database.write { connection throws(StoreError) in
            try Self.lockHosted(name, connection)
            let before = try Self.directory(of: name, connection)
            guard expected == nil || expected == before?.version ?? 0 else { throw .alreadyExists }
            // Sessions and remembered answers are kept by version: a connection that is made anew must not find those of the one before.
            let version = max((before?.version ?? 0) + 1, now.microseconds)
            try connection.execute("DELETE FROM directory_connections WHERE domain = $1", [.text(name)])
            if let before, !Self.isSameKind(before.source, new.source) {
                // Other identifiers say nothing of who was whom.
                try connection.execute("UPDATE directory_people SET person_id = NULL WHERE domain = $1", [.text(name)])
            }
            try connection.execute(
                """
                INSERT INTO directory_connections (\(Self.directoryColumnNames)) VALUES (
                    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
                    $26, $27, $28
                )
                """,
                Self.values(of: new, name, version, now)
            )
            var audit = audit
            audit.detail = Self.change(from: before, to: new)
            try Self.record(audit, connection)
            guard let kept = try Self.directory(of: name, connection) else { throw .notFound }
            return kept
        }
    }

    /// Whether people are known by the same kind of identifier.
    private static func isSameKind(_ before: DirectorySource, _ after: DirectorySource) -> Bool {
        switch (before, after) {
        case (.ldap(let before), .ldap(let after)):
            EmailAddress.lowercased(before.idAttribute) == EmailAddress.lowercased(after.idAttribute)
        case (.sql, .sql): true
        case (.ldap, .sql), (.sql, .ldap): false
        }
    }

    package func removeDirectoryConnection(of domain: String, audit: AuditEvent) async throws(StoreError) {
        let name = EmailAddress.lowercased(domain)
        try await database.write { connection throws(StoreError) in
            try Self.lockHosted(name, connection)
            guard let before = try Self.directory(of: name, connection) else { throw .notFound }
            try Self.removeDirectory(of: name, connection)
            var audit = audit
            audit.detail = Self.change(from: before, to: nil)
            try Self.record(audit, connection)
        }
    }

    static func removeDirectory(of domain: String, _ connection: any SQLConnection) throws(StoreError) {
        try connection.execute(
            "DELETE FROM directory_addresses WHERE account_id IN (SELECT account_id FROM directory_people WHERE domain = $1)",
            [.text(domain)]
        )
        for table in ["directory_connections", "directory_people", "directory_runs"] {
            try connection.execute("DELETE FROM \(table) WHERE domain = $1", [.text(domain)])
        }
    }

    // MARK: - Runs

    package func directoriesToSync(now: Timestamp, limit: Int) async throws(StoreError) -> [String] {
        try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT directory_connections.domain FROM directory_connections
                JOIN domains ON domains.name = directory_connections.domain AND domains.status = 'active'
                LEFT JOIN directory_runs ON directory_runs.domain = directory_connections.domain
                WHERE is_synchronised = 1 AND COALESCE(next_at, 0) <= $1
                ORDER BY COALESCE(next_at, 0), directory_connections.domain LIMIT $2
                """,
                [.integer(now.microseconds), .integer(Int64(limit))]
            ) { row throws(StoreError) in row.text(0) }
        }
    }

    package func noteDirectoryRun(
        _ run: DirectoryRun,
        of domain: String,
        next: Timestamp?
    ) async throws(StoreError) {
        try await database.write { connection throws(StoreError) in
            try connection.execute("DELETE FROM directory_runs WHERE domain = $1", [.text(domain)])
            try connection.execute(
                """
                INSERT INTO directory_runs (
                    domain, started_at, ended_at, outcome, detail, seen, made, changed, suspended, restored, skipped, next_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                """,
                [
                    .text(domain), .integer(run.startedAt.microseconds), .integer(run.endedAt.microseconds),
                    .text(run.outcome.rawValue), .text(run.detail), .integer(run.seen), .integer(run.made),
                    .integer(run.changed), .integer(run.suspended), .integer(run.restored), .integer(run.skipped),
                    .optional(next?.microseconds),
                ]
            )
        }
    }

    package func directoryRun(of domain: String) async throws(StoreError) -> DirectoryRun? {
        try await database.read { connection throws(StoreError) in
            try connection.first(
                """
                SELECT started_at, ended_at, outcome, detail, seen, made, changed, suspended, restored, skipped FROM directory_runs
                WHERE domain = $1
                """,
                [.text(EmailAddress.lowercased(domain))]
            ) { row throws(StoreError) in
                var run = DirectoryRun(
                    startedAt: Timestamp(microseconds: row.integer(0)),
                    endedAt: Timestamp(microseconds: row.integer(1)),
                    outcome: DirectoryRun.Outcome(rawValue: row.text(2)) ?? .failed
                )
                run.detail = row.text(3)
                (run.seen, run.made, run.changed) = (row.integer(4), row.integer(5), row.integer(6))
                (run.suspended, run.restored, run.skipped) = (row.integer(7), row.integer(8), row.integer(9))
                return run
            }
        }
    }

    // MARK: - Rows

    private static let directoryColumnNames = """
        domain, kind, sealed_secret, is_enforced, makes_accounts, quota_bytes, is_synchronised, most_suspended, set_by, version,
        changed_at, url, starts_tls, authority, base, bind_name, filter, admits, address_attribute, alias_attributes, name_attribute,
        language_attribute, quota_attribute, disabled_attribute, person_query, password_query, people_query, id_attribute
        """

    private static let directoryColumns = """
        directory_connections.domain, kind, sealed_secret, is_enforced, makes_accounts, directory_connections.quota_bytes,
        is_synchronised, most_suspended, set_by, version, changed_at, url, starts_tls, authority, base, bind_name, filter, admits,
        address_attribute, alias_attributes, name_attribute, language_attribute, quota_attribute, disabled_attribute, person_query,
        password_query, people_query, id_attribute
        """

    static func directory(
        of name: String,
        _ connection: any SQLConnection
    ) throws(StoreError) -> DirectoryConnection? {
        try connection.first(
            """
            SELECT \(directoryColumns) FROM directory_connections JOIN domains ON domains.name = directory_connections.domain
            WHERE directory_connections.domain = $1 AND status <> 'deleted'
            """,
            [.text(name)],
            directoryConnection
        )
    }

    private static func values(
        of new: DirectoryConnection,
        _ name: String,
        _ version: Int64,
        _ now: Timestamp
    ) -> [SQLValue] {
        let common: [SQLValue] = [
            .text(name), .text(new.source.kind), new.sealedSecret.map { .bytes($0) } ?? .null,
            .integer(new.isEnforced ? 1 : 0), .integer(new.makesAccounts ? 1 : 0), .optional(new.quotaBytes),
            .integer(new.isSynchronised ? 1 : 0), .integer(Int64(new.mostSuspended)), .text(new.setBy.rawValue),
            .integer(version), .integer(now.microseconds),
        ]
        switch new.source {
        case .ldap(let ldap):
            return common + [
                .text(ldap.url), .integer(ldap.startsTLS ? 1 : 0), .optional(ldap.authority), .text(ldap.base),
                .optional(ldap.bindName), .text(ldap.filter), .optional(ldap.admits), .text(ldap.addressAttribute),
                .text(ldap.aliasAttributes.joined(separator: " ")), .text(ldap.nameAttribute),
                .optional(ldap.languageAttribute), .optional(ldap.quotaAttribute), .optional(ldap.disabledAttribute),
                .null, .null, .null, .text(ldap.idAttribute),
            ]
        case .sql(let sql):
            return common + [.null, .integer(0)] + [SQLValue](repeating: .null, count: 11) + [
                .text(sql.personQuery), .text(sql.passwordQuery), .optional(sql.peopleQuery), .null,
            ]
        }
    }

    private static func directoryConnection(_ row: any SQLRow) throws(StoreError) -> DirectoryConnection {
        let source: DirectorySource
        if row.text(1) == "sql" {
            source = .sql(
                SQLSource(personQuery: row.text(24), passwordQuery: row.text(25), peopleQuery: row.optionalText(26))
            )
        } else {
            var ldap = LDAPSource(url: row.text(11), base: row.text(14), filter: row.text(16))
            ldap.startsTLS = row.integer(12) != 0
            ldap.authority = row.optionalText(13)
            ldap.bindName = row.optionalText(15)
            ldap.admits = row.optionalText(17)
            ldap.addressAttribute = row.text(18)
            ldap.aliasAttributes = row.text(19).utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
            ldap.nameAttribute = row.text(20)
            ldap.languageAttribute = row.optionalText(21)
            ldap.quotaAttribute = row.optionalText(22)
            ldap.disabledAttribute = row.optionalText(23)
            ldap.idAttribute = row.optionalText(27) ?? LDAPSource.standardID
            source = .ldap(ldap)
        }
        var found = DirectoryConnection(
            domain: row.text(0),
            source: source,
            sealedSecret: row.isNull(2) ? nil : row.bytes(2),
            setBy: Role(rawValue: row.text(8)) ?? .member
        )
        found.isEnforced = row.integer(3) != 0
        found.makesAccounts = row.integer(4) != 0
        found.quotaBytes = row.optionalInteger(5)
        found.isSynchronised = row.integer(6) != 0
        found.mostSuspended = Int(row.integer(7))
        found.version = row.integer(9)
        found.changedAt = Timestamp(microseconds: row.integer(10))
        return found
    }

    /// What the audit says of a change; of the secret only that it is another.
    private static func change(from before: DirectoryConnection?, to after: DirectoryConnection?) -> String {
        var detail = AuditDetail()
            .changing("kind", from: before?.source.kind, to: after?.source.kind)
            .changing("enforced", from: before?.isEnforced, to: after?.isEnforced)
            .changing("makes_accounts", from: before?.makesAccounts, to: after?.makesAccounts)
            .changing("quota_bytes", from: before?.quotaBytes, to: after?.quotaBytes)
            .changing("synchronised", from: before?.isSynchronised, to: after?.isSynchronised)
            .changing(
                "most_suspended",
                from: before.map { Int64($0.mostSuspended) },
                to: after.map { Int64($0.mostSuspended) }
            )
            .changing("set_by", from: before?.setBy.rawValue, to: after?.setBy.rawValue)
        for (name, from, to) in zip3(fields(of: before), fields(of: after)) {
            detail = detail.changing(name, from: from, to: to)
        }
        if before?.sealedSecret != after?.sealedSecret { detail = detail.adding("secret", "changed") }
        return detail.text
    }

    private static func zip3(
        _ before: [(String, String?)],
        _ after: [(String, String?)]
    ) -> [(String, String?, String?)] {
        zip(before, after).map { ($0.0, $0.1, $1.1) }
    }

    private static func fields(of connection: DirectoryConnection?) -> [(String, String?)] {
        var (ldap, sql): (LDAPSource?, SQLSource?)
        switch connection?.source {
        case .ldap(let source): ldap = source
        case .sql(let source): sql = source
        case nil: ()
        }
        return [
            ("url", ldap?.url), ("start_tls", ldap.map { $0.startsTLS ? "true" : "false" }),
            ("authority", ldap?.authority),
            ("id_attribute", ldap?.idAttribute), ("base", ldap?.base), ("bind_name", ldap?.bindName),
            ("filter", ldap?.filter), ("admits", ldap?.admits),
            ("address_attribute", ldap?.addressAttribute),
            ("alias_attributes", ldap?.aliasAttributes.joined(separator: " ")), ("name_attribute", ldap?.nameAttribute),
            ("language_attribute", ldap?.languageAttribute), ("quota_attribute", ldap?.quotaAttribute),
            ("disabled_attribute", ldap?.disabledAttribute), ("person_query", sql?.personQuery),
            ("password_query", sql?.passwordQuery), ("people_query", sql?.peopleQuery),
        ]
    }
}
