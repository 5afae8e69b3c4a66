import MailModel
package import MailPorts

/// Hashes `domains:cache:NAME` with the fields `name`, `organisation`, `status` and `dkim_enabled`.
package final class RedisDomainCache: DomainCache {
    /// Seconds that an entry lives: a change whose word Redis never got is known after that.
    package static let lifetime = 60
    /// Seconds after a change in which nothing is kept: who had read the old state has written it by then.
    package static let silence = 5
    package static let prefix = "domains:cache:"

    private static let keeping = """
        if redis.call('HEXISTS', KEYS[1], 'changed') == 1 then return 0 end
        redis.call('HSET', KEYS[1], 'name', ARGV[1], 'organisation', ARGV[2], 'status', ARGV[3], 'dkim_enabled', ARGV[4])
        redis.call('EXPIRE', KEYS[1], ARGV[5])
        return 1
        """
    private static let forgetting = """
        redis.call('DEL', KEYS[1])
        redis.call('HSET', KEYS[1], 'changed', '1')
        redis.call('EXPIRE', KEYS[1], ARGV[1])
        return 1
        """

    private let client: RedisClient
    private let silence: Int

    package init(_ client: RedisClient, silence: Int = RedisDomainCache.silence) {
        (self.client, self.silence) = (client, silence)
    }

    package func facts(of domain: String) async -> DomainFacts? {
        let key = Self.prefix + domain
        let fields = ["name", "organisation", "status", "dkim_enabled"]
        guard let values = try? await client.run(["HMGET", key] + fields, key: key).elements?.map(\.text),
            values.count == fields.count, values[0] == domain, let organisation = values[1].flatMap({ Int64($0) }),
            let status = values[2].flatMap(HostedDomain.Status.init(rawValue:)), let hasDKIM = values[3]
        else { return nil }
        return DomainFacts(
            name: domain,
            organisation: OrganisationID(organisation),
            status: status,
            hasDKIM: hasDKIM == "true"
        )
    }

    package func keep(_ facts: DomainFacts) async {
        await run(
            Self.keeping,
            facts.name,
            [
                facts.name, "\(facts.organisation.rawValue)", facts.status.rawValue, facts.hasDKIM ? "true" : "false",
                "\(Self.lifetime)",
            ]
        )
    }

    package func forget(_ domain: String) async { await run(Self.forgetting, domain, ["\(silence)"]) }

    private func run(_ script: String, _ domain: String, _ values: [String]) async {
        let key = Self.prefix + domain
        // Away: entries run out by themselves.
        _ = try? await client.run(["EVAL", script, "1", key] + values, key: key)
    }
}
