import BackendTesting
import CacheRedis
import MailModel
import MailPorts
import Testing

@Suite("Port: DomainCache, Redis", .enabled(if: RedisServers.isInstalled, "\(RedisServers.absence)"))
struct DomainCacheTests {
    private static let shop = DomainFacts(
        name: "shop.test",
        organisation: OrganisationID(7),
        status: .suspended,
        hasDKIM: true
    )

    @Test func whatIsKeptIsFoundUntilItChanges() async throws {
        let server = try RedisServers.make()
        let (one, two) = (try RedisOptions([server]).client(), try RedisOptions([server]).client())
        defer {
            one.close()
            two.close()
        }
        let (mine, theirs) = (RedisDomainCache(one), RedisDomainCache(two))
        #expect(await mine.facts(of: "shop.test") == nil)
        await mine.keep(Self.shop)
        #expect(await theirs.facts(of: "shop.test") == Self.shop)
        #expect(await theirs.facts(of: "other.test") == nil)
        // As the operator's guide has it.
        let key = "domains:cache:shop.test"
        #expect(try await one.run(["HGET", key, "dkim_enabled"], key: key).text == "true")
        let left = try #require(try await one.run(["TTL", key], key: key).number)
        #expect(left > 0 && left <= Int64(RedisDomainCache.lifetime))
        await theirs.forget("shop.test")
        #expect(await mine.facts(of: "shop.test") == nil)
    }

    /// Who had read the old state before the change writes it after: nobody may find that.
    @Test func whatWasReadBeforeAChangeIsNotKept() async throws {
        let server = try RedisServers.make()
        let client = try RedisOptions([server]).client()
        defer { client.close() }
        let cache = RedisDomainCache(client, silence: 1_000)
        await cache.forget("shop.test")
        await cache.keep(Self.shop)
        #expect(await cache.facts(of: "shop.test") == nil)
        let key = "domains:cache:shop.test"
        let left = try #require(try await client.run(["TTL", key], key: key).number)
        #expect(left > 0 && left <= 1_000)
        _ = try await client.run(["DEL", key], key: key)
        await cache.keep(Self.shop)
        #expect(await cache.facts(of: "shop.test") == Self.shop)
    }

    @Test func awayItKnowsNothingAndHoldsNobodyUp() async throws {
        let server = try RedisServers.make()
        let client = try RedisOptions([server]).client()
        defer { client.close() }
        let cache = RedisDomainCache(client)
        await cache.keep(Self.shop)
        server.crash()
        await cache.forget("shop.test")
        #expect(await cache.facts(of: "shop.test") == nil)
    }

    @Test(arguments: [
        ["name", "shop.test"], ["name", "other.test", "organisation", "7", "status", "active", "dkim_enabled", "true"],
        ["name", "shop.test", "organisation", "x", "status", "active", "dkim_enabled", "true"],
        ["name", "shop.test", "organisation", "7", "status", "odd", "dkim_enabled", "true"],
    ])
    func whatDoesNotReadIsNotThere(_ fields: [String]) async throws {
        let server = try RedisServers.make()
        let client = try RedisOptions([server]).client()
        defer { client.close() }
        let key = "domains:cache:shop.test"
        _ = try await client.run(["HSET", key] + fields, key: key)
        #expect(await RedisDomainCache(client).facts(of: "shop.test") == nil)
    }
}
