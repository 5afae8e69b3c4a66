import MailModel
import MailPorts
import Testing

@Suite struct KeptAnswerConformance {
    private func key(_ name: UInt8, account: Int64 = 1, fingerprint: UInt8 = 1) -> KeptAnswerKey {
        KeptAnswerKey(
            account: AccountID(account),
            hash: [UInt8](repeating: name, count: 32),
            fingerprint: [UInt8](repeating: fingerprint, count: 32)
        )
    }

    @Test(arguments: StoreFactory.all)
    func aRequestIsBegunOnceAndAnsweredWithWhatWasKept(_ factory: StoreFactory) async throws {
        let here = try await factory.make()
        let store = here.store
        let now = here.clock.now()
        let begin = { (key: KeptAnswerKey, ticket: UInt8) in
            try await store.beginAnswer(key, ticket: [ticket], limits: KeptAnswerLimits(), now: now)
        }
        #expect(try await begin(key(1), 1) == .begun)
        #expect(try await begin(key(1), 2) == .running)
        #expect(try await begin(key(1, fingerprint: 2), 2) == .differs)
        #expect(try await begin(key(1, account: 2), 2) == .begun)
        // Only who has it ends it.
        try await store.keepAnswer([9], of: key(1), ticket: [2], until: now.adding(seconds: 60))
        try await store.forgetAnswer(key(1), ticket: [2])
        #expect(try await begin(key(1), 2) == .running)
        try await store.keepAnswer([9, 0], of: key(1), ticket: [1], until: now.adding(seconds: 60))
        #expect(try await begin(key(1), 2) == .done([9, 0]))
        #expect(try await begin(key(1, fingerprint: 2), 2) == .differs)
        #expect(try await begin(key(2), 1) == .begun)
        try await store.keepAnswer(nil, of: key(2), ticket: [1], until: now.adding(seconds: 60))
        #expect(try await begin(key(2), 2) == .done(nil))
        #expect(try await begin(key(3), 1) == .begun)
        try await store.forgetAnswer(key(3), ticket: [1])
        #expect(try await begin(key(3, fingerprint: 2), 2) == .begun)
    }

    @Test(arguments: StoreFactory.all)
    func ofManyAtOnceOneBegins(_ factory: StoreFactory) async throws {
        let here = try await factory.make()
        let (store, now, name) = (here.store, here.clock.now(), key(1))
        let begun = try await withThrowingTaskGroup(of: Bool.self) { group in
            for ticket in 0..<UInt8(12) {
                group.addTask {
                    try await store.beginAnswer(name, ticket: [ticket], limits: KeptAnswerLimits(), now: now) == .begun
                }
            }
            var count = 0
            for try await one in group where one { count += 1 }
            return count
        }
        #expect(begun == 1)
    }

    @Test(arguments: StoreFactory.all)
    func whatIsOverIsTakenOverSweptAndMakesRoom(_ factory: StoreFactory) async throws {
        let here = try await factory.make()
        let (store, now) = (here.store, here.clock.now())
        var limits = KeptAnswerLimits()
        limits.perAccount = 2
        #expect(try await store.beginAnswer(key(1), ticket: [1], limits: limits, now: now) == .begun)
        #expect(try await store.beginAnswer(key(2), ticket: [1], limits: limits, now: now) == .begun)
        try await store.keepAnswer([9], of: key(2), ticket: [1], until: now.adding(seconds: 3_600))
        #expect(try await store.beginAnswer(key(3), ticket: [1], limits: limits, now: now) == .full)
        #expect(try await store.beginAnswer(key(3, account: 2), ticket: [1], limits: limits, now: now) == .begun)
        // Its holder is taken for dead; what it ends afterwards is not its any more.
        let later = now.adding(seconds: limits.runningSeconds)
        #expect(try await store.beginAnswer(key(1, fingerprint: 2), ticket: [2], limits: limits, now: later) == .begun)
        try await store.keepAnswer([8], of: key(1), ticket: [1], until: later.adding(seconds: 60))
        #expect(
            try await store.beginAnswer(key(1, fingerprint: 2), ticket: [3], limits: limits, now: later) == .running
        )
        #expect(try await store.sweepAnswers(now: later, limit: 10) == 1)
        let end = now.adding(seconds: 3_600)
        #expect(try await store.sweepAnswers(now: end, limit: 1) == 1)
        #expect(try await store.sweepAnswers(now: end, limit: 10) == 1)
        #expect(try await store.sweepAnswers(now: end, limit: 10) == 0)
        #expect(try await store.beginAnswer(key(3), ticket: [1], limits: limits, now: end) == .begun)
    }
}
