import Database
import MailPorts
import PostgresTesting
import Testing

@Suite("PostgreSQL: statements", .enabled(if: PostgresCluster.isInstalled, "\(PostgresCluster.absence)"))
struct StatementTests {
    private func table(
        _ server: TestServer,
        _ change: (inout PostgresOptions) -> Void = { _ in }
    ) async throws -> PostgresDatabase {
        let database = try await server.open(change)
        try await database.run("CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT, data BYTEA, number BIGINT)")
        return database
    }

    @Test(arguments: [true, false]) func valuesComeBackAsTheyWent(_ keeps: Bool) async throws {
        let server = try await TestServer()
        let database = try await table(server) { $0.keepsStatements = keeps }
        let large = (0..<1_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let rows: [[SQLValue]] = [
            [1, "", .bytes([]), .integer(.max)], [2, "a\u{0301}😀\"'\\", .bytes([0, 255]), .integer(.min)],
            [3, .null, .null, .null], [4, .text(String(repeating: "ä", count: 100_000)), .bytes(large), 0],
            // PostgreSQL has no U+0000 in texts.
            [5, "a\u{0}b", .bytes(Array("a\u{0}b".utf8)), -1],
        ]
        try await database.write { connection throws(StoreError) in
            for row in rows {
                try connection.post("INSERT INTO things (id, name, data, number) VALUES ($1, $2, $3, $4)", row)
            }
        }
        try await database.read { connection throws(StoreError) in
            var seen = 0
            try connection.query("SELECT id, name, data, number FROM things ORDER BY id", []) {
                row throws(StoreError) in
                switch row.integer(0) {
                case 1:
                    #expect(
                        (row.text(1), row.bytes(2), row.integer(3)) == ("", [], .max) && !row.isNull(1)
                            && !row.isNull(2)
                    )
                case 2: #expect((row.text(1), row.bytes(2), row.integer(3)) == ("a\u{0301}😀\"'\\", [0, 255], .min))
                case 3: #expect(row.optionalText(1) == nil && row.isNull(2) && row.optionalInteger(3) == nil)
                case 4: #expect(row.bytes(2) == large && row.text(1).utf8.count == 200_000)
                case _: #expect(row.text(1) == "a\u{FFFD}b" && row.bytes(2) == [97, 0, 98])
                }
                seen += 1
            }
            #expect(seen == 5)
        }
    }

    struct Number: Sendable, CustomTestStringConvertible {
        var testDescription: String { sql }
        var sql: String
        var value: Int64
        static let all = [
            Number(
                sql: "SUM(n) FROM (VALUES (9223372036854775807::bigint), (-1)) AS v (n)",
                value: 9_223_372_036_854_775_806
            ),
            Number(sql: "SUM(n) FROM (VALUES (-10000::bigint), (-1)) AS v (n)", value: -10_001),
            Number(sql: "COALESCE(SUM(n), 0) FROM (VALUES (1::bigint)) AS v (n) WHERE n > 1", value: 0),
            Number(sql: "20000::numeric", value: 20_000), Number(sql: "100000000::numeric", value: 100_000_000),
            Number(sql: "1::smallint", value: 1), Number(sql: "-7::integer", value: -7), Number(sql: "1 = 1", value: 1),
            Number(sql: "1 = 2", value: 0), Number(sql: "'42'::text", value: 42),
        ]
    }

    @Test(arguments: Number.all) func everyKindOfWholeNumber(_ number: Number) async throws {
        let database = try await TestServer().open()
        let read = try await database.read { connection throws(StoreError) in
            try connection.first("SELECT \(number.sql)") { row throws(StoreError) in row.integer(0) }
        }
        #expect(read == number.value)
        #expect(try await database.value("SELECT \(number.sql)") == "\(number.value)")
    }

    @Test func placeholdersInAnyOrderAndRepeated() async throws {
        let database = try await TestServer().open()
        #expect(try await database.value("SELECT $2 || $1 || $2", ["b", "a"]) == "aba")
    }

    /// More statements than are kept: the least used go.
    @Test func manyStatements() async throws {
        let server = try await TestServer()
        let database = try await server.open {
            $0.maximumStatements = 3
            $0.connections = 1
        }
        for round in 0..<3 {
            for number in 0..<8 {
                #expect(
                    try await database.value("SELECT \(number) + $1", [.integer(Int64(round))]) == "\(number + round)"
                )
            }
        }
        #expect(try await database.value("SELECT COUNT(*) FROM pg_prepared_statements") == "3")
    }

    @Test func withoutKeptStatementsNothingStaysInTheSession() async throws {
        let server = try await TestServer()
        let database = try await server.open {
            $0.keepsStatements = false
            $0.connections = 1
            $0.statementTimeout = 12
        }
        #expect(try await database.value("SELECT COUNT(*) FROM pg_prepared_statements") == "0")
        #expect(try await database.value("SELECT current_setting('statement_timeout')") == "12s")
        let kept = try await server.open { $0.statementTimeout = 12 }
        #expect(try await kept.value("SELECT current_setting('statement_timeout')") == "12s")
    }

    @Test func whatIsPostedFailsLaterAndLeavesNothing() async throws {
        let server = try await TestServer()
        let database = try await table(server)
        try await database.run("INSERT INTO things (id) VALUES (1)")
        let insert = "INSERT INTO things (id) VALUES ($1)"
        let atCommit = await failure {
            try await database.write { connection throws(StoreError) in
                try connection.post(insert, [2])
                try connection.post(insert, [1])
            }
        }
        #expect(atCommit == .alreadyExists)
        let atQuery = await failure {
            try await database.write { connection throws(StoreError) in
                try connection.post(insert, [2])
                try connection.post(insert, [1])
                try connection.query("SELECT 1", []) { _ throws(StoreError) in Issue.record("a row after a failure") }
            }
        }
        #expect(atQuery == .alreadyExists)
        // A closure that goes on regardless does not get half of it committed.
        let regardless = await failure {
            try await database.write { connection throws(StoreError) in
                try connection.post(insert, [2])
                _ = try? connection.execute(insert, [1])
                _ = try? connection.execute(insert, [3])
            }
        }
        #expect(regardless == .alreadyExists)
        let own = await failure {
            try await database.write { connection throws(StoreError) in
                try connection.execute(insert, [4])
                throw .overQuota
            }
        }
        #expect(own == .overQuota, "\(server.log.text)")
        #expect(try await database.value("SELECT COUNT(*) FROM things") == "1")
    }

    /// More than is sent at once.
    @Test func aLongPipeline() async throws {
        let server = try await TestServer()
        let database = try await table(server) { $0.maximumPipelineOctets = 100_000 }
        let data = [UInt8](repeating: 7, count: 30_000)
        try await database.write { connection throws(StoreError) in
            for id in 0..<700 {
                try connection.post(
                    "INSERT INTO things (id, data) VALUES ($1, $2)",
                    [.integer(Int64(id)), .bytes(id % 10 == 0 ? data : [])]
                )
            }
        }
        #expect(try await database.value("SELECT COUNT(*) || ' ' || SUM(LENGTH(data)) FROM things") == "700 2100000")
    }

    /// Writes of several accounts that share a transaction: one that fails takes nothing with it.
    @Test func manyInOneTransaction() async throws {
        let server = try await TestServer()
        let database = try await table(server) { $0.connections = 1 }
        let outcomes = await withTaskGroup(of: (Int64, StoreError?).self) { group in
            for id in Int64(0)..<60 {
                group.addTask {
                    let error = await failure {
                        try await database.write(of: id % 7) { connection throws(StoreError) in
                            try connection.execute("INSERT INTO things (id) VALUES ($1)", [.integer(id % 50)])
                            if id % 5 == 0 { throw .overQuota }
                        }
                    }
                    return (id, error)
                }
            }
            return await group.reduce(into: [Int64: StoreError]()) { $0[$1.0] = $1.1 }
        }
        #expect(outcomes.filter { $0.value == .overQuota }.keys.sorted().allSatisfy { $0 % 5 == 0 })
        let twice = Int64(0)..<10
        for id in Int64(0)..<60 where id % 5 != 0 && !twice.contains(id % 50) { #expect(outcomes[id] == nil) }
        for id in twice where id % 5 != 0 {
            #expect([outcomes[id], outcomes[id + 50]].count { $0 == .alreadyExists } == 1)
        }
        #expect(try await database.value("SELECT COUNT(*) FROM things") == "40")
    }
}
