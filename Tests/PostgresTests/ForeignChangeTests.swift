import BlobFiles
import CacheMemory
import Database
import Dispatch
import Logging
import MailModel
import MailPorts
import NIOPosix
import PostgresTesting
import SQLStore
import Synchronization
import Testing

/// What other processes commit.
extension RecoveryTests {
    /// Without a bus: who waits for mail here hears of what another process has stored.
    @Test func changesOfOtherProcessesAreHeard() async throws {
        let server = try await TestServer()
        let feed = MemoryChangeFeed()
        let (one, ann) = try await store(try await server.open())
        let other = try await watching(server, feed) { feed.listenedAccounts }
        let (changes, change) = AsyncStream.makeStream(of: Change.self)
        let listener = feed.listen(to: ann.id) { change.yield($0) }
        for number in 1...3 {
            let receipt = try await one.deliver(Self.plan(number, ann))
            for await heard in changes
            where heard.mailbox == receipt.copies[0].mailbox && heard.modSeq == receipt.copies[0].modSeq { break }
        }
        _ = try await one.create("New", specialUse: nil, of: ann.id)
        for await heard in changes where heard.mailbox == nil { break }
        listener.cancel()
        await other.close()
        await one.close()
    }

    /// A store beside another process's, which looks often.
    private func watching(
        _ server: TestServer,
        _ feed: MemoryChangeFeed,
        listened: @escaping @Sendable () -> [AccountID]
    ) async throws -> SQLStore {
        var settings = server.options
        settings.foreignCommitInterval = 0.02
        let database = try await PostgresDatabase.open(settings, logger: server.log.logger)
        var options = SQLStore.Options()
        options.listenedAccounts = listened
        return try await SQLStore(
            database: database,
            blobs: BlobFiles(folder: blobs, threads: .singleton, logger: log.logger),
            feed: feed,
            clock: FixedClock(),
            reports: database.reports,
            options: options
        )
    }

    /// The bus was trusted when the last change was committed, and is not any more: nobody may have to write again first.
    @Test func aChangeThatTheBusLostIsHeardWithoutAnotherCommit() async throws {
        let server = try await TestServer()
        let feed = MemoryChangeFeed()
        let (one, ann) = try await store(try await server.open())
        let looks = Mutex(0)
        let isTrusted = Mutex(true)
        let other = try await watching(server, feed) {
            looks.withLock { $0 += 1 }
            return isTrusted.withLock { $0 } ? [] : feed.listenedAccounts
        }
        let heard = Mutex<[Change]>([])
        let listener = feed.listen(to: ann.id) { change in heard.withLock { $0.append(change) } }
        let receipt = try await one.deliver(Self.plan(1, ann))
        let before = looks.withLock { $0 }
        #expect(await eventually { looks.withLock { $0 } >= before + 3 })
        #expect(heard.withLock { $0 }.isEmpty)
        isTrusted.withLock { $0 = false }
        #expect(await eventually { heard.withLock { $0.contains { $0.modSeq == receipt.copies[0].modSeq } } })
        listener.cancel()
        await other.close()
        await one.close()
    }

    /// One that began before others and ends after them has no newer number than they.
    @Test(.timeLimit(.minutes(1))) func aTransactionThatTookLongIsNoticedToo() async throws {
        let server = try await TestServer()
        var settings = server.options
        settings.foreignCommitInterval = 0.02
        let (one, other) = (
            try await PostgresDatabase.open(settings, logger: server.log.logger), try await server.open()
        )
        let (began, begin) = AsyncStream.makeStream(of: Void.self)
        let mayEnd = DispatchSemaphore(value: 0)
        async let long: Void = other.write { connection throws(StoreError) in
            try connection.execute("CREATE TABLE long (x BIGINT)", [])
            begin.yield()
            mayEnd.wait()
        }
        for await _ in began { break }
        try await other.write { connection throws(StoreError) in
            try connection.execute("CREATE TABLE short (x BIGINT)", [])
        }
        let (noticed, notice) = AsyncStream.makeStream(of: Bool.self)
        one.onForeignCommit { notice.yield($0) }
        // What is there is known.
        for await isNew in noticed where !isNew { break }
        for await isNew in noticed where !isNew { break }
        mayEnd.signal()
        try await long
        for await isNew in noticed where isNew { break }
        await one.close()
        await other.close()
    }

    @Test func commitsOfOthersAreNoticed() async throws {
        let server = try await TestServer()
        var settings = server.options
        settings.foreignCommitInterval = 0.02
        let one = try await PostgresDatabase.open(settings, logger: server.log.logger)
        let other = try await server.open()
        let (noticed, notice) = AsyncStream.makeStream(of: Void.self)
        one.onForeignCommit { isNew in if isNew { notice.yield() } }
        let writing = Task {
            while !Task.isCancelled {
                _ = try? await other.run("CREATE TABLE IF NOT EXISTS x AS SELECT txid_current()")
            }
        }
        for await _ in noticed { break }
        writing.cancel()
        await one.close()
    }
}

/// Within 20 seconds.
private func eventually(_ condition: () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
        if condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}
