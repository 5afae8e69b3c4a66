import Accounts
import FoundationEssentials
import MailPorts
import OperatorCommands
import PlatformConfig
import Synchronization
import Testing

@Suite struct MigrateCommandTests {
    private static let plan = SchemaPlan(
        current: 3,
        steps: [
            SchemaPlan.Step(
                version: 4,
                name: "contract-colours",
                checksum: "c0ffee",
                statements: [
                    SchemaPlan.Statement(sql: "CREATE TABLE a (b BIGINT)", effects: []),
                    SchemaPlan.Statement(sql: "DROP TABLE colours", effects: [.destructive, .locksTable]),
                ]
            )
        ]
    )

    private func run(
        _ line: [String],
        _ migrate: @escaping @Sendable (PlatformSettings, Bool) async throws -> SchemaPlan
    ) async -> Ran {
        var commands = CommandEnvironment(
            open: { _ in throw StoreError.refused("a command that needs no store opened it") },
            serve: { _ in },
            restore: { _, _ in },
            migrate: migrate
        )
        let terminal = FakeTerminal(lines: [])
        commands.terminal = terminal
        commands.environment = ["POSTGRES_HOST": "db.example.test"]
        let code = await OperatorProgram.run(["migrate"] + line, commands)
        return Ran(code: code, output: terminal.output, errors: terminal.errors)
    }

    @Test func aDryRunShowsTheSQLAndWhatToLookAt() async {
        let ran = await run(["--dry-run"]) { settings, isDryRun in
            #expect(isDryRun && settings.usesPostgres)
            return Self.plan
        }
        #expect(ran.code == 0)
        let expected = """
            The schema is at version 3.

            -- version 4, contract-colours, checksum c0ffee
            CREATE TABLE a (b BIGINT);
            -- ATTENTION: destructive
            -- ATTENTION: locks a table against writing
            DROP TABLE colours;

            1 versions to apply, 1 statements to look at; nothing was changed.

            """
        #expect(ran.output == expected)
    }

    @Test func aRealRunSaysWhatItDid() async {
        let ran = await run([]) { _, isDryRun in
            #expect(!isDryRun)
            return Self.plan
        }
        #expect(ran.output == "The schema is at version 3.\nApplied version 4, contract-colours.\n")
        let done = await run([]) { _, _ in SchemaPlan(current: 4, steps: []) }
        #expect(done.output == "The schema is at version 4, up to date.\n")
    }

    @Test func asJSON() async throws {
        let ran = await run(["--dry-run", "--json"]) { _, _ in Self.plan }
        #expect(ran.output.contains("\"effects\" : [\n") && ran.output.contains("\"locks-table\""))
        #expect(ran.output.contains("\"dry_run\" : true"))
    }

    @Test func refusalsAndAnAbsentServer() async {
        let newer = await run([]) { _, _ in throw StoreError.refused("newer than this program knows") }
        #expect(
            newer.code == 1 && newer.errors.contains("migrate: ")
                && newer.errors.contains("newer than this program knows")
        )
        #expect(await run([]) { _, _ in throw StoreError.unavailable(reportID: "r1") }.code == 5)
    }
}
