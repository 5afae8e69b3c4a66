import MailModel
import MailPorts
import MailTesting
import Synchronization
import Telemetry
import Testing

@testable import ClientConduct

@Suite struct BanTableTests {
    private let clock = ManualClock()

    private func ban(
        _ network: String,
        number: Int64,
        kind: Ban.Kind = .ban,
        seconds: Int64? = 100
    ) throws -> Ban {
        Ban(
            id: BanID(number),
            network: try #require(IPNetwork(network)),
            kind: kind,
            isAutomatic: true,
            reason: "failed_sign_in 20",
            since: clock.now(),
            until: seconds.map { clock.now().adding(seconds: $0) },
            times: 1,
            madeBy: "system",
            number: number
        )
    }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func whatIsOverRefusesNobody() throws {
        let table = BanTable(BanPolicy(), clock: clock)
        _ = table.take([try ban("192.0.2.1/32", number: 1), try ban("198.51.100.0/24", number: 2, seconds: nil)])
        let refusal = try #require(table.refusal(of: try address("192.0.2.1"), over: "smtp"))
        #expect(refusal.retryAfterSeconds == 100)
        #expect(table.refusal(of: try address("198.51.100.9"), over: "smtp")?.retryAfterSeconds == 86_400)
        #expect(table.refusal(of: try address("192.0.2.2"), over: "smtp") == nil)
        clock.advance(seconds: 99)
        #expect(table.refusal(of: try address("192.0.2.1"), over: "smtp")?.retryAfterSeconds == 1)
        clock.advance(seconds: 1)
        #expect(table.refusal(of: try address("192.0.2.1"), over: "smtp") == nil)
        #expect(table.refusal(of: try address("198.51.100.9"), over: "smtp") != nil)
        // What is over leaves the memory.
        clock.advance(seconds: 60)
        _ = table.take([])
        #expect(table.count == 1)
    }

    @Test func exemptionsWinOverBansOfEveryWidth() throws {
        let table = BanTable(BanPolicy(), clock: clock)
        _ = table.take([
            try ban("192.0.2.0/24", number: 1), try ban("192.0.2.1/32", number: 2),
            try ban("192.0.2.0/28", number: 3, kind: .exemption),
        ])
        #expect(table.ban(of: try address("192.0.2.1")) == nil)
        #expect(table.exempts(try address("192.0.2.1")))
        #expect(table.ban(of: try address("192.0.2.99")) != nil)
        clock.advance(seconds: 100)
        #expect(!table.exempts(try address("192.0.2.1")))
        var policy = BanPolicy()
        policy.exempt = [try #require(IPNetwork("192.0.2.0/24"))]
        let set = BanTable(policy, clock: clock)
        _ = set.take([try ban("192.0.2.1/32", number: 1)])
        #expect(set.ban(of: try address("192.0.2.1")) == nil)
        policy = BanPolicy()
        policy.isOn = false
        let off = BanTable(policy, clock: clock)
        _ = off.take([try ban("192.0.2.1/32", number: 1)])
        #expect(off.ban(of: try address("192.0.2.1")) == nil)
    }

    @Test func ofSeveralTheLastEndCounts() throws {
        let table = BanTable(BanPolicy(), clock: clock)
        _ = table.take([
            try ban("2001:db8::/64", number: 1, seconds: 10), try ban("2001:db8::/48", number: 2, seconds: 50),
            try ban("2001:db8::/32", number: 3, seconds: 20),
        ])
        #expect(table.refusal(of: try address("2001:db8::1"), over: "imap")?.retryAfterSeconds == 50)
    }

    @Test func changesAreTakenInOrderAndOnce() throws {
        let table = BanTable(BanPolicy(), clock: clock)
        let calls = Mutex(0)
        table.observe { calls.withLock { $0 += 1 } }
        table.take(try ban("192.0.2.1/32", number: 1))
        #expect(calls.withLock { $0 } == 1)
        var lifted = try ban("192.0.2.1/32", number: 2)
        lifted.until = clock.now()
        #expect(table.take([lifted]).map(\.description) == ["192.0.2.1/32"])
        #expect(table.position == 2)
        #expect(table.ban(of: try address("192.0.2.1")) == nil)
        // The process's own ban, from before it read that it was lifted.
        table.take(try ban("192.0.2.1/32", number: 1))
        #expect(table.take([try ban("192.0.2.1/32", number: 1)]) == [])
        #expect(table.ban(of: try address("192.0.2.1")) == nil)
        #expect(calls.withLock { $0 } == 3)
    }
}

@Suite struct BanServiceTests {
    private let store = FakeBans()
    private let now = Timestamp(seconds: 1_800_000_000)

    @Test(arguments: [
        "0.0.0.0/0", "192.0.0.0/7", "2000::/3", "127.0.0.1/32", "127.0.0.0/8",
    ]) func whatWouldRefuseEverybodyOrNobodyIsNoBan(_ network: String) async throws {
        var policy = BanPolicy()
        policy.exempt = [try #require(IPNetwork("127.0.0.0/8"))]
        let service = BanService(store: store, policy: policy)
        let network = try #require(IPNetwork(network))
        await #expect(throws: StoreError.self) {
            try await service.put(.ban, of: network, reason: "r", until: nil, by: .init("cli"), now: now)
        }
        #expect(store.rows == [])
    }

    @Test func reasonsAreALineAndEndsAreLater() async throws {
        let service = BanService(store: store, policy: BanPolicy())
        let network = try #require(IPNetwork("192.0.2.7/24"))
        for reason in ["", "a\nb", String(repeating: "x", count: 201)] {
            await #expect(throws: StoreError.self) {
                try await service.put(.ban, of: network, reason: reason, until: nil, by: .init("cli"), now: now)
            }
        }
        await #expect(throws: StoreError.self) {
            try await service.put(.ban, of: network, reason: "r", until: now, by: .init("cli"), now: now)
        }
        let made = try await service.put(
            .ban,
            of: network,
            reason: "abuse",
            until: nil,
            by: .init("op@shop.test"),
            now: now
        )
        #expect(made.network.description == "192.0.2.0/24")
        #expect(made.madeBy == "op@shop.test")
        #expect(!made.isAutomatic)
        #expect(store.audit.map { "\($0.actor) \($0.action) \($0.subject)" } == ["op@shop.test ban.add 192.0.2.0/24"])
        _ = try await service.lift(made.id, by: .init("cli"), now: now.adding(seconds: 1))
        #expect(store.audit.last?.action == "ban.lift")
    }
}
