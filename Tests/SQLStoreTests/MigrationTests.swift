import BlobFiles
import CacheMemory
import Database
import Logging
import MailModel
import MailPorts
import NIOPosix
import PostgresTesting
import SQLStore
import Testing

@Suite("Store: migrations") struct MigrationTests {
    struct Engine: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var open: @Sendable (TemporaryFolder) async throws -> any SQLDatabase

        static let all: [Engine] =
            [
                Engine(testDescription: "SQLite") { folder in
                    try SQLiteDatabase(path: folder.path + "/oonrumail.sqlite", logger: .silent)
                }
            ] + (PostgresCluster.isInstalled ? [postgres] : [])

        static let postgres = Engine(testDescription: "PostgreSQL") { _ in
            let cluster = try #require(PostgresCluster.shared)
            var options = PostgresOptions()
            options.host = cluster.folder
            options.port = cluster.port
            options.user = try await TestPlaces.shared.make()
            options.database = TestPlaces.database
            return try await PostgresDatabase.open(options, logger: .silent)
        }
    }

    private let folder = TemporaryFolder()
    private let now = Timestamp(seconds: 1_800_000_000)
    /// The version after those that there are.
    private static let next = Int64(Migration.all.count + 1)
    private static let more = Migration(
        version: next,
        name: "expand-colours",
        statements: [
            "CREATE TABLE colours (account_id BIGINT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account_id, name))",
            "ALTER TABLE audit ADD COLUMN colour TEXT",
        ]
    )

    private func rows(_ database: any SQLDatabase) async throws -> [String] {
        try await database.read { connection throws(StoreError) in
            try connection.all("SELECT version, name, checksum, applied_at FROM schema_migrations ORDER BY version") {
                row throws(StoreError) in "\(row.integer(0)) \(row.text(1)) \(row.text(2)) \(row.integer(3))"
            }
        }
    }

    @Test(arguments: Engine.all) func aPlanChangesNothing(_ engine: Engine) async throws {
        let database = try await engine.open(folder)
        let plan = try await Migration.plan(for: database)
        #expect(plan.current == 0)
        #expect(plan.steps.map(\.name) == Migration.all.map(\.name))
        #expect(plan.steps[0].checksum == Migration.all[0].checksum)
        #expect(plan.steps[0].statements.allSatisfy { $0.effects.isEmpty && !$0.sql.utf8.contains(UInt8(ascii: "{")) })
        await #expect(throws: StoreError.self) { try await rows(database) }
        await database.close()
    }

    @Test(arguments: Engine.all) func eachVersionIsAppliedOnceAndRecorded(_ engine: Engine) async throws {
        let database = try await engine.open(folder)
        #expect(try await Migration.apply(to: database, now: now).steps.count == Migration.all.count)
        #expect(
            try await rows(database)
                == Migration.all.map { "\($0.version) \($0.name) \($0.checksum) \(now.microseconds)" }
        )
        let both = Migration.all + [Self.more]
        let plan = try await Migration.plan(both, for: database)
        #expect(plan.current == Self.next - 1)
        #expect(plan.steps.flatMap(\.statements).map(\.effects) == [[], [.locksTable]])
        try await Migration.apply(both, to: database, now: now)
        #expect(try await Migration.apply(both, to: database, now: now).steps.isEmpty)
        #expect(try await rows(database).count == Int(Self.next))
        // What a program does not know but what only adds is no reason to stop.
        #expect(try await Migration.plan(for: database).steps.isEmpty)
        await database.close()
    }

    @Test(arguments: Engine.all) func anEditedOrUnknownVersionIsRefused(_ engine: Engine) async throws {
        let database = try await engine.open(folder)
        try await Migration.apply(Migration.all + [Self.more], to: database, now: now)
        let edited = Migration(
            version: Self.next,
            name: "expand-colours",
            statements: ["CREATE TABLE colours (x BIGINT)"]
        )
        await #expect(
            throws: StoreError.refused(
                "migration \(Self.next) (expand-colours) is not the one that was applied to this database"
            )
        ) {
            try await Migration.apply(Migration.all + [edited], to: database, now: now)
        }
        let newer = Migration(
            version: Self.next + 1,
            name: "contract-colours",
            contracts: Self.next,
            statements: ["DROP TABLE colours"]
        )
        try await Migration.apply(Migration.all + [Self.more, newer], to: database, now: now)
        do {
            try await Migration.apply(Migration.all, to: database, now: now)
            Issue.record("a newer schema was accepted")
        } catch {
            guard case .refused(let text) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(
                text.contains(
                    "version \(Self.next + 1) (contract-colours), newer than this program knows (\(Self.next - 1))"
                )
            )
        }
        await database.close()
    }

    @Test(arguments: Engine.all) func aFailingVersionLeavesNothing(_ engine: Engine) async throws {
        let database = try await engine.open(folder)
        try await Migration.apply(to: database, now: now)
        let failing = Migration(
            version: Self.next,
            name: "expand-half",
            statements: ["CREATE TABLE half (x BIGINT)", "CREATE TABEL"]
        )
        await #expect(throws: StoreError.self) {
            try await Migration.apply(Migration.all + [failing], to: database, now: now)
        }
        #expect(try await rows(database).count == Migration.all.count)
        let repaired = Migration(version: Self.next, name: "expand-half", statements: ["CREATE TABLE half (x BIGINT)"])
        try await Migration.apply(Migration.all + [repaired], to: database, now: now)
        await database.close()
    }

    @Test(arguments: Engine.all) func programsThatStartAtOnceTakeTurns(_ engine: Engine) async throws {
        let database = try await engine.open(folder)
        let both = Migration.all + [Self.more]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 { group.addTask { try await Migration.apply(both, to: database, now: now) } }
            try await group.waitForAll()
        }
        #expect(try await rows(database).count == Int(Self.next))
        await database.close()
    }

    @Test(arguments: Engine.all) func aStoreThatMustNotMigrateSaysWhatIsMissing(_ engine: Engine) async throws {
        let database = try await engine.open(folder)
        var options = SQLStore.Options()
        options.migrates = false
        let fixed = options
        await #expect(
            throws: StoreError.refused(
                "the database has schema version 0, this program needs \(Self.next - 1): run the migrations"
            )
        ) {
            _ = try await open(database, fixed)
        }
        try await Migration.apply(to: database, now: now)
        _ = try await open(database, fixed)
    }

    @Test(arguments: Engine.all) func `people of directories from before identifiers stay`(
        _ engine: Engine
    ) async throws {
        let database = try await engine.open(folder)
        try await Migration.apply(Migration.all.filter { $0.version < 43 }, to: database, now: now)
        try await database.write { connection throws(StoreError) in
            try connection.execute(
                """
                INSERT INTO directory_connections (
                    domain, kind, is_enforced, makes_accounts, is_synchronised, most_suspended, set_by, version, changed_at, starts_tls
                ) VALUES ('shop.test', 'ldap', 0, 1, 1, 20, 'owner', 1, 1, 1)
                """
            )
            try connection.execute(
                "INSERT INTO directory_people (account_id, domain, is_suspended_here, linked_at) VALUES (7, 'shop.test', 1, 5), (8, 'shop.test', 0, 6)"
            )
            try connection.execute("INSERT INTO directory_addresses (account_id, address) VALUES (7, 'a@shop.test')")
        }
        try await Migration.apply(to: database, now: now)
        let found = try await database.read { connection throws(StoreError) in
            try connection.all(
                """
                SELECT directory_people.account_id, is_suspended_here, linked_at, person_id, directory_people.address, is_former,
                id_attribute FROM directory_people JOIN directory_connections ON directory_connections.domain = directory_people.domain
                LEFT JOIN directory_addresses ON directory_addresses.account_id = directory_people.account_id ORDER BY 1
                """
            ) { row throws(StoreError) in
                let known = [3, 4, 6].map { row.isNull($0) ? "-" : row.text($0) }.joined()
                return "\(row.integer(0)) \(row.integer(1)) \(row.integer(2)) \(known) \(row.optionalInteger(5) ?? 9)"
            }
        }
        #expect(found == ["7 1 5 --- 0", "8 0 6 --- 9"])
        await database.close()
    }

    private func open(_ database: any SQLDatabase, _ options: SQLStore.Options) async throws(StoreError) -> SQLStore {
        try await SQLStore(
            database: database,
            blobs: BlobFiles(folder: folder.path + "/blobs", threads: .singleton, logger: .silent),
            feed: MemoryChangeFeed(),
            clock: TestClock(),
            reports: FaultReports(logger: .silent),
            options: options
        )
    }

    // MARK: - The rule for releases

    @Test func everyMigrationKeepsThePreviousReleaseWorking() {
        #expect(MigrationRules.problems(of: Migration.all) == [])
        #expect(MigrationRules.problems(of: Migration.all + [Self.more]) == [])
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        var testDescription: String { statement }
        var statement: String
        var name = "expand-x"

        static let all = [
            Bad(statement: "DROP TABLE audit"), Bad(statement: "DROP INDEX audit_by_x"),
            Bad(statement: "ALTER TABLE audit DROP COLUMN detail"), Bad(statement: "alter table audit rename to log"),
            Bad(statement: "ALTER TABLE audit RENAME COLUMN detail TO text"),
            Bad(statement: "ALTER TABLE audit ALTER COLUMN at TYPE TEXT"),
            Bad(statement: "ALTER TABLE audit ADD COLUMN colour TEXT NOT NULL"),
            Bad(statement: "DELETE FROM audit"), Bad(statement: "TRUNCATE audit"),
            Bad(statement: "UPDATE audit SET detail = ''"),
            Bad(statement: "CREATE TABLE y (x BIGINT)", name: "no-kind"),
            Bad(statement: "DROP TABLE audit", name: "contract-x"),
        ]
    }

    @Test(arguments: Bad.all) func whatTakesAwayIsFound(_ bad: Bad) {
        let migration = Migration(version: Self.next, name: bad.name, statements: [bad.statement])
        #expect(MigrationRules.problems(of: Migration.all + [migration]).count == 1)
    }

    @Test func aContractNamesItsExpand() {
        let contract = Migration(
            version: Self.next + 1,
            name: "contract-colours",
            contracts: Self.next,
            statements: ["ALTER TABLE audit DROP COLUMN detail"]
        )
        #expect(MigrationRules.problems(of: Migration.all + [Self.more, contract]) == [])
        #expect(MigrationRules.problems(of: Migration.all + [contract, Self.more]).count >= 2)
        #expect(MigrationRules.effects(of: "CREATE INDEX CONCURRENTLY a ON audit (at)") == [])
        #expect(MigrationRules.effects(of: "CREATE INDEX a ON audit (at)") == [.locksTable])
        #expect(MigrationRules.effects(of: "ALTER TABLE audit ADD COLUMN c BIGINT NOT NULL DEFAULT 0") == [.locksTable])
    }

    // MARK: - The catalogue

    /// Of the whole platform, or of the directory: found without knowing an account.
    private static let elsewhere: Set<String> = [
        "sequences", "organisations", "domains", "dkim_keys", "accounts", "addresses", "alias_targets",
        "refresh_tokens",
        "token_families", "platform_secrets", "audit", "notices", "trace_events", "schema_migrations",
        "lists", "list_addresses", "list_members", "list_senders", "list_owners", "domain_routing", "feature_flags",
        "search_cursors", "domain_claims", "upkeep_leases", "domain_checks", "quota_nodes",
        "domain_policies", "domain_branding", "account_tickets", "invitations", "sign_ups", "registrations",
        "sign_in_policies",
        "sign_in_endings", "watched_certificates",
        "token_keys", "oauth_clients", "oauth_codes", "oauth_grants", "oauth_devices",
        "provider_connections", "spent_sign_in_steps", "webhooks", "webhook_deliveries",
        "domain_statistics", "statistics_position", "bans", "zone_connections", "zone_records", "zone_states",
        "directory_connections", "directory_runs", "domain_signatures",
    ]

    @Test(arguments: Engine.all) func everyTableOfMailLeadsItsKeyWithTheAccount(_ engine: Engine) async throws {
        let database = try await engine.open(folder)
        try await Migration.apply(to: database, now: now)
        let query =
            engine.testDescription == "SQLite"
            ? "SELECT m.name, (SELECT c.name FROM pragma_table_info(m.name) AS c WHERE c.pk = 1) FROM sqlite_master AS m WHERE m.type = 'table'"
            : """
            SELECT t.relname::text, (
                SELECT a.attname::text FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                WHERE i.indrelid = t.oid AND i.indisprimary
            ) FROM pg_class AS t WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace
            """
        let keys = try await database.read { connection throws(StoreError) in
            try connection.all(query) { row throws(StoreError) in (table: row.text(0), first: row.text(1)) }
        }
        #expect(keys.count > Self.elsewhere.count + 8)
        for key in keys where !Self.elsewhere.contains(key.table) {
            #expect(key.first == "account_id", "the key of \(key.table) begins with \(key.first)")
        }
        await database.close()
    }
}
