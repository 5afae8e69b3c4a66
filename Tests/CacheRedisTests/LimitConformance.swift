import BackendTesting
import CacheMemory
import CacheRedis
import MailModel
import MailPorts
import Testing

/// Stands in where nothing may fall back.
struct NoLimiter: RateLimiter {
    func count(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateDecision {
        Issue.record("fell back")
        return .allowed
    }
    func peek(_ key: String, windowSeconds: Int, now: Timestamp) async -> Int {
        Issue.record("fell back")
        return 0
    }
    func clear(_ key: String) async {}
}

/// What every limiter does; the same random walk gives the same decisions.
func checkLimits(_ make: () throws -> any RateLimiter) async rethrows {
    let start = Timestamp(seconds: 1_800_000_000)
    let limiter = try make()
    for _ in 0..<5 { #expect(await limiter.count("k", limit: 5, windowSeconds: 60, now: start) == .allowed) }
    #expect(await limiter.count("k", limit: 5, windowSeconds: 60, now: start) == .exceeded(retryAfterSeconds: 60))
    #expect(
        await limiter.count("k", limit: 5, windowSeconds: 60, now: start.adding(seconds: 59))
            == .exceeded(retryAfterSeconds: 1)
    )
    #expect(await limiter.count("other", limit: 5, windowSeconds: 60, now: start) == .allowed)
    #expect(await limiter.peek("k", windowSeconds: 60, now: start) == 5)
    #expect(await limiter.peek("none", windowSeconds: 60, now: start) == 0)
    #expect(await limiter.peek("k", windowSeconds: 60, now: start.adding(seconds: 90)) == 2)
    #expect(await limiter.peek("k", windowSeconds: 60, now: start.adding(seconds: 120)) == 0)
    // Another window counts anew.
    #expect(await limiter.peek("k", windowSeconds: 30, now: start) == 0)
    #expect(await limiter.count("k", limit: 5, windowSeconds: 60, now: start.adding(seconds: 120)) == .allowed)
    await limiter.clear("k")
    #expect(await limiter.peek("k", windowSeconds: 60, now: start.adding(seconds: 120)) == 0)
    #expect(await limiter.count("zero", limit: 0, windowSeconds: 1, now: start) != .allowed)

    // Sums, whatever the limit was.
    #expect(
        await limiter.tally("sum", adding: 7, windowSeconds: 60, now: start) == RateTally(events: 7, isShared: true)
    )
    #expect(await limiter.tally("sum", adding: 0, windowSeconds: 60, now: start).events == 7)
    #expect(await limiter.tally("sum", adding: 5, windowSeconds: 60, now: start.adding(seconds: 90)).events == 8)
    #expect(await limiter.peek("sum", windowSeconds: 60, now: start.adding(seconds: 90)) == 8)
    #expect(await limiter.count("sum", limit: 8, windowSeconds: 60, now: start.adding(seconds: 90)) != .allowed)
    #expect(await limiter.tally("none", adding: 0, windowSeconds: 60, now: start).events == 0)
    await limiter.clear("sum")
    #expect(await limiter.tally("sum", adding: 0, windowSeconds: 60, now: start.adding(seconds: 90)).events == 0)

    let model = MemoryRateLimiter()
    var generator = SystemRandomNumberGenerator()
    var now = start
    for _ in 0..<200 {
        now = now.adding(seconds: Int64.random(in: 0...20, using: &generator))
        let limit = Int.random(in: 1...8, using: &generator)
        let expected = await model.count("walk", limit: limit, windowSeconds: 60, now: now)
        #expect(await limiter.count("walk", limit: limit, windowSeconds: 60, now: now) == expected)
        let peeked = await model.peek("walk", windowSeconds: 60, now: now)
        #expect(await limiter.peek("walk", windowSeconds: 60, now: now) == peeked)
    }
}

@Suite("Port: RateLimiter, memory") struct MemoryLimitConformance {
    @Test func conforms() async { await checkLimits { MemoryRateLimiter() } }
}

@Suite("Port: RateLimiter, Redis", .enabled(if: RedisServers.isInstalled, "\(RedisServers.absence)"))
struct RedisLimitConformance {
    private let start = Timestamp(seconds: 1_800_000_000)

    @Test func conforms() async throws {
        let server = try RedisServers.make()
        let client = try RedisOptions([server]).client()
        defer { client.close() }
        await checkLimits { RedisRateLimiter(client, fallback: NoLimiter()) }
    }

    @Test func processesShareALimitToTheLastOne() async throws {
        let server = try RedisServers.make()
        let clients = try (0..<4).map { _ in try RedisOptions([server]).client() }
        defer { for client in clients { client.close() } }
        let allowed = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<400 {
                let limiter = RedisRateLimiter(clients[number % 4], fallback: NoLimiter())
                group.addTask {
                    await limiter.count("shared", limit: 100, windowSeconds: 60, now: start) == .allowed
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(allowed == 100)
        let lifetime = try RedisServers.command(server, "TTL", "oonrumail:limit:shared")
        #expect(Int(lifetime) ?? 0 > 60)
    }

    /// One process is a second behind at the turn of a window: neither empties what the other has counted.
    @Test func clocksThatDifferShareTheNewestWindow() async throws {
        let server = try RedisServers.make()
        let client = try RedisOptions([server]).client()
        defer { client.close() }
        let limiter = RedisRateLimiter(client, fallback: NoLimiter())
        let turn = Timestamp(seconds: 1_800_000_060)
        for _ in 0..<3 { #expect(await limiter.count("k", limit: 9, windowSeconds: 60, now: turn) == .allowed) }
        let behind = turn.adding(seconds: -1)
        for _ in 0..<2 { #expect(await limiter.count("k", limit: 9, windowSeconds: 60, now: behind) == .allowed) }
        #expect(await limiter.peek("k", windowSeconds: 60, now: behind) == 5)
        #expect(await limiter.peek("k", windowSeconds: 60, now: turn) == 5)
    }

    @Test func awayTheProcessCountsAndBackTheyShareAgain() async throws {
        let server = try RedisServers.make()
        let client = try RedisOptions([server]).client()
        defer { client.close() }
        let memory = MemoryRateLimiter()
        let limiter = RedisRateLimiter(client, fallback: memory)
        #expect(await limiter.count("k", limit: 2, windowSeconds: 60, now: start) == .allowed)
        server.crash()
        for _ in 0..<2 { #expect(await limiter.count("k", limit: 2, windowSeconds: 60, now: start) == .allowed) }
        #expect(await limiter.count("k", limit: 2, windowSeconds: 60, now: start) != .allowed)
        #expect(await memory.peek("k", windowSeconds: 60, now: start) == 2)
        // A sum says that others do not see it.
        #expect(
            await limiter.tally("s", adding: 3, windowSeconds: 60, now: start) == RateTally(events: 3, isShared: false)
        )
        try server.start()
        #expect(await eventually { await limiter.peek("k", windowSeconds: 60, now: start) == 0 })
        #expect(await limiter.count("k", limit: 2, windowSeconds: 60, now: start) == .allowed)
    }
}
