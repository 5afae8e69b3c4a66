import BackendTesting
import CacheMemory
import CacheRedis
import MailModel
import MailPorts
import Synchronization
import Testing

final class Heard: Sendable {
    private let changes = Mutex<[Change]>([])
    let work = Atomic<Int>(0)
    func add(_ change: Change) { changes.withLock { $0.append(change) } }
    var all: [Int64] { changes.withLock { $0.map(\.modSeq.rawValue) } }
}

private func change(_ account: Int64, _ modSeq: Int64, mailbox: Int64? = 1) -> Change {
    Change(account: AccountID(account), mailbox: mailbox.map { MailboxID($0) }, modSeq: ModSeq(modSeq))
}

/// What every feed does within its process.
func checkFeed(_ feed: any ChangeFeed) {
    let heard = Heard()
    let listener = feed.listen(to: AccountID(1)) { heard.add($0) }
    var other: ChangeListener? = feed.listen(to: AccountID(2)) { heard.add($0) }
    feed.publish([change(1, 1), change(2, 2), change(3, 3)])
    #expect(heard.all == [1, 2])
    _ = other
    other = nil
    feed.publish([change(1, 4), change(2, 5)])
    feed.relay([change(1, 6)])
    listener.cancel()
    listener.cancel()
    feed.publish([change(1, 7)])
    #expect(heard.all == [1, 2, 4, 6])
    let work = feed.listenForQueueWork { heard.work.add(1, ordering: .relaxed) }
    feed.publishQueueWork()
    feed.relayQueueWork()
    work.cancel()
    feed.publishQueueWork()
    #expect(heard.work.load(ordering: .relaxed) == 2)
}

@Suite("Port: ChangeFeed, memory") struct MemoryFeedConformance {
    @Test func conforms() { checkFeed(MemoryChangeFeed()) }
}

@Suite("Port: ChangeFeed, Redis", .enabled(if: RedisServers.isInstalled, "\(RedisServers.absence)"))
struct RedisFeedConformance {
    @Test func conforms() throws {
        let server = try RedisServers.make()
        let client = try RedisOptions([server]).client()
        let feed = RedisChangeFeed(client)
        // Before it is connected and while the server is away: the process hears itself.
        checkFeed(feed)
        server.crash()
        checkFeed(feed)
        feed.close()
        client.close()
    }

    @Test func anotherProcessHears() async throws {
        let server = try RedisServers.make()
        let (left, right) = (try RedisOptions([server]).client(), try RedisOptions([server]).client())
        let (leftFeed, rightFeed) = (RedisChangeFeed(left), RedisChangeFeed(right))
        defer {
            for feed in [leftFeed, rightFeed] { feed.close() }
            for client in [left, right] { client.close() }
        }
        let (heard, own) = (Heard(), Heard())
        let listeners = [
            rightFeed.listen(to: AccountID(1)) { heard.add($0) }, leftFeed.listen(to: AccountID(1)) { own.add($0) },
            rightFeed.listenForQueueWork { heard.work.add(1, ordering: .relaxed) },
        ]
        #expect(await eventually { leftFeed.isConnected && rightFeed.isConnected })
        let before = heard.work.load(ordering: .relaxed)
        leftFeed.publish([change(1, 5), change(2, 9)])
        #expect(await eventually { heard.all == [5] })
        leftFeed.relay([change(1, 6)])
        leftFeed.publish([change(1, 7, mailbox: nil)])
        leftFeed.publishQueueWork()
        #expect(await eventually { heard.all == [5, 7] })
        #expect(await eventually { heard.work.load(ordering: .relaxed) > before })
        // Once each: what comes back from Redis is not heard again.
        #expect(own.all == [5, 6, 7])
        for listener in listeners { listener.cancel() }
    }

    @Test func platformsOnOneServerDoNotHearEachOther() async throws {
        let server = try RedisServers.make()
        let clients = try [0, 0, 1, 1].map { database in
            var options = RedisOptions([server])
            options.database = database
            return try options.client()
        }
        let feeds = clients.map { RedisChangeFeed($0) }
        defer {
            for feed in feeds { feed.close() }
            for client in clients { client.close() }
        }
        let (first, second) = (Heard(), Heard())
        let listeners = [
            feeds[1].listen(to: AccountID(1)) { first.add($0) }, feeds[3].listen(to: AccountID(1)) { second.add($0) },
        ]
        #expect(await eventually { feeds.allSatisfy { $0.isConnected } })
        feeds[0].publish([change(1, 10)])
        #expect(await eventually { first.all == [10] })
        feeds[2].publish([change(1, 3)])
        #expect(await eventually { !second.all.isEmpty })
        #expect(second.all == [3] && first.all == [10])
        for listener in listeners { listener.cancel() }
    }

    /// Looks may come late: one that begins after the doubt is over sees what the outage hid.
    @Test func doubtLastsUntilSomebodyHasLooked() async throws {
        let server = try RedisServers.make()
        let client = try RedisOptions([server]).client()
        let feed = RedisChangeFeed(client, doubt: .zero)
        defer {
            feed.close()
            client.close()
        }
        let listener = feed.listen(to: AccountID(1)) { _ in }
        #expect(await eventually { feed.isConnected })
        #expect(feed.accountsToPoll == [AccountID(1)])
        #expect(feed.accountsToPoll.isEmpty)
        listener.cancel()
    }

    @Test func anOutageLosesNothing() async throws {
        let server = try RedisServers.make()
        let (left, right) = (try RedisOptions([server]).client(), try RedisOptions([server]).client())
        let (leftFeed, rightFeed) = (RedisChangeFeed(left), RedisChangeFeed(right))
        defer {
            for feed in [leftFeed, rightFeed] { feed.close() }
            for client in [left, right] { client.close() }
        }
        let heard = Heard()
        let listener = rightFeed.listen(to: AccountID(1)) { heard.add($0) }
        #expect(await eventually { leftFeed.isConnected && rightFeed.isConnected })
        server.crash()
        #expect(await eventually { !leftFeed.isConnected && !rightFeed.isConnected })
        #expect(rightFeed.accountsToPoll == [AccountID(1)])
        for number in 1...50 { leftFeed.publish([change(1, Int64(number))]) }
        try server.start()
        #expect(await eventually { leftFeed.isConnected && rightFeed.isConnected })
        // What was sent meanwhile may have found no reader: the store is asked for a while.
        #expect(rightFeed.accountsToPoll == [AccountID(1)])
        leftFeed.publish([change(1, 51)])
        #expect(await eventually { heard.all.last ?? 0 >= 50 })
        #expect(await eventually { rightFeed.accountsToPoll.isEmpty })
        listener.cancel()
    }
}
