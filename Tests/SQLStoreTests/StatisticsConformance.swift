import MailModel
import MailPorts
import Testing

@Suite("Port: StatisticsStore") struct StatisticsConformance {
    /// Midday of a day.
    private static let noon = Timestamp(seconds: 1_800_014_400)
    private static let today = CalendarDay(noon)

    private func event(
        _ kind: TraceEvent.Kind,
        from sender: String = "someone@away.test",
        to recipient: String? = nil,
        at: Timestamp = noon,
        _ detail: String = ""
    ) -> TraceEvent {
        TraceEvent(
            at: at,
            kind: kind,
            queueID: QueueID(rawValue: "q"),
            sender: sender,
            recipient: recipient,
            detail: detail
        )
    }

    /// Domains that are hosted.
    private func store(_ factory: StoreFactory, _ domains: [String] = ["shop.test"]) async throws -> StoreUnderTest {
        let test = try await factory.make()
        for domain in domains { try await test.account("ann@\(domain)") }
        return test
    }

    /// Counts until nothing is left; on a server that others use too, their transactions are waited for.
    ///
    /// - Returns: the sizes of steps that counted something.
    @discardableResult
    private func count(_ test: StoreUnderTest, limit: Int = 100) async throws -> [Int] {
        var sizes: [Int] = []
        for _ in 0..<50_000 {
            let step = try await test.store.countEvents(limit: limit, now: test.clock.now())
            if step.events > 0 { sizes.append(step.events) }
            guard step.isLast else { continue }
            if try await test.store.oldestUncounted() == nil { return sizes }
            test.clock.advance(seconds: 6)
        }
        Issue.record("events are left")
        return sizes
    }

    private func counts(
        _ test: StoreUnderTest,
        _ domain: String = "shop.test",
        days: Int64 = 30
    ) async throws -> [CalendarDay: [String: Int64]] {
        let period = try #require(
            StatisticsPeriod(since: Self.today.adding(days: 1 - days), until: Self.today.adding(days: 1))
        )
        return try await test.store.counts(ofDomain: domain, period).mapValues { counts in
            let named = MailCount.allCases.map { ($0.rawValue, counts[$0]) }
            return Dictionary(uniqueKeysWithValues: named.filter { $0.1 != 0 })
        }
    }

    @Test(arguments: StoreFactory.all) func `each event is of one count, domain and day`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await store(factory, ["shop.test", "sub.shop.test"])
        let (ours, others) = ("Ann@shop.test", "you@away.test")
        let evening = Timestamp(seconds: Self.noon.seconds + 43_199)
        await test.store.record([
            event(.accepted, "10 octets"), event(.delivered, to: ours), event(.delivered, to: "x@sub.shop.test"),
            event(.refused, to: "Nobody@SHOP.test"), event(.refused, from: ours, to: others),
            event(.accepted, from: ours, "10 octets\(TraceEvent.submittedMark)"),
            event(.queued, from: ours, to: others),
            event(.sent, from: ours, to: others), event(.sent, from: "\"a b\"@shop.test", to: others),
            event(.deferred, from: ours, to: others), event(.bounced, from: ours, to: others),
            event(.cancelled, from: ours, to: others), event(.appended, from: ours, to: ours),
            // Nobody's: no mail of a domain here, or none that is known to be.
            event(.accepted, from: ours, "10 octets"), event(.delivered, to: others),
            event(.sent, from: "", to: others),
            event(.sent, from: others, to: others), event(.refused, from: ours), event(.delivered, to: "a@[192.0.2.1]"),
            event(.delivered, to: ours, at: evening), event(.delivered, to: ours, at: evening.adding(seconds: 1)),
        ])
        try await count(test)
        let expected: [String: Int64] = [
            "received": 2, "refused": 1, "submitted": 1, "queued": 1, "sent": 2, "deferred": 1, "bounced": 1,
            "cancelled": 1,
        ]
        #expect(try await counts(test) == [Self.today: expected, Self.today.adding(days: 1): ["received": 1]])
        #expect(try await counts(test, "Sub.Shop.test") == [Self.today: ["received": 1]])
        #expect(try await counts(test, "away.test").isEmpty)
        #expect(try await counts(test, days: 0)[Self.today] == nil)
        await test.store.close()
    }

    @Test(arguments: StoreFactory.all) func `each event is counted once, however often it is counted`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await store(factory)
        await test.store.record((0..<5).map { _ in event(.delivered, to: "ann@shop.test") })
        #expect(try await test.store.oldestUncounted() == Self.noon)
        // As the limit says: a process that dies between two steps leaves the rest to the next one.
        #expect(try await count(test, limit: 2) == [2, 2, 1])
        #expect(try await count(test).isEmpty)
        #expect(try await counts(test) == [Self.today: ["received": 5]])
        await test.store.record([event(.delivered, to: "ann@shop.test")])
        let other = try await test.beside?()
        let again = StoreUnderTest(
            store: other ?? test.store,
            feed: test.feed,
            clock: test.clock,
            folder: test.folder
        )
        #expect(try await count(again) == [1])
        #expect(try await counts(test) == [Self.today: ["received": 6]])
        await other?.close()
        await test.store.close()
    }

    @Test(arguments: StoreFactory.all) func `of several that count at once each event is counted once`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await store(factory)
        await test.store.record((0..<60).map { _ in event(.delivered, to: "ann@shop.test") })
        let counted = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<6 { group.addTask { try await count(test, limit: 3).reduce(0, +) } }
            var counted = 0
            for try await some in group { counted += some }
            return counted
        }
        #expect(counted == 60)
        #expect(try await counts(test) == [Self.today: ["received": 60]])
        await test.store.close()
    }

    @Test(arguments: StoreFactory.all) func `a trace that was pruned empty is counted on`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await store(factory)
        // After the domain was added.
        let old = Self.noon.adding(seconds: -3_600)
        await test.store.record((0..<5).map { _ in event(.delivered, to: "ann@shop.test", at: old) })
        try await count(test)
        #expect(try await test.store.prune(olderThan: Self.noon) == 5)
        await test.store.record((0..<2).map { _ in event(.delivered, to: "ann@shop.test") })
        #expect(try await count(test) == [2])
        // What goes before it was counted is not counted, and keeps nothing from being so.
        await test.store.record([event(.delivered, to: "ann@shop.test", at: old)])
        #expect(try await test.store.prune(olderThan: Self.noon.adding(seconds: 1)) == 3)
        await test.store.record([event(.refused, to: "ann@shop.test")])
        try await count(test)
        #expect(try await counts(test) == [Self.today: ["received": 7, "refused": 1]])
        await test.store.close()
    }

    @Test(arguments: StoreFactory.all) func `old days go, some at a time`(_ factory: StoreFactory) async throws {
        let test = try await store(factory, ["shop.test", "other.test"])
        for domain in ["shop.test", "other.test"] {
            // Later than the domains were added.
            await test.store.record(
                (0..<4).map { event(.delivered, to: "a@\(domain)", at: Self.noon.adding(seconds: 86_400 * $0)) }
            )
        }
        try await count(test)
        let last = Self.today.adding(days: 3)
        #expect(try await test.store.removeCounts(before: last, limit: 5) == 5)
        #expect(try await test.store.removeCounts(before: last, limit: 5) == 1)
        #expect(try await test.store.removeCounts(before: last, limit: 5) == 0)
        let period = try #require(StatisticsPeriod(since: Self.today, until: last.adding(days: 9)))
        for domain in ["shop.test", "other.test"] {
            #expect(try await Set(test.store.counts(ofDomain: domain, period).keys) == [last])
        }
        await test.store.close()
    }

    @Test(arguments: StoreFactory.all)
    func `counts go with their domain, and another one of its name does not inherit`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await store(factory, ["shop.test", "other.test"])
        for domain in ["shop.test", "other.test"] { await test.store.record([event(.delivered, to: "a@\(domain)")]) }
        try await count(test)
        let audit = AuditEvent(at: test.clock.now(), actor: "cli", action: "domain.delete", subject: "shop.test")
        _ = try await test.store.take(.delete(purgeAt: test.clock.now()), on: "shop.test", audit: audit)
        #expect(try await counts(test) == [Self.today: ["received": 1]])
        while try await test.store.purgeStep("shop.test", now: test.clock.now(), audit: audit) {}
        #expect(try await counts(test).isEmpty)
        #expect(try await counts(test, "other.test") == [Self.today: ["received": 1]])
        // Written for the one before, and not counted when the next one comes.
        await test.store.record([event(.delivered, to: "a@shop.test", at: test.clock.now())])
        test.clock.advance(seconds: 1)
        try await test.account("ann@shop.test")
        await test.store.record([event(.refused, to: "a@shop.test", at: test.clock.now())])
        try await count(test)
        let day = CalendarDay(test.clock.now())
        let period = try #require(StatisticsPeriod(since: day.adding(days: -9), until: day.adding(days: 1)))
        let found = try await test.store.counts(ofDomain: "shop.test", period)
        #expect(found.values.reduce(into: MailCounts()) { $0 += $1 }[.refused] == 1)
        #expect(found.values.allSatisfy { $0[.received] == 0 })
        await test.store.close()
    }
}
