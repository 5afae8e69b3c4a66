import CacheMemory
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@testable import ClientConduct

/// A limiter that others cannot see, as while Redis is away.
private struct OwnLimiter: RateLimiter {
    let memory = MemoryRateLimiter()

    func count(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateDecision {
        await memory.count(key, limit: limit, windowSeconds: windowSeconds, now: now)
    }
    func peek(_ key: String, windowSeconds: Int, now: Timestamp) async -> Int {
        await memory.peek(key, windowSeconds: windowSeconds, now: now)
    }
    func tally(_ key: String, adding events: Int, windowSeconds: Int, now: Timestamp) async -> RateTally {
        let tally = await memory.tally(key, adding: events, windowSeconds: windowSeconds, now: now)
        return RateTally(events: tally.events, isShared: false)
    }
    func clear(_ key: String) async { await memory.clear(key) }
}

/// Keys that were counted under.
private final class Recorder: RateLimiter {
    let memory = FakeLimiter()
    let keys = FakeKeys()

    func count(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateDecision {
        keys.add(key)
        return await memory.count(key, limit: limit, windowSeconds: windowSeconds, now: now)
    }
    func peek(_ key: String, windowSeconds: Int, now: Timestamp) async -> Int {
        await memory.peek(key, windowSeconds: windowSeconds, now: now)
    }
    func clear(_ key: String) async { await memory.clear(key) }
}

@Suite struct ConductLedgerTests {
    private let store = FakeBans()
    private let clock = ManualClock()
    // Literals that are addresses.
    // swift-format-ignore: NeverForceUnwrap
    private let attacker = IPAddress("192.0.2.66")!
    // swift-format-ignore: NeverForceUnwrap
    private let neighbour = IPAddress("192.0.2.67")!

    private func table(_ policy: BanPolicy = BanPolicy()) -> BanTable { BanTable(policy, clock: clock) }

    /// A process's ledger that takes what `body` notes, and has counted it when this returns.
    private func counting(
        _ table: BanTable,
        _ limiter: any RateLimiter,
        _ body: (ConductLedger) -> Void
    ) async {
        let ledger = ConductLedger(table: table, store: store, limiter: limiter, key: [1, 2, 3], clock: clock)
        body(ledger)
        await ledger.settle()
    }

    private func guesses(_ ledger: ConductLedger, _ count: Int, from remote: IPAddress, start: Int = 0) {
        for number in start..<(start + count) {
            ledger.note(.failedSignIn(account: "ann@shop.test", secret: "guess \(number)"), of: remote)
        }
    }

    @Test func aGuesserIsBannedAtTheThresholdAndNotBefore() async throws {
        let (table, limiter) = (table(), MemoryRateLimiter())
        await counting(table, limiter) { guesses($0, 19, from: attacker) }
        #expect(table.ban(of: attacker) == nil)
        await counting(table, limiter) { guesses($0, 1, from: attacker, start: 19) }
        let ban = try #require(table.ban(of: attacker))
        #expect(ban.reason == "failed_sign_in 20")
        #expect(ban.until == clock.now().adding(seconds: 900))
        #expect(ban.madeBy == "system")
        #expect(table.ban(of: neighbour) == nil)
        #expect(store.audit.map(\.action) == ["ban.add"])
        #expect(store.audit.map(\.subject) == ["192.0.2.66/32"])
    }

    @Test func pointsOfAllProtocolsAndProcessesCountTogether() async throws {
        let limiter = MemoryRateLimiter()
        let tables = (table(), table())
        await counting(tables.0, limiter) { ledger in
            guesses(ledger, 8, from: attacker)
            ledger.note(.relayAttempt(domain: "elsewhere.test"), of: attacker)
        }
        await counting(tables.1, limiter) { ledger in
            ledger.note(.protocolAbuse, of: attacker)
            ledger.note(.earlyTalk, of: attacker)
            ledger.note(.brokenTLS, of: attacker)
            ledger.note(.brokenTLS, of: attacker)
        }
        let ban = try #require(tables.1.ban(of: attacker))
        #expect(ban.reason == "failed_sign_in 8, relay_attempt 1, protocol_abuse 1, early_talk 1, broken_tls 2")
        // The other process learns it from the store.
        #expect(tables.0.ban(of: attacker) == nil)
        let other = ConductLedger(table: tables.0, store: store, limiter: limiter, key: [1], clock: clock)
        try await other.look()
        #expect(tables.0.ban(of: attacker)?.network.description == "192.0.2.66/32")
    }

    @Test func anOutdatedPasswordCountsOnce() async {
        let (table, limiter) = (table(), MemoryRateLimiter())
        await counting(table, limiter) { ledger in
            for _ in 0..<1_000 {
                ledger.note(.failedSignIn(account: "ann@shop.test", secret: "old"), of: attacker)
                ledger.note(.relayAttempt(domain: "moved.test"), of: attacker)
            }
        }
        #expect(table.ban(of: attacker) == nil)
        // Of another account it is another attempt.
        await counting(table, limiter) { ledger in
            for number in 0..<20 {
                ledger.note(.failedSignIn(account: "a\(number)@shop.test", secret: "old"), of: attacker)
            }
        }
        #expect(table.ban(of: attacker) != nil)
    }

    @Test func noSecretIsKept() async {
        let (table, recorder) = (table(), Recorder())
        await counting(table, recorder) { ledger in
            ledger.note(.failedSignIn(account: "ann@shop.test", secret: "hunter2"), of: attacker)
            ledger.note(.unknownRecipient(EmailAddress("bob@shop.test")!), of: attacker)
        }
        let keys = recorder.keys.all
        #expect(!keys.isEmpty)
        for word in ["hunter2", "ann", "bob", "shop"] { #expect(!keys.contains { $0.contains(word) }, "\(keys)") }
        // Two octets: too few to try passwords by.
        #expect(
            keys.contains { $0.utf8.starts(with: "ban:192.0.2.66/32:failed_sign_in.".utf8) && $0.utf8.count == 37 },
            "\(keys)"
        )
        #expect("\(Conduct.failedSignIn(account: "a", secret: "hunter2"))" == "failed_sign_in")
    }

    @Test func knownAccountsSpeakForTheirNetworkAndOneDoesNotWashItClean() async {
        // Ten people behind one address.
        let crowd = (table(), MemoryRateLimiter())
        await counting(crowd.0, crowd.1) { ledger in
            for account in 1...10 { ledger.note(.signedIn(AccountID(Int64(account))), of: attacker) }
        }
        await counting(crowd.0, crowd.1) { guesses($0, 39, from: attacker) }
        #expect(crowd.0.ban(of: attacker) == nil)
        await counting(crowd.0, crowd.1) { guesses($0, 1, from: attacker, start: 39) }
        #expect(crowd.0.ban(of: attacker) != nil)
        // One account, again and again between the guesses.
        let washer = (table(), MemoryRateLimiter())
        await counting(washer.0, washer.1) { ledger in
            for number in 0..<22 {
                ledger.note(.signedIn(AccountID(1)), of: neighbour)
                guesses(ledger, 1, from: neighbour, start: number)
            }
        }
        #expect(washer.0.ban(of: neighbour)?.reason == "failed_sign_in 22")
    }

    @Test func harvestersAreBannedAndListsWithOldAddressesAreNot() async throws {
        let unknown = (0..<50).compactMap { EmailAddress("guess\($0)@shop.test") }
        let there = (0..<50).compactMap { EmailAddress("there\($0)@shop.test") }
        let harvested = (table(), MemoryRateLimiter())
        await counting(harvested.0, harvested.1) { ledger in
            for address in unknown { ledger.note(.unknownRecipient(address), of: attacker) }
        }
        #expect(harvested.0.ban(of: attacker)?.reason == "unknown_recipient 50")
        // The same one again and again is no guess.
        await counting(harvested.0, harvested.1) { ledger in
            for _ in 0..<200 { ledger.note(.unknownRecipient(unknown[0]), of: neighbour) }
        }
        #expect(harvested.0.ban(of: neighbour) == nil)
        let list = (table(), MemoryRateLimiter())
        await counting(list.0, list.1) { ledger in
            for (old, good) in zip(unknown, there) {
                ledger.note(.unknownRecipient(old), of: neighbour)
                ledger.note(.acceptedRecipients([good]), of: neighbour)
            }
        }
        #expect(list.0.ban(of: neighbour) == nil)
        // One mailbox that takes mail does not pay for many guesses.
        let payer = (table(), MemoryRateLimiter())
        let stranger = try #require(IPAddress("192.0.2.68"))
        await counting(payer.0, payer.1) { ledger in
            for address in unknown + [EmailAddress("more@shop.test")!] {
                ledger.note(.unknownRecipient(address), of: stranger)
                ledger.note(.acceptedRecipients([there[0]]), of: stranger)
            }
        }
        #expect(payer.0.ban(of: stranger)?.reason == "unknown_recipient 51")
    }

    @Test func exemptNetworksAndASwitchedOffPlatformCountNothing() async throws {
        var policy = BanPolicy()
        policy.exempt = [IPNetwork("192.0.2.64/28")!]
        let (exempt, limiter) = (table(policy), MemoryRateLimiter())
        await counting(exempt, limiter) { guesses($0, 100, from: attacker) }
        #expect(store.rows == [])
        policy = BanPolicy()
        policy.isOn = false
        let off = table(policy)
        await counting(off, limiter) { guesses($0, 100, from: attacker) }
        #expect(store.rows == [])
        let service = BanService(store: store, policy: BanPolicy())
        _ = try await service.put(
            .exemption,
            of: IPNetwork("192.0.2.66/32")!,
            reason: "ours",
            until: nil,
            by: .init("cli"),
            now: clock.now()
        )
        let manual = table()
        let ledger = ConductLedger(table: manual, store: store, limiter: limiter, key: [1], clock: clock)
        try await ledger.look()
        await counting(manual, limiter) { guesses($0, 100, from: attacker) }
        #expect(manual.ban(of: attacker) == nil)
        await counting(manual, limiter) { guesses($0, 100, from: neighbour) }
        #expect(manual.ban(of: neighbour) != nil)
    }

    @Test func manyNetworksOfOneSiteAreBannedAsOne() async throws {
        let (table, limiter) = (table(), MemoryRateLimiter())
        let stranger = try #require(IPAddress("2001:db8:1:ffff::1"))
        let other = try #require(IPAddress("2001:db8:2::1"))
        for subnet in 0..<9 {
            // Fewer than ban the /64.
            let remote = try #require(IPAddress("2001:db8:1:\(subnet)::1"))
            await counting(table, limiter) { guesses($0, 18, from: remote, start: subnet * 100) }
            if subnet < 8 { #expect(table.ban(of: remote) == nil) }
        }
        #expect(table.ban(of: stranger)?.network.description == "2001:db8:1::/48")
        #expect(table.ban(of: other) == nil)
    }

    @Test func aloneNobodyIsBannedWhoWouldNotBeTogether() async {
        let (table, alone) = (table(), OwnLimiter())
        // As many points as ban anybody; others may know ten accounts there.
        await counting(table, alone) { guesses($0, 39, from: attacker) }
        #expect(table.ban(of: attacker) == nil)
        // Recipients that others accepted are not known here.
        await counting(table, alone) { ledger in
            for number in 0..<500 {
                ledger.note(.unknownRecipient(EmailAddress("n\(number)@shop.test")!), of: neighbour)
            }
        }
        #expect(table.ban(of: neighbour) == nil)
        await counting(table, alone) { guesses($0, 1, from: attacker, start: 39) }
        #expect(table.ban(of: attacker) != nil)
    }

    @Test func floodsAreBounded() async {
        var policy = BanPolicy()
        policy.limit = 5
        let (table, limiter) = (table(policy), MemoryRateLimiter())
        for number in 1...12 {
            await counting(table, limiter) { guesses($0, 20, from: IPAddress("198.51.100.\(number)")!) }
        }
        #expect(store.rows.count == 5)
        #expect(table.count == 5)
        // Notes that nobody counts wait in queues of a bounded length.
        policy.threshold = 1_000_000
        let idle = ConductLedger(table: self.table(policy), store: store, limiter: limiter, key: [1], clock: clock)
        let remote = IPAddress("203.0.113.1")!
        guesses(idle, ConductLedger.laneLength * 2, from: remote)
        await idle.settle()
        let counted = await limiter.peek("ban:203.0.113.1/32:failed_sign_in", windowSeconds: 3_600, now: clock.now())
        #expect((ConductLedger.laneLength - 200...ConductLedger.laneLength).contains(counted), "\(counted)")
    }

    @Test func aStoreThatIsAwayChangesNothing() async throws {
        let (table, limiter) = (table(), MemoryRateLimiter())
        await counting(table, limiter) { guesses($0, 20, from: attacker) }
        store.fail(with: .unavailable(reportID: "x"))
        let ledger = ConductLedger(table: table, store: store, limiter: limiter, key: [1], clock: clock)
        await #expect(throws: StoreError.self) { try await ledger.look() }
        await counting(table, limiter) { guesses($0, 30, from: neighbour) }
        #expect(table.ban(of: attacker) != nil)
        #expect(table.ban(of: neighbour) == nil)
        store.fail(with: nil)
        await counting(table, limiter) { guesses($0, 1, from: neighbour, start: 30) }
        #expect(table.ban(of: neighbour) != nil)
    }

    @Test func aLiftedNetworkBeginsAnew() async throws {
        let (table, limiter) = (table(), MemoryRateLimiter())
        let ledger = ConductLedger(table: table, store: store, limiter: limiter, key: [1], clock: clock)
        await counting(table, limiter) { guesses($0, 20, from: attacker) }
        try await ledger.look()
        await counting(table, limiter) { guesses($0, 10, from: neighbour) }
        let ban = try #require(table.ban(of: attacker))
        let service = BanService(store: store, policy: BanPolicy())
        _ = try await service.lift(ban.id, by: .init("cli"), now: clock.now())
        #expect(table.ban(of: attacker) != nil)
        try await ledger.look()
        #expect(table.ban(of: attacker) == nil)
        await counting(table, limiter) { guesses($0, 19, from: attacker, start: 100) }
        #expect(table.ban(of: attacker) == nil)
        await counting(table, limiter) { guesses($0, 1, from: attacker, start: 200) }
        // Not the second one.
        #expect(table.ban(of: attacker)?.times == 1)
    }
}
