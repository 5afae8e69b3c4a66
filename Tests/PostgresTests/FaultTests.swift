import Database
import Glibc
import MailPorts
import PostgresTesting
import Synchronization
import Testing

/// What goes wrong between a program and its server; each is told apart in the log, none is retried without a bound.
@Suite("PostgreSQL: faults", .enabled(if: PostgresCluster.isInstalled, "\(PostgresCluster.absence)"))
struct FaultTests {
    @Test func aFullPoolRefusesInTime() async throws {
        let server = try await TestServer()
        let database = try await server.open {
            $0.connections = 1
            $0.waitLimit = 0.3
        }
        try await withThrowingTaskGroup(of: StoreError?.self) { group in
            for _ in 0..<4 {
                group.addTask { await failure { _ = try await database.value("SELECT pg_sleep(1.5)") } }
            }
            let failures = try await group.reduce(into: []) { $0.append($1) }
            #expect(failures.count { $0?.isUnavailable == true } == 3)
        }
        #expect(server.log.text.contains("no connection became free in 0.3 s; all 1 are busy"))
        #expect(try await database.value("SELECT 1") == "1")
    }

    @Test func tooManyWait() async throws {
        let server = try await TestServer()
        let database = try await server.open {
            $0.connections = 1
            $0.maximumWaiting = 2
        }
        let failures = await withTaskGroup(of: StoreError?.self) { group in
            for _ in 0..<10 { group.addTask { await failure { _ = try await database.value("SELECT pg_sleep(0.2)") } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(failures.count { $0?.isUnavailable == true } >= 5)
        #expect(server.log.text.contains("2 closures wait for a connection already"))
    }

    @Test func aSlowStatementIsEnded() async throws {
        let server = try await TestServer()
        let database = try await server.open { $0.statementTimeout = 0.2 }
        #expect(await failure { _ = try await database.value("SELECT pg_sleep(20)") }?.isUnavailable == true)
        #expect(server.log.text.contains("the statement took too long: 57014"))
        #expect(try await database.value("SELECT 1") == "1")
    }

    /// The server is there and says nothing: a process that is stopped has the connection half open.
    @Test func aServerThatFallsSilent() async throws {
        let server = try await TestServer()
        let database = try await server.open {
            $0.connections = 1
            $0.statementTimeout = 0.2
            $0.answerGrace = 0.2
            $0.maximumAttempts = 1
        }
        let backend = try #require(Int32(try await database.value("SELECT pg_backend_pid()")))
        #expect(kill(backend, SIGSTOP) == 0)
        defer { kill(backend, SIGCONT) }
        #expect(await failure { _ = try await database.run("SELECT 1") }?.isUnavailable == true)
        #expect(server.log.text.contains("no answer in time"))
        #expect(try await database.value("SELECT pg_backend_pid()") != "\(backend)")
    }

    @Test func connectionsThatTheServerHasEnded() async throws {
        let server = try await TestServer()
        let database = try await server.open { $0.connections = 2 }
        #expect(try await database.value("SELECT 1") == "1")
        try server.cluster.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '\(server.role)'"
        )
        // The dead connection is found out and replaced; nobody notices.
        #expect(try await database.value("SELECT 2") == "2")
        #expect(server.log.text.contains("failed") == false)
    }

    @Test func attemptsAreBounded() async throws {
        let server = try await TestServer()
        let database = try await server.open { $0.maximumAttempts = 3 }
        let runs = Atomic<Int>(0)
        let error = await failure {
            try await database.write { connection throws(StoreError) in
                runs.add(1, ordering: .relaxed)
                try connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            }
        }
        #expect(error?.isUnavailable == true)
        #expect(runs.load(ordering: .relaxed) == 3)
        #expect(
            server.log.text.contains("the server is stopping or starting: 57P01")
                || server.log.text.contains("connection is lost")
        )
    }

    @Test func deadlocksAreRunAgain() async throws {
        let server = try await TestServer()
        let database = try await server.open {
            $0.maximumAttempts = 50
            $0.waitLimit = 60
        }
        try await database.run("CREATE TABLE pairs (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)")
        try await database.run("INSERT INTO pairs (id, n) VALUES (1, 0), (2, 0)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in Int64(0)..<4 {
                group.addTask {
                    try await database.write { connection throws(StoreError) in
                        for id in number % 2 == 0 ? [Int64(1), 2] : [2, 1] {
                            try connection.execute("UPDATE pairs SET n = n + 1 WHERE id = $1", [.integer(id)])
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.value("SELECT SUM(n) FROM pairs") == "8")
    }

    @Test func aReadOnlyServer() async throws {
        let server = try await TestServer()
        try server.cluster.psql("ALTER ROLE \(server.role) SET default_transaction_read_only = on")
        let database = try await server.open()
        #expect(await failure { _ = try await database.run("CREATE TABLE x (y BIGINT)") }?.isUnavailable == true)
        #expect(server.log.text.contains("the server is read-only: 25006"))
    }

    @Test func tooManyConnections() async throws {
        let server = try await TestServer()
        try server.cluster.psql("ALTER ROLE \(server.role) CONNECTION LIMIT 1")
        let database = try await server.open {
            $0.connections = 4
            $0.waitLimit = 0.5
        }
        let failures = await withTaskGroup(of: StoreError?.self) { group in
            for _ in 0..<3 { group.addTask { await failure { _ = try await database.value("SELECT pg_sleep(1)") } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(failures.count { $0 == nil } >= 1)
        #expect(failures.count { $0?.isUnavailable == true } >= 1)
        #expect(server.log.text.contains("the server has too many connections: 53300"))
    }

    @Test func aClosedDatabaseRefuses() async throws {
        let server = try await TestServer()
        let database = try await server.open()
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let slow = Task {
            try await database.read { connection throws(StoreError) in
                beginning.yield()
                return try connection.first("SELECT pg_sleep(0.3)::text || 'done'") { row throws(StoreError) in
                    row.text(0)
                }
            }
        }
        for await _ in begun { break }
        await database.close()
        // Closing waited for what ran.
        #expect(try await slow.value == "done")
        #expect(await failure { _ = try await database.value("SELECT 1") }?.isUnavailable == true)
        #expect(await failure { try await database.write(of: 1) { _ throws(StoreError) in } }?.isUnavailable == true)
        #expect(
            try server.cluster.psql("SELECT COUNT(*) FROM pg_stat_activity WHERE usename = '\(server.role)'") == "0"
        )
    }

    /// The log has the statement's text, never its values.
    @Test func reportsHoldNoValues() async throws {
        let server = try await TestServer()
        let database = try await server.open()
        try await database.run("CREATE TABLE secrets (word TEXT NOT NULL CHECK (word <> 'opensesame'))")
        let error = await failure {
            _ = try await database.run("INSERT INTO secrets (word) VALUES ($1)", ["opensesame"])
        }
        #expect(error?.isUnavailable == true)
        #expect(server.log.text.contains("INSERT INTO secrets"))
        #expect(!server.log.text.contains("opensesame"))
    }

    @Test func aSchemaThatIsMissingIsNamed() async throws {
        let server = try await TestServer()
        let database = try await server.open()
        #expect(await failure { _ = try await database.value("SELECT 1 FROM mailboxes") }?.isUnavailable == true)
        #expect(server.log.text.contains("run the migrations"))
    }

    /// PgBouncer in transaction mode while statements are kept by name: told as what it is.
    @Test(.enabled(if: Pooler.isInstalled, "\(Pooler.absence)")) func keptStatementsBehindAPooler() async throws {
        let server = try await TestServer()
        var options = server.overTCP
        options.port = try #require(Pooler.shared).port
        options.connections = 6
        options.waitLimit = 60
        let database = try await PostgresDatabase.open(options, logger: server.log.logger)
        _ = await withTaskGroup(of: Void.self) { group in
            for number in 0..<60 {
                group.addTask { _ = try? await database.value("SELECT \(number % 7) + $1, pg_sleep(0.01)::text", [1]) }
            }
        }
        let log = server.log.text
        #expect(
            !log.contains("the database failed") || log.contains("set POSTGRES_PREPARED_STATEMENTS=off"),
            "\(log.prefix(600))"
        )
    }
}
