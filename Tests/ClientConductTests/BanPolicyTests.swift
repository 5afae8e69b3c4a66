import MailModel
import MailPorts
import Testing

@testable import ClientConduct

@Suite struct BanPolicyTests {
    private func places(_ policy: BanPolicy, _ address: String) throws -> [String] {
        policy.places(of: try #require(IPAddress(address))).map { "\($0.network) \($0.factor)" }
    }

    @Test func anAddressIsCountedByItsNetworks() throws {
        var policy = BanPolicy()
        #expect(try places(policy, "192.0.2.7") == ["192.0.2.7/32 1"])
        #expect(try places(policy, "2001:db8:1:2:3:4:5:6") == ["2001:db8:1:2::/64 1", "2001:db8:1::/48 8"])
        policy.ipv4Prefix = 24
        (policy.ipv6Prefix, policy.sitePrefix) = (56, 128)
        #expect(try places(policy, "192.0.2.7") == ["192.0.2.0/24 1"])
        #expect(try places(policy, "2001:db8:1:2ff:3::1") == ["2001:db8:1:200::/56 1"])
        // An IPv4 address by an IPv6 socket is what it is.
        #expect(try places(policy, "::ffff:192.0.2.7") == ["192.0.2.0/24 1"])
    }

    @Test func bansGrowUpToTheLongest() {
        var growth = BanGrowth()
        #expect((1...6).map { growth.seconds(of: $0) } == [900, 3_600, 14_400, 57_600, 230_400, 259_200])
        #expect(growth.seconds(of: 1_000_000) == 259_200)
        #expect(growth.seconds(of: 0) == 900)
        growth.factor = 1
        #expect(growth.seconds(of: 50) == 900)
        (growth.firstSeconds, growth.longestSeconds, growth.factor) = (.max / 2, .max, .max)
        #expect(growth.seconds(of: 3) == .max)
        (growth.firstSeconds, growth.longestSeconds) = (100, 10)
        #expect(growth.seconds(of: 1) == 10)
    }

    @Test func knownAccountsDoubleTheThresholdAtMost() throws {
        let policy = BanPolicy()
        let remote = try #require(IPAddress("192.0.2.7"))
        let place = try #require(policy.places(of: remote).first)
        #expect(
            [0, 1, 5, 10, 11, 1_000].map { policy.bound(of: place, knownAccounts: $0) } == [
                100, 110, 150, 200, 200, 200,
            ]
        )
        let site = BanPolicy.Place(network: place.network, factor: 8)
        #expect(policy.bound(of: site, knownAccounts: 1) == 810)
    }

    @Test func asManyUnknownRecipientsAsTookMailAreFree() {
        #expect(BanPolicy.harvestPoints(unknown: 50, accepted: 0) == 100)
        #expect(BanPolicy.harvestPoints(unknown: 50, accepted: 50) == 0)
        #expect(BanPolicy.harvestPoints(unknown: 50, accepted: 500) == 0)
        #expect(BanPolicy.harvestPoints(unknown: 50, accepted: 20) == 60)
    }

    @Test func networksAreNamedByTheirFirstAddress() throws {
        #expect(try #require(IPNetwork("192.0.2.255/25")).masked.description == "192.0.2.128/25")
        #expect(try #require(IPNetwork("192.0.2.255/0")).masked.description == "0.0.0.0/0")
        #expect(try #require(IPNetwork("2001:db8:ffff::1/33")).masked.description == "2001:db8:8000::/33")
        #expect(try #require(IPNetwork("::1/0")).masked.description == "::/0")
        #expect(IPNetwork(of: try #require(IPAddress("192.0.2.1")), prefixLength: 33) == nil)
        #expect(IPNetwork(of: try #require(IPAddress("192.0.2.1")), prefixLength: -1) == nil)
    }
}

@Suite struct NetworkMapTests {
    @Test func findsEveryNetworkThatAnAddressIsIn() throws {
        var map = NetworkMap<String>()
        let networks = [
            "192.0.2.0/24", "192.0.2.128/25", "192.0.2.129/32", "0.0.0.0/0", "2001:db8::/32", "2001:db8:0:1::/64",
            "2001:db8:0:1::5/128", "2001:db8:0:1:8000::/65",
        ]
        for text in networks { map[try #require(IPNetwork(text))] = text }
        func covering(_ address: String) throws -> [String] { map.covering(try #require(IPAddress(address))).sorted() }
        #expect(try covering("192.0.2.129") == ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.128/25", "192.0.2.129/32"])
        #expect(try covering("192.0.2.1") == ["0.0.0.0/0", "192.0.2.0/24"])
        #expect(try covering("198.51.100.1") == ["0.0.0.0/0"])
        #expect(try covering("2001:db8:0:1::5") == ["2001:db8:0:1::/64", "2001:db8:0:1::5/128", "2001:db8::/32"])
        #expect(
            try covering("2001:db8:0:1:8000::1") == ["2001:db8:0:1:8000::/65", "2001:db8:0:1::/64", "2001:db8::/32"]
        )
        #expect(try covering("2001:db9::1") == [])
        #expect(map.count == networks.count)
        map[try #require(IPNetwork("192.0.2.0/24"))] = nil
        map[try #require(IPNetwork("192.0.2.0/24"))] = nil
        #expect(try covering("192.0.2.1") == ["0.0.0.0/0"])
        map.remove(
            where: { _ in true },
            network: { IPNetwork($0) ?? IPNetwork(of: IPAddress("::")!, prefixLength: 0)! }
        )
        #expect(map.count == 0)
        #expect(try covering("192.0.2.129") == [])
    }
}

@Suite struct ExpiringSetTests {
    private let now = Timestamp(seconds: 1_800_000_000)

    @Test func remembersForAWhile() {
        var set = ExpiringSet<Int>(capacity: 3)
        let end = now.adding(seconds: 10)
        let answers = [
            set.insert(1, until: end, now: now), set.insert(1, until: end, now: now),
            set.insert(2, until: end, now: now),
        ]
        #expect(answers == [true, false, true])
        #expect(set.contains(1, at: now.adding(seconds: 9)))
        #expect(!set.contains(1, at: end))
        let again = set.insert(1, until: end.adding(seconds: 10), now: end)
        #expect(again)
    }

    @Test func isBounded() {
        var set = ExpiringSet<Int>(capacity: 100)
        for key in 0..<100_000 { _ = set.insert(key, until: now.adding(seconds: 1_000), now: now) }
        #expect(set.count <= 100)
        // What is over goes first.
        var other = ExpiringSet<Int>(capacity: 2)
        _ = other.insert(1, until: now.adding(seconds: 1), now: now)
        _ = other.insert(2, until: now.adding(seconds: 100), now: now)
        _ = other.insert(3, until: now.adding(seconds: 100), now: now.adding(seconds: 2))
        #expect(other.contains(2, at: now.adding(seconds: 3)))
    }
}
