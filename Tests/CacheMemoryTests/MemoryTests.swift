import CacheMemory
import MailModel
import MailPorts
import Synchronization
import Testing

@Suite("Change feed in memory") struct MemoryChangeFeedTests {
    private final class Heard: Sendable {
        let changes = Mutex<[Change]>([])
        let work = Atomic<Int>(0)
    }

    @Test func listenersHearTheirAccountUntilTheyCancel() {
        let feed = MemoryChangeFeed()
        let heard = Heard()
        let change = { Change(account: AccountID($0), mailbox: MailboxID(1), modSeq: ModSeq($1)) }
        let listener = feed.listen(to: AccountID(1)) { change in heard.changes.withLock { $0.append(change) } }
        var other: ChangeListener? = feed.listen(to: AccountID(2)) { change in
            heard.changes.withLock { $0.append(change) }
        }
        feed.publish([change(1, 1), change(2, 2), change(3, 3)])
        #expect(heard.changes.withLock { $0.map(\.modSeq.rawValue) } == [1, 2])
        other = nil
        _ = other
        feed.publish([change(1, 4), change(2, 5)])
        listener.cancel()
        listener.cancel()
        feed.publish([change(1, 6)])
        #expect(heard.changes.withLock { $0.map(\.modSeq.rawValue) } == [1, 2, 4])
    }

    @Test func queueWorkIsHeard() {
        let feed = MemoryChangeFeed()
        let heard = Heard()
        feed.publishQueueWork()
        let listener = feed.listenForQueueWork { heard.work.add(1, ordering: .relaxed) }
        feed.publishQueueWork()
        listener.cancel()
        feed.publishQueueWork()
        #expect(heard.work.load(ordering: .relaxed) == 1)
    }

    @Test func aListenerMayListenAndPublish() {
        let feed = MemoryChangeFeed()
        let heard = Heard()
        let listener = feed.listen(to: AccountID(1)) { _ in
            feed.listenForQueueWork { heard.work.add(1, ordering: .relaxed) }.cancel()
            feed.publish([Change(account: AccountID(2), mailbox: nil, modSeq: ModSeq(1))])
            heard.work.add(1, ordering: .relaxed)
        }
        feed.publish([Change(account: AccountID(1), mailbox: nil, modSeq: ModSeq(1))])
        listener.cancel()
        #expect(heard.work.load(ordering: .relaxed) == 1)
    }
}

@Suite("Rate limits in memory") struct MemoryRateLimiterTests {
    private let start = Timestamp(seconds: 1_800_000_000)

    @Test func theLimitHoldsInEveryWindow() async {
        let limiter = MemoryRateLimiter()
        for _ in 0..<5 { #expect(await limiter.count("k", limit: 5, windowSeconds: 60, now: start) == .allowed) }
        guard case .exceeded(let wait) = await limiter.count("k", limit: 5, windowSeconds: 60, now: start) else {
            Issue.record("the sixth was allowed")
            return
        }
        #expect((1...60).contains(wait))
        #expect(await limiter.count("other", limit: 5, windowSeconds: 60, now: start) == .allowed)
        #expect(await limiter.peek("k", windowSeconds: 60, now: start) == 5)
        // The window before counts by the part of it that still overlaps.
        #expect(await limiter.peek("k", windowSeconds: 60, now: start.adding(seconds: 90)) == 2)
        #expect(await limiter.peek("k", windowSeconds: 60, now: start.adding(seconds: 120)) == 0)
        #expect(await limiter.count("k", limit: 5, windowSeconds: 60, now: start.adding(seconds: 120)) == .allowed)
    }

    @Test func clearing() async {
        let limiter = MemoryRateLimiter()
        _ = await limiter.count("k", limit: 1, windowSeconds: 60, now: start)
        await limiter.clear("k")
        #expect(await limiter.peek("k", windowSeconds: 60, now: start) == 0)
        #expect(await limiter.count("k", limit: 1, windowSeconds: 60, now: start) == .allowed)
    }

    @Test func manyKeysDoNotGrowWithoutBound() async {
        let limiter = MemoryRateLimiter(maximumKeys: 100)
        for number in 0..<1_000 { _ = await limiter.count("k\(number)", limit: 1, windowSeconds: 60, now: start) }
        #expect(await limiter.peek("k999", windowSeconds: 60, now: start) == 1)
        #expect(await limiter.peek("k0", windowSeconds: 60, now: start) == 0)
    }
}
