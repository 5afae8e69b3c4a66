import BackendTesting
import CacheRedis
import NIOCore
import NIOPosix
import Testing

@Suite("Redis: commands", .enabled(if: RedisServers.isInstalled, "\(RedisServers.absence)"))
struct RedisClientTests {
    @Test func answersOfEveryKind() async throws {
        let server = try RedisServers.make()
        let client = try RedisOptions([server]).client()
        defer { client.close() }
        #expect(try await client.run(["SET", "k", "a\r\n\u{301}"], key: "k") == .status("OK"))
        #expect(try await client.run(["GET", "k"], key: "k") == .bulk(Array("a\r\n\u{301}".utf8)))
        #expect(try await client.run(["GET", "none"], key: "none") == .null)
        #expect(try await client.run(["SET", "empty", ""], key: "empty") == .status("OK"))
        #expect(try await client.run(["GET", "empty"], key: "empty") == .bulk([]))
        #expect(try await client.run(["INCR", "n"], key: "n") == .integer(1))
        #expect(try await client.run(["MGET", "n", "none"], key: "n") == .array([.bulk([49]), .null]))
        let large = String(repeating: "x", count: 3 << 20)
        _ = try await client.run(["SET", "large", large], key: "large")
        #expect(try await client.run(["GET", "large"], key: "large").text?.utf8.count == 3 << 20)
        await #expect(throws: RedisFault.self) { try await client.run(["NONSENSE"], key: "") }
        #expect(!client.outage.isAway)
    }

    @Test func manyAtOnceKeepTheirAnswers() async throws {
        let server = try RedisServers.make()
        let client = try RedisOptions([server]).client()
        defer { client.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<2_000 {
                group.addTask {
                    let text = try await client.run(["ECHO", "\(number)"], key: "").text
                    #expect(text == "\(number)")
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func whatWaitsIsBounded() async throws {
        let server = try RedisServers.make()
        var options = RedisOptions([server])
        options.maximumInFlight = 10
        let client = try options.client()
        defer { client.close() }
        try await client.checkHealth()
        let busy = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    do throws(RedisFault) {
                        _ = try await client.run(["ECHO", "\(number)"], key: "")
                        return false
                    } catch { return error == .busy }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(busy < 200)
        try await client.checkHealth()
    }

    @Test func aServerThatHangsIsGivenUp() async throws {
        let server = try RedisServers.make()
        var options = RedisOptions([server])
        options.commandTimeout = .milliseconds(200)
        let log = Kept()
        let client = try options.client(log)
        defer { client.close() }
        try await client.checkHealth()
        try RedisServers.command(server, "CLIENT", "PAUSE", "1500", "ALL")
        await #expect(throws: RedisFault.timedOut) { try await client.run(["GET", "k"], key: "k") }
        #expect(await eventually { (try? await client.checkHealth()) != nil })
        // Each outage is told once when it begins and once when it ends.
        #expect(
            await eventually {
                let (away, back) = (
                    log.all.count { $0.contains("Redis is away") }, log.all.count { $0.contains("is back") }
                )
                return away >= 1 && away == back
            }
        )
    }

    @Test func anAnswerThatIsTooLargeEndsTheConnection() async throws {
        let server = try RedisServers.make()
        var options = RedisOptions([server])
        options.maximumAnswer = 100_000
        let client = try options.client()
        defer { client.close() }
        _ = try await client.run(["SETRANGE", "k", "900000", "x"], key: "k")
        do throws(RedisFault) {
            _ = try await client.run(["GET", "k"], key: "k")
            Issue.record("it was taken")
        } catch {
            guard case .malformed = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(await eventually { (try? await client.checkHealth()) != nil })
    }

    @Test func passwordsAndUsers() async throws {
        let server = try RedisServers.make([
            "--requirepass", "hunter22", "--user", "mail", "on", ">secret44", "~*", "&*", "+@all",
        ])
        var options = RedisOptions([server])
        let log = Kept()
        let nobody = try options.client(log)
        await #expect(throws: RedisFault.self) { try await nobody.checkHealth() }
        nobody.close()
        options.password = "wrong-word"
        let wrong = try options.client(log)
        await #expect(throws: RedisFault.self) { try await wrong.checkHealth() }
        wrong.close()
        #expect(log.all.count == 2)
        #expect(!log.all.joined().contains("wrong-word"))
        options.password = "hunter22"
        options.database = 3
        let known = try options.client(log)
        _ = try await known.run(["SET", "in3", "1"], key: "in3")
        known.close()
        (options.username, options.password, options.database) = ("mail", "secret44", 0)
        let user = try options.client(log)
        #expect(try await user.run(["ACL", "WHOAMI"], key: "") == .bulk(Array("mail".utf8)))
        #expect(try await user.run(["GET", "in3"], key: "in3") == .null)
        user.close()
    }

    /// As docs/CLUSTER.md gives them.
    @Test func theDocumentedRightsAreEnough() async throws {
        let rights = "~oonrumail:* &oonrumail:* +publish +subscribe +eval +hmget +hset +expire +del +ping +select"
        let server = try RedisServers.make(
            ["--user", "mail", "on", ">secret44"]
                + rights.utf8.split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
        )
        var options = RedisOptions([server])
        (options.username, options.password, options.database) = ("mail", "secret44", 2)
        let log = Kept()
        let client = try options.client(log)
        let feed = RedisChangeFeed(client)
        defer {
            feed.close()
            client.close()
        }
        await checkLimits { RedisRateLimiter(client, fallback: NoLimiter()) }
        #expect(await eventually { feed.isConnected })
        feed.publishQueueWork()
        try await client.checkHealth()
        await #expect(throws: RedisFault.self) { try await client.run(["GET", "other"], key: "other") }
        #expect(log.all.count { $0.contains("PUBLISH") } == 0)
    }

    @Test func encryptedAndOnlyWithAKnownAuthority() async throws {
        let server = try RedisServers.makeWithTLS()
        var options = RedisOptions([server])
        options.usesTLS = true
        options.authorityFile = "\(server.folder)/authority.pem"
        let client = try options.client()
        #expect(try await client.run(["PING"], key: "") == .status("PONG"))
        client.close()
        options.endpoints[0].host = "localhost"
        let named = try options.client()
        #expect(try await named.run(["PING"], key: "") == .status("PONG"))
        named.close()
        options.authorityFile = nil
        let strict = try options.client()
        await #expect(throws: RedisFault.self) { try await strict.checkHealth() }
        strict.close()
        options.authorityFile = "/nowhere.pem"
        #expect(throws: (any Error).self) { try options.client() }
    }

    @Test func awayAndBackWithOneLineEach() async throws {
        let server = try RedisServers.make()
        let log = Kept()
        let client = try RedisOptions([server]).client(log)
        defer { client.close() }
        for round in 1...2 {
            #expect(await eventually { (try? await client.checkHealth()) != nil })
            server.crash()
            #expect(await eventually { client.outage.isAway })
            for _ in 0..<50 {
                await #expect(throws: RedisFault.self) { try await client.run(["PING"], key: "") }
            }
            #expect(log.all.count { $0.contains("Redis is away") } == round)
            try server.start()
            #expect(await eventually { (try? await client.checkHealth()) != nil })
            #expect(log.all.count { $0.contains("Redis is back") } == round)
        }
    }
}
