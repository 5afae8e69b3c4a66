import Database
import PostgresTesting
import Testing

/// A wrong setting shows at the start, by a text that names the cause and no secret.
@Suite("PostgreSQL: opening", .enabled(if: PostgresCluster.isInstalled, "\(PostgresCluster.absence)"))
struct OpeningTests {
    private func refusal(_ change: (inout PostgresOptions) -> Void) async throws -> String {
        let server = try await TestServer()
        var options = server.overTCP
        change(&options)
        let settings = options
        let error = await failure { _ = try await PostgresDatabase.open(settings, logger: server.log.logger) }
        return try #require(error).refusal
    }

    @Test(.timeLimit(.minutes(1))) func aWrongPassword() async throws {
        let text = try await refusal {
            $0.password = "hunter22"
            $0.startWait = 3_600
        }
        #expect(text.contains("wrong credentials"))
        #expect(!text.contains("hunter22"))
    }

    @Test func noSuchRole() async throws {
        #expect(try await refusal { $0.user = "nobody_here" }.contains("wrong credentials"))
    }

    @Test func noSuchDatabase() async throws {
        #expect(try await refusal { $0.database = "not_there" }.contains("no such database"))
    }

    @Test func nobodyListens() async throws {
        let text = try await refusal { $0.port = 1 }
        #expect(text.contains("cannot be reached"))
        #expect(text.contains("127.0.0.1:1/postgres"))
    }

    @Test func anAddressThatDoesNotRead() async throws {
        for url in ["postgres://me:hunter22@[::1/db", "postgres://me:hunter22@host:port:x/db?what", "hunter22 = ="] {
            let text = try await refusal { $0.url = url }
            #expect(text.contains("DATABASE_URL is not an address"))
            #expect(!text.contains("hunter22"))
        }
    }

    @Test func anAddressWinsOverTheRest() async throws {
        let server = try await TestServer()
        var options = server.overTCP
        options.url = "postgres://\(server.role):\(server.role)@127.0.0.1:\(server.cluster.port)/postgres"
        options.port = 1
        options.password = "wrong"
        let database = try await PostgresDatabase.open(options, logger: server.log.logger)
        #expect(try await database.value("SELECT current_user::text") == server.role)
    }

    @Test func aDatabaseInAnotherEncoding() async throws {
        let server = try await TestServer()
        try server.cluster.psql(
            "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
        #expect(try await refusal { $0.database = "latin" }.contains("encoding is LATIN1"))
    }

    @Test func encryption() async throws {
        let server = try await TestServer()
        func isEncrypted(_ change: (inout PostgresOptions) -> Void) async throws -> String {
            var options = server.overTCP
            change(&options)
            let database = try await PostgresDatabase.open(options, logger: server.log.logger)
            return try await database.value("SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        }
        let authority = server.cluster.folder + "/server.crt"
        #expect(try await isEncrypted { $0.tls = .disable } == "false")
        #expect(try await isEncrypted { $0.tls = .require } == "true")
        #expect(
            try await isEncrypted {
                $0.tls = .verifyFull
                $0.authorityFile = authority
            } == "true"
        )
        #expect(try await refusal { $0.tls = .verifyFull }.contains("wrong credentials"))
        let foreign = try await refusal {
            $0.tls = .verifyFull
            $0.authorityFile = "/etc/ssl/certs/ca-certificates.crt"
        }
        #expect(foreign.contains("certificate"))
    }

    @Test func aServerThatMayLoseCommitsIsNamed() async throws {
        let server = try await TestServer()
        _ = try await server.open()
        #expect(server.log.text.contains("acknowledges commits that a crash can lose"))
    }
}
