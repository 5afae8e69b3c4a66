import BlobFiles
import CacheMemory
import Database
import Dispatch
import MailModel
import MailPorts
import NIOPosix
import PostgresTesting
import Testing

@testable import SQLStore

/// Events that become visible after others of higher numbers.
@Suite struct StatisticsOrderTests {
    private static let now = Timestamp(seconds: 1_800_000_000)

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var running: Int64
        var next: Int64 = 50
        var newest: Int64 = 20
        var later: Int64 = 5
        var move: StatisticsPosition.Move
    }

    @Test(
        "numbers that were seen wait for every transaction that had begun, and for some seconds",
        arguments: [
            Row(testDescription: "one is running", running: 39, move: .rest),
            Row(testDescription: "all are over", running: 40, move: .count),
            Row(testDescription: "too early", running: 40, later: 4, move: .rest),
            Row(testDescription: "the clock went back", running: 40, later: -1, move: .look),
            Row(testDescription: "another server", running: 10, next: 12, move: .look),
        ]
    )
    func settling(_ row: Row) {
        let position = StatisticsPosition(counted: 10, seen: 20, seenAt: Self.now, horizon: 40)
        let view = StatisticsPosition.View(running: row.running, next: row.next, newest: row.newest)
        #expect(position.move(view, hasParallelWriters: true, now: Self.now.adding(seconds: row.later)) == row.move)
        #expect(position.move(view, hasParallelWriters: false, now: Self.now) == .count)
        let looked = StatisticsPosition(counted: 20, seen: 20)
        #expect(looked.move(view, hasParallelWriters: true, now: Self.now) == .rest)
        #expect(looked.move(.init(newest: 21), hasParallelWriters: true, now: Self.now) == .look)
    }

    private func open() async throws -> (SQLStore, PostgresDatabase, TemporaryFolder) {
        let cluster = try #require(PostgresCluster.shared)
        var options = PostgresOptions()
        options.host = cluster.folder
        options.port = cluster.port
        options.user = try await TestPlaces.shared.make()
        options.database = TestPlaces.database
        options.foreignCommitInterval = 3_600
        let folder = TemporaryFolder()
        let database = try await PostgresDatabase.open(options, logger: .silent)
        let store = try await SQLStore(
            database: database,
            blobs: BlobFiles(folder: folder.path + "/blobs", threads: .singleton, logger: .silent),
            feed: MemoryChangeFeed(),
            clock: TestClock(),
            reports: database.reports
        )
        return (store, database, folder)
    }

    private func event(_ kind: TraceEvent.Kind) -> TraceEvent {
        TraceEvent(
            at: Self.now.adding(seconds: 60),
            kind: kind,
            queueID: QueueID(rawValue: "q"),
            sender: "",
            recipient: "ann@shop.test",
            detail: ""
        )
    }

    @Test(.enabled(if: PostgresCluster.isInstalled), .timeLimit(.minutes(2)))
    func `an event that is committed after one of a higher number is counted`() async throws {
        let (store, database, folder) = try await open()
        defer { withExtendedLifetime(folder) {} }
        let organisation = try await store.addOrganisation(name: "Shop").id
        _ = try await store.addDomain("shop.test", organisation: organisation, keys: [])
        let (began, begin) = AsyncStream.makeStream(of: Void.self)
        let mayEnd = DispatchSemaphore(value: 0)
        let slow = event(.delivered)
        async let long: Void = database.write { connection throws(StoreError) in
            try SQLStore.insert([slow], connection)
            // Its number is drawn.
            try connection.execute("UPDATE organisations SET name = name", [])
            begin.yield()
            mayEnd.wait()
        }
        for await _ in began { break }
        await store.record([event(.refused)])
        #expect(try await store.find("q", since: nil, limit: 9).map(\.kind) == [.refused])
        var now = Self.now.adding(seconds: 100)
        for _ in 0..<5 {
            #expect(try await store.countEvents(limit: 100, now: now) == CountingStep(events: 0, isLast: true))
            now = now.adding(seconds: 60)
        }
        mayEnd.signal()
        try await long
        var counted = 0
        while try await store.oldestUncounted() != nil {
            counted += try await store.countEvents(limit: 100, now: now).events
            now = now.adding(seconds: 60)
        }
        #expect(counted == 2)
        let day = CalendarDay(Self.now.adding(seconds: 60))
        let period = try #require(StatisticsPeriod(since: day, until: day))
        let counts = try #require(try await store.counts(ofDomain: "shop.test", period)[day])
        #expect(counts[.received] == 1 && counts[.refused] == 1)
        await store.close()
    }
}
