import MailModel
import MailPorts
import PostgresTesting
import SQLStore
import Testing

/// Several workers on one queue, whose machines need not agree what time it is.
@Suite("Store: a queue that workers share") struct QueueSharedTests {
    /// One message for each recipient, of Ann's.
    private func queue(_ test: StoreUnderTest, _ recipients: [String]) async throws {
        let ann = try await test.account("ann@shop.test")
        for recipient in recipients {
            _ = try await test.store.deliver(
                .example(
                    Octets.text(300),
                    at: test.clock.now(),
                    remote: [recipient],
                    sender: .address(ann.primaryAddress),
                    submitter: ann.id
                )
            )
        }
    }

    private func lease(
        _ test: StoreUnderTest,
        perDomain: Int? = nil,
        reclaims: Bool = true
    ) async throws -> [QueueLease] {
        let now = test.clock.now()
        var claim = QueueClaim(now: now, until: now.adding(seconds: 120), limit: 50)
        claim.perDomain = perDomain
        claim.reclaims = reclaims
        return try await test.store.lease(claim)
    }

    @Test(arguments: StoreFactory.all) func aDomainHasItsShareOverAllWorkers(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await queue(test, (0..<5).map { "p\($0)@away.test" } + ["q@far.test"])
        let one = try await lease(test, perDomain: 3)
        #expect(one.map(\.domain).sorted() == ["away.test", "away.test", "away.test", "far.test"])
        #expect(try await lease(test, perDomain: 3).isEmpty)
        let done = try #require(one.first { $0.domain == "away.test" })
        let outcome = RecipientOutcome(address: done.recipients[0].address, result: .delivered, reply: "250 OK")
        try await test.store.finish(done, QueueResult(outcomes: [outcome], attempts: []))
        #expect(try await lease(test, perDomain: 3).map(\.domain) == ["away.test"])
        // What a dead worker held counts until its leases run out.
        test.clock.advance(seconds: 121)
        #expect(try await lease(test, perDomain: 3).count { $0.domain == "away.test" } == 3)
        #expect(try await lease(test).count == 1)
    }

    @Test(arguments: StoreFactory.all) func timesThatNoRuleGivesAreDueNow(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await queue(test, ["x@away.test", "y@far.test"])
        // Put off by a worker whose clock was a day ahead.
        let leases = try await lease(test)
        let far = test.clock.now().adding(seconds: 86_400)
        let first = try #require(leases.first)
        let put = RecipientOutcome(
            address: first.recipients[0].address,
            result: .deferred(until: far),
            reply: "451 Later"
        )
        try await test.store.finish(first, QueueResult(outcomes: [put], attempts: []))
        #expect(try await test.store.bringForward(now: test.clock.now(), beyond: 86_400) == 0)
        #expect(try await test.store.bringForward(now: test.clock.now(), beyond: 3_600) == 1)
        #expect(try await lease(test).map(\.domain) == [first.domain])
    }

    /// Whoever comes back with the store leaves others the time to come back too.
    @Test(arguments: StoreFactory.all) func leasesThatRanOutMayBeSpared(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await queue(test, ["x@away.test", "y@far.test"])
        let leases = try await lease(test)
        let held = try #require(leases.first { $0.domain == "away.test" })
        let other = try #require(leases.first { $0.domain == "far.test" })
        let later = RecipientOutcome(
            address: other.recipients[0].address,
            result: .deferred(until: test.clock.now().adding(seconds: 10)),
            reply: "451 Later"
        )
        try await test.store.finish(other, QueueResult(outcomes: [later], attempts: []))
        test.clock.advance(seconds: 121)
        #expect(try await lease(test, reclaims: false).map(\.domain) == ["far.test"])
        let outcome = RecipientOutcome(address: held.recipients[0].address, result: .delivered, reply: "250 OK")
        try await test.store.finish(held, QueueResult(outcomes: [outcome], attempts: []))
        test.clock.advance(seconds: 121)
        #expect(try await lease(test).map(\.domain) == ["far.test"], "what its owner recorded is not sent again")
    }

    /// Leases of the machines with a right clock, one that is weeks ahead and one that is weeks behind.
    @Test(.enabled(if: PostgresCluster.isInstalled, "\(PostgresCluster.absence)"), arguments: [5_184_000, -51_840_000])
    func aWrongClockTakesNoLease(_ jump: Int64) async throws {
        let test = try await StoreFactory.postgres { $0.trustsServerClock = true }.make()
        // The test's clock stands in the future of the server's.
        try await queue(test, ["x@away.test"])
        #expect(try await lease(test).isEmpty)
        #expect(try await test.store.bringForward(now: test.clock.now(), beyond: 3_600) == 1)
        let held = try #require(try await lease(test).first)
        #expect(held.leasedAt < test.clock.now().adding(seconds: -86_400))
        test.clock.advance(seconds: jump)
        #expect(try await lease(test).isEmpty)
        try await test.store.renew(held, now: test.clock.now(), until: test.clock.now().adding(seconds: 120))
        #expect(try await lease(test).isEmpty)
        #expect(try await test.store.bringForward(now: test.clock.now(), beyond: 3_600) == 0)
        // Handed back, it is due for whoever comes.
        try await test.store.renew(held, now: test.clock.now(), until: test.clock.now())
        if jump > 0 { #expect(try await lease(test).count == 1) }
    }
}
