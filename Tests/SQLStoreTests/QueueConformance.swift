import MailModel
import MailPorts
import NIOCore
import Testing

@Suite("Port: QueueStore") struct QueueConformance {
    /// Queues one message of Ann's.
    @discardableResult
    private func queue(
        _ test: StoreUnderTest,
        _ remote: [String],
        from sender: Account,
        bytes: [UInt8] = Octets.text(500)
    ) async throws -> DeliveryPlan {
        var plan = DeliveryPlan.example(
            bytes,
            at: test.clock.now(),
            remote: remote,
            sender: .address(sender.primaryAddress),
            submitter: sender.id
        )
        plan.is8Bit = true
        plan.summary.messageID = "m@shop.test"
        _ = try await test.store.deliver(plan)
        return plan
    }

    private func lease(_ test: StoreUnderTest, limit: Int = 10) async throws -> [QueueLease] {
        let now = test.clock.now()
        return try await test.store.lease(QueueClaim(now: now, until: now.adding(seconds: 300), limit: limit))
    }

    private func outcome(
        _ address: EmailAddress,
        _ result: RecipientOutcome.Result,
        _ reply: String = "250 ok"
    ) -> RecipientOutcome {
        RecipientOutcome(address: address, result: result, reply: reply)
    }

    @Test(arguments: StoreFactory.all) func aLeaseHasWhatAWorkerNeeds(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        #expect(try await test.store.nextDue() == nil)
        #expect(try await lease(test).isEmpty)
        let plan = try await queue(test, ["X@away.test", "y@away.test", "z@far.test"], from: ann)
        #expect(try await test.store.nextDue() == test.clock.now())
        #expect(try await test.store.depth() == 3)
        let leases = try await lease(test).sorted { $0.domain < $1.domain }
        #expect(leases.map(\.domain) == ["away.test", "far.test"])
        let first = try #require(leases.first)
        #expect(Set(first.recipients.map(\.address.description)) == ["X@away.test", "y@away.test"])
        #expect(first.recipients.allSatisfy { $0.attempts == 0 && $0.originalRecipient == nil })
        #expect(first.queueID == plan.queueID)
        #expect(first.submitter == ann.id)
        #expect(first.sender == .address(ann.primaryAddress))
        #expect(first.size == 500)
        #expect(first.createdAt == plan.receivedAt)
        #expect(first.expiresAt == plan.expiresAt)
        #expect(first.is8Bit)
        #expect(!first.needsSMTPUTF8)
        #expect(leases[0].fence != leases[1].fence)
        #expect(
            try await test.store.read(plan.queueID, submitter: ann.id, range: 100..<200).octets
                == Array(Octets.text(500)[100..<200])
        )
        await #expect(throws: StoreError.notFound) {
            try await test.store.read(plan.queueID, submitter: AccountID(9), range: 0..<1)
        }
        // Nothing is leased twice; it is due again when the leases run out.
        #expect(try await lease(test).isEmpty)
        #expect(try await test.store.nextDue() == test.clock.now().adding(seconds: 300))
    }

    @Test(arguments: StoreFactory.all, [40_000, 200_000]) func largeMessagesComeBack(
        _ factory: StoreFactory,
        _ size: Int
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let plan = try await queue(test, ["x@away.test"], from: ann, bytes: Octets.text(size))
        #expect(
            try await test.store.read(plan.queueID, submitter: ann.id, range: 0..<Int.max).octets == Octets.text(size)
        )
        test.clock.advance(seconds: 100_000)
        #expect(try await test.store.sweepBlobs(graceSeconds: 60, now: test.clock.now()) == 0)
        #expect(
            try await test.store.read(plan.queueID, submitter: ann.id, range: 7..<9).octets
                == Array(Octets.text(size)[7..<9])
        )
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func aLeaseOfAHundredAtMost(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await queue(test, (0..<150).map { "u\($0)@away.test" }, from: ann)
        #expect(try await lease(test).map(\.recipients.count) == [100])
        #expect(try await lease(test).map(\.recipients.count) == [50])
        try await queue(test, ["a@b.test", "a@c.test", "a@d.test"], from: ann)
        #expect(try await lease(test, limit: 2).count == 2)
        #expect(try await lease(test, limit: 2).count == 1)
    }

    @Test(arguments: StoreFactory.all) func deliveredAndDeferred(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let plan = try await queue(test, ["x@away.test", "y@away.test"], from: ann)
        let lease1 = try #require(try await lease(test).first)
        let later = test.clock.now().adding(seconds: 900)
        try await test.store.finish(
            lease1,
            QueueResult(
                outcomes: [
                    outcome(.sample("X@away.test"), .delivered),
                    outcome(.sample("y@away.test"), .deferred(until: later), "451 later"),
                ],
                attempts: [
                    QueueAttempt(
                        at: test.clock.now(),
                        host: "mx.away.test [192.0.2.1]:25",
                        tls: "TLSv1.3",
                        transcript: "S: 220\r\nC: EHLO"
                    )
                ],
                trace: [
                    TraceEvent(
                        at: test.clock.now(),
                        kind: .sent,
                        queueID: plan.queueID,
                        sender: "ann@shop.test",
                        recipient: "x@away.test",
                        detail: "250"
                    )
                ]
            )
        )
        #expect(try await test.store.nextDue() == later)
        #expect(try await test.store.depth() == 1)
        let found = try await test.store.entry(plan.queueID)
        #expect(found.recipients.map(\.recipient.description) == ["y@away.test"])
        #expect(found.recipients.map(\.state) == [.waiting])
        #expect(found.recipients.map(\.attempts) == [1])
        #expect(found.recipients.map(\.lastReply) == ["451 later"])
        #expect(found.attempts.map(\.host) == ["mx.away.test [192.0.2.1]:25"])
        #expect(found.attempts.map(\.tls) == ["TLSv1.3"])
        #expect(try await test.store.find(plan.queueID.rawValue, since: nil, limit: 9).map(\.kind) == [.sent])
        #expect(try await lease(test).isEmpty)
        test.clock.advance(seconds: 900)
        let lease2 = try #require(try await lease(test).first)
        #expect(lease2.recipients.map(\.attempts) == [1])
        #expect(lease2.fence > lease1.fence)
        // The old lease is worth nothing now.
        await #expect(throws: StoreError.notFound) {
            try await test.store.finish(
                lease1,
                QueueResult(outcomes: [outcome(.sample("y@away.test"), .delivered)], attempts: [])
            )
        }
        await #expect(throws: StoreError.notFound) {
            try await test.store.renew(lease1, now: test.clock.now(), until: later)
        }
        try await test.store.finish(
            lease2,
            QueueResult(outcomes: [outcome(.sample("y@away.test"), .failed, "550 no")], attempts: [])
        )
        #expect(try await test.store.depth() == 0)
        await #expect(throws: StoreError.notFound) { _ = try await test.store.entry(plan.queueID) }
        await #expect(throws: StoreError.notFound) {
            try await test.store.read(plan.queueID, submitter: ann.id, range: 0..<1)
        }
    }

    @Test(arguments: StoreFactory.all) func leasesRunOutAndAreRenewed(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await queue(test, ["x@away.test"], from: ann)
        let first = try #require(try await lease(test).first)
        test.clock.advance(seconds: 200)
        try await test.store.renew(first, now: test.clock.now(), until: test.clock.now().adding(seconds: 300))
        test.clock.advance(seconds: 200)
        #expect(try await lease(test).isEmpty)
        test.clock.advance(seconds: 100)
        let second = try #require(try await lease(test).first)
        #expect(second.fence > first.fence)
        await #expect(throws: StoreError.notFound) {
            try await test.store.finish(
                first,
                QueueResult(outcomes: [outcome(.sample("x@away.test"), .delivered)], attempts: [])
            )
        }
        #expect(try await test.store.depth() == 1)
        try await test.store.finish(
            second,
            QueueResult(outcomes: [outcome(.sample("x@away.test"), .delivered)], attempts: [])
        )
        #expect(try await test.store.depth() == 0)
    }

    @Test(arguments: StoreFactory.all) func aBounceComesInTheSameTransaction(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await queue(test, ["x@away.test", "y@away.test"], from: ann)
        let held = try #require(try await lease(test).first)
        let bounce = DeliveryPlan.example(
            Octets.text(700),
            at: test.clock.now(),
            to: [LocalCopy(account: ann.id, recipient: ann.primaryAddress)],
            remote: ["z@away.test"]
        )
        let heard = Heard()
        let listeners = [
            test.feed.listen(to: ann.id) { heard.note($0) }, test.feed.listenForQueueWork { heard.noteWork() },
        ]
        try await test.store.finish(
            held,
            QueueResult(
                outcomes: held.recipients.map { outcome($0.address, .failed, "550 no") },
                attempts: [],
                bounce: bounce
            )
        )
        for listener in listeners { listener.cancel() }
        #expect(heard.changes.map(\.mailbox) == [inbox])
        #expect(heard.queueWork == 1)
        let entry = try #require(try await test.store.entries(in: inbox, of: ann.id).changed.first)
        #expect(try await test.store.read(entry.email, of: ann.id, range: 0..<Int.max).octets == Octets.text(700))
        let queued = try await test.store.entries(after: nil, limit: 10)
        #expect(queued.map(\.queueID) == [bounce.queueID])
        #expect(queued.map(\.sender) == [.null])
        #expect(queued.map(\.submitter) == [.system])

        // An outdated lease bounces nothing.
        var again = bounce
        again.queueID = QueueID(rawValue: "again")
        await #expect(throws: StoreError.notFound) {
            try await test.store.finish(
                held,
                QueueResult(outcomes: held.recipients.map { outcome($0.address, .failed) }, attempts: [], bounce: again)
            )
        }
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed.count == 1)
        #expect(try await test.store.depth() == 1)
    }

    @Test(arguments: StoreFactory.all) func anOperatorHoldsReleasesRetriesAndCancels(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let one = try await queue(test, ["x@away.test", "y@far.test"], from: ann)
        test.clock.advance(seconds: 1)
        let two = try await queue(test, ["x@away.test"], from: ann)
        #expect(
            try await test.store.entries(after: nil, limit: 10).map(\.queueID) == [
                one.queueID, one.queueID, two.queueID,
            ]
        )
        #expect(try await test.store.entries(after: one.queueID, limit: 10).map(\.queueID) == [two.queueID])

        #expect(try await test.store.hold(.domain("AWAY.test")) == 2)
        #expect(try await test.store.entries(after: nil, limit: 10).map(\.state) == [.held, .waiting, .held])
        #expect(try await lease(test).map(\.domain) == ["far.test"])
        #expect(try await test.store.release(.message(one.queueID), now: test.clock.now()) == 1)
        let heard = Heard()
        let listener = test.feed.listenForQueueWork { heard.noteWork() }
        #expect(try await test.store.release(.recipient(.sample("X@away.test")), now: test.clock.now()) == 1)
        listener.cancel()
        #expect(heard.queueWork == 1)
        let both = try await lease(test)
        #expect(both.map(\.queueID) == [one.queueID, two.queueID])
        let later = test.clock.now().adding(seconds: 3_600)
        for held in both {
            try await test.store.finish(
                held,
                QueueResult(
                    outcomes: held.recipients.map { outcome($0.address, .deferred(until: later), "4xx") },
                    attempts: []
                )
            )
        }
        #expect(try await lease(test).isEmpty)
        #expect(try await test.store.retryNow(.message(two.queueID), now: test.clock.now()) == 1)
        #expect(try await lease(test).map(\.queueID) == [two.queueID])
        // What a worker has is not taken from under it.
        #expect(
            try await test.store.cancel(.recipient(.sample("x@away.test")), actor: "cli", now: test.clock.now()) == 1
        )
        #expect(try await test.store.find(one.queueID.rawValue, since: nil, limit: 10).map(\.kind) == [.cancelled])
        #expect(try await test.store.depth() == 2)
        test.clock.advance(seconds: 4_000)
        _ = try await test.store.hold(.everything)
        #expect(try await test.store.retryNow(.everything, now: test.clock.now()) == 0)
        test.clock.advance(seconds: 4_000)
        #expect(try await test.store.cancel(.everything, actor: "cli", now: test.clock.now()) >= 0)
    }
}
