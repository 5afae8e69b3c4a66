import MailModel
import MailPorts
import SQLStore
import Testing

@Suite("Store: the queue after a crash") struct QueueRecoveryTests {
    @Test(arguments: StoreFactory.all) func whatADeadProcessHadLeasedIsDueAtOnce(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let remote = ["one@away.test", "two@elsewhere.test"]
        _ = try await test.store.deliver(
            .example(Octets.text(200), at: test.clock.now(), remote: remote, submitter: ann.id)
        )
        let store = try #require(test.store as? SQLStore)
        let first = try await lease(test)
        #expect(first.count == 2)
        #expect(try await lease(test).isEmpty)

        #expect(try await store.takeBackLeases(now: test.clock.now()) == 2)

        let second = try await lease(test)
        #expect(second.flatMap(\.recipients).map(\.address.description).sorted() == remote)
        // The dead process, should it live after all, can record nothing.
        let delivered = RecipientOutcome(address: first[0].recipients[0].address, result: .delivered, reply: "250 ok")
        await #expect(throws: StoreError.notFound) {
            try await test.store.finish(first[0], QueueResult(outcomes: [delivered], attempts: []))
        }
        #expect(try await store.takeBackLeases(now: test.clock.now()) == 2)
    }

    private func lease(_ test: StoreUnderTest) async throws -> [QueueLease] {
        let now = test.clock.now()
        return try await test.store.lease(QueueClaim(now: now, until: now.adding(seconds: 900), limit: 10))
    }
}
