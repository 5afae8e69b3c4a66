import BackendTesting
import CacheRedis
import MailModel
import MailPorts
import NIOCore
import Testing

struct SlotRow: Sendable, CustomTestStringConvertible {
    let key: String
    let slot: Int
    init(_ key: String, _ slot: Int) { (self.key, self.slot) = (key, slot) }
    var testDescription: String { key }
}

@Suite("Redis: slots") struct RedisSlotTests {
    @Test(
        "a key has the slot of its first braces",
        arguments: [
            SlotRow("123456789", 0x31C3), SlotRow("foo", 12_182), SlotRow("bar", 5_061), SlotRow("hello", 866),
            SlotRow("{foo}.following", 12_182), SlotRow("a{foo}b{bar}", 12_182), SlotRow("", 0),
        ]
    )
    func slot(row: SlotRow) { #expect(RedisClient.slot(of: row.key) == row.slot) }

    @Test func emptyBracesCountForNothing() {
        #expect(RedisClient.slot(of: "foo{}{bar}") != RedisClient.slot(of: "bar"))
        #expect(RedisClient.slot(of: "foo{{bar}}zap") == RedisClient.slot(of: "{bar"))
        #expect(RedisClient.slot(of: "foo{bar") != RedisClient.slot(of: "bar"))
    }
}

@Suite("Redis: cluster", .enabled(if: RedisServers.isInstalled, "\(RedisServers.absence)"), .serialized)
struct RedisClusterTests {
    @Test func keysGoToTheirNodesAndRedirectionsAreFollowed() async throws {
        let servers = try RedisServers.makeCluster()
        let log = Kept()
        var options = RedisOptions(servers)
        // One seed is enough.
        options.endpoints = [options.endpoints[0]]
        let client = try options.client(log)
        defer { client.close() }
        for number in 0..<300 {
            #expect(try await client.run(["SET", "k\(number)", "\(number)"], key: "k\(number)") == .status("OK"))
        }
        for server in servers {
            let size = try RedisServers.command(server, "DBSIZE")
            #expect(Int(size) ?? 0 > 50)
        }

        // A slot on its way from one node to another: ASK, then MOVED.
        let slot = "\(RedisClient.slot(of: "k7"))"
        let ids = try servers.map { try RedisServers.command($0, "CLUSTER", "MYID") }
        let from = try #require(
            servers.indices.first { (try? RedisServers.command(servers[$0], "EXISTS", "k7")) == "1" }
        )
        let to = (from + 1) % 3
        try RedisServers.command(servers[to], "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[from])
        try RedisServers.command(servers[from], "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
        try RedisServers.command(servers[from], "MIGRATE", "127.0.0.1", "\(servers[to].port)", "k7", "0", "5000")
        #expect(try await client.run(["GET", "k7"], key: "k7").text == "7")
        for index in [to, from, (from + 2) % 3] {
            try RedisServers.command(servers[index], "CLUSTER", "SETSLOT", slot, "NODE", ids[to])
        }
        #expect(try await client.run(["GET", "k7"], key: "k7").text == "7")
        #expect(try await client.run(["GET", "k7"], key: "k7").text == "7")
        #expect(log.all.isEmpty)
    }

    @Test func theFeedAndTheLimitsWorkInACluster() async throws {
        let servers = try RedisServers.makeCluster()
        let (left, right) = (try RedisOptions(servers).client(), try RedisOptions(servers).client())
        let (leftFeed, rightFeed) = (RedisChangeFeed(left), RedisChangeFeed(right))
        defer {
            for feed in [leftFeed, rightFeed] { feed.close() }
            for client in [left, right] { client.close() }
        }
        let heard = Heard()
        let listener = rightFeed.listen(to: AccountID(1)) { heard.add($0) }
        #expect(await eventually { leftFeed.isConnected && rightFeed.isConnected })
        leftFeed.publish([Change(account: AccountID(1), mailbox: MailboxID(2), modSeq: ModSeq(3))])
        #expect(await eventually { heard.all == [3] })
        listener.cancel()
        await checkLimits { RedisRateLimiter(left, fallback: NoLimiter()) }
    }

    @Test func aNodeThatIsGoneIsOneOutage() async throws {
        let servers = try RedisServers.makeCluster()
        let log = Kept()
        let client = try RedisOptions(servers).client(log)
        defer { client.close() }
        func failures() async -> Int {
            var count = 0
            for number in 0..<60 where (try? await client.run(["SET", "k\(number)", "1"], key: "k\(number)")) == nil {
                count += 1
            }
            return count
        }
        #expect(await failures() == 0)
        servers[1].crash()
        #expect(await eventually { await failures() > 0 })
        await #expect(throws: RedisFault.self) { try await client.checkHealth() }
        try servers[1].start()
        #expect(await eventually { await failures() == 0 })
        #expect(await eventually { (try? await client.checkHealth()) != nil })
        #expect(log.all.count { $0.contains("Redis is away") } <= 2)
    }
}
