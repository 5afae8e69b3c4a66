package import Database
package import MailModel
package import MailPorts
import Synchronization

/// One numbered change of the schema.
///
/// Append-only: a released migration is never edited, and its checksum is kept to notice.
///
/// The previous release must work on the new schema. So a change that takes something away comes in two: an `expand-…`
/// that adds what replaces it, and in a later release a `contract-…` that names it. A program accepts a schema that is
/// newer than itself when all that it does not know is named `expand-…`.
package struct Migration: Sendable {
    package let version: Int64
    package let name: String
    /// The `expand-…` that a `contract-…` completes.
    package var contracts: Int64?
    /// Statements with the words of `SQLDialect`.
    package let statements: [String]
    /// FNV-1a over the statements, 16 hexadecimal digits; it notices edits, it does not resist them.
    package let checksum: String

    package init(version: Int64, name: String, contracts: Int64? = nil, statements: [String]) {
        (self.version, self.name, self.contracts, self.statements) = (version, name, contracts, statements)
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in statements.joined(separator: ";").utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        checksum = String(hash, radix: 16)
    }

    package static let all: [Migration] = [
        .initial,
        .credentials,
        .domainLife,
        .domainChecks,
        .keyStates,
        .secondFactors,
        .sessions,
        .auditChain,
        .keptAnswers,
        .quotaTree,
        .searchCursors,
        .domainPolicies,
        .people,
        .traceContexts,
        .recovery,
        .passkeys,
        .sessionEndings,
        .addresses,
        .featureFlags,
        .sendingGrants,
        .mailboxRights,
        .certificates,
        .openID,
        .singleSignOn,
        .profiles,
        .signUps,
        .signInPolicies,
        .registrations,
        .bulk,
        .webhooks,
        .acting,
        .actingRequests,
        .withoutPassword,
        .listings,
        .domainPermissions,
        .statistics,
        .vacations,
        .bans,
        .zones,
        .directories,
        .scripts,
        .identities,
        .directoryPeople,
        .registrationPasskeys,
    ]

    private static let table = """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
        )
        """

    /// Brings the database to the newest version, each step in one transaction.
    ///
    /// Programs that do it at once take turns.
    ///
    /// - Returns: what was done.
    /// - Throws: `.refused` when the database is newer than this program, or an applied migration has changed.
    @discardableResult
    package static func apply(
        _ migrations: [Migration] = all,
        to database: any SQLDatabase,
        now: Timestamp
    ) async throws(StoreError) -> SchemaPlan {
        let plan = try await plan(migrations, for: database)
        let table = database.dialect.spell(table)
        for step in plan.steps {
            try await database.write { connection throws(StoreError) in
                for statement in database.dialect.migrationStart { try connection.post(statement, []) }
                try connection.takeTurn(.migration)
                for statement in database.dialect.migrationLimits { try connection.post(statement, []) }
                try connection.execute(table)
                // Another program may have done it while this one waited for its turn.
                guard try !isApplied(step.version, connection) else { return }
                for statement in step.statements { try connection.post(statement.sql, []) }
                try connection.execute(
                    "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
                    [.integer(step.version), .text(step.name), .text(step.checksum), .integer(now.microseconds)]
                )
            }
        }
        // That other program may be another release.
        if !plan.steps.isEmpty { _ = try await Self.plan(migrations, for: database) }
        return plan
    }

    private static func isApplied(_ version: Int64, _ connection: any SQLConnection) throws(StoreError) -> Bool {
        try connection.first("SELECT 1 FROM schema_migrations WHERE version = $1", [.integer(version)]) {
            _ throws(StoreError) in true
        } == true
    }

    /// What `apply` would do to a database that has nothing yet.
    package static func plan(forEmpty dialect: SQLDialect) -> SchemaPlan {
        SchemaPlan(current: 0, steps: all.map { $0.step(dialect) })
    }

    /// What `apply` would do; changes nothing.
    package static func plan(
        _ migrations: [Migration] = all,
        for database: any SQLDatabase
    ) async throws(StoreError) -> SchemaPlan {
        try await database.read { connection throws(StoreError) in
            let isThere = try connection.first(connection.dialect.tableQuery, [.text("schema_migrations")]) {
                _ throws(StoreError) in true
            }
            guard isThere == true else {
                return SchemaPlan(current: 0, steps: migrations.map { $0.step(connection.dialect) })
            }
            let done = try applied(migrations, connection)
            return SchemaPlan(
                current: done.last ?? 0,
                steps: migrations.filter { !done.contains($0.version) }.map { $0.step(connection.dialect) }
            )
        }
    }

    /// The versions that the database has, in ascending order.
    private static func applied(
        _ migrations: [Migration],
        _ connection: any SQLConnection
    ) throws(StoreError) -> [Int64] {
        let applied = try connection.all("SELECT version, name, checksum FROM schema_migrations ORDER BY version") {
            row throws(StoreError) in
            (version: row.integer(0), name: row.text(1), checksum: row.text(2))
        }
        for (version, name, checksum) in applied {
            guard let known = migrations.first(where: { $0.version == version }) else {
                guard name.utf8.starts(with: "expand-".utf8) else {
                    throw .refused(
                        """
                        the database has schema version \(version) (\(name)), newer than this program knows (\(migrations.last?.version ?? 0)): \
                        start the release that made it
                        """
                    )
                }
                continue
            }
            guard known.checksum == checksum else {
                throw .refused("migration \(version) (\(known.name)) is not the one that was applied to this database")
            }
        }
        return applied.map(\.version)
    }

    /// What has been read and spelled: a process that opens many stores does it once for each engine.
    private static let steps = Mutex<[String: SchemaPlan.Step]>([:])

    private func step(_ dialect: SQLDialect) -> SchemaPlan.Step {
        // Engines ask for tables each in their own way.
        let key = "\(version) \(name) \(checksum) \(dialect.tableQuery)"
        if let step = Self.steps.withLock({ $0[key] }) { return step }
        let step = makeStep(dialect)
        Self.steps.withLock { $0[key] = step }
        return step
    }

    private func makeStep(_ dialect: SQLDialect) -> SchemaPlan.Step {
        let made = statements.compactMap { MigrationRules.tableMade(by: $0) }
        return SchemaPlan.Step(
            version: version,
            name: name,
            checksum: checksum,
            statements: statements.map {
                .init(sql: dialect.spell($0), effects: MigrationRules.effects(of: $0, newTables: made))
            }
        )
    }
}
