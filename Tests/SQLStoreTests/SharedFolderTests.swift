import CacheMemory
import Database
import Glibc
import Logging
import MailModel
import MailPorts
import NIOCore
import SQLStore
import Synchronization
import Testing

/// A server and a command on one folder: each has its own store, as in two processes.
@Suite("Store: two on one folder") struct SharedFolderTests {
    private let folder = TemporaryFolder()
    private let clock = TestClock()

    /// Waits until the condition holds; it is due within seconds.
    private func eventually(_ condition: @Sendable () async throws -> Bool) async throws -> Bool {
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: .seconds(20))
        while clock.now < end {
            if try await condition() { return true }
            try await clock.sleep(for: .milliseconds(20))
        }
        return false
    }

    private func both() async throws -> (server: StoreUnderTest, command: StoreUnderTest) {
        let feed = MemoryChangeFeed()
        let server = StoreUnderTest(
            store: try await SQLStore.open(folder, feed: feed, clock: clock),
            feed: feed,
            clock: clock,
            folder: folder
        )
        let otherFeed = MemoryChangeFeed()
        let command = StoreUnderTest(
            store: try await SQLStore.open(folder, feed: otherFeed, clock: clock),
            feed: otherFeed,
            clock: clock,
            folder: folder
        )
        return (server, command)
    }

    @Test func eachSeesAtOnceWhatTheOtherHasCommitted() async throws {
        let (server, command) = try await both()
        let ann = try await command.account("ann@shop.test")
        #expect(try await server.store.resolve(ann.primaryAddress) == .account(ann.id, usedBytes: 0, quotaBytes: nil))
        #expect(try await server.store.credential(for: ann.primaryAddress) != nil)
        try await command.store.setAccountStatus(ann.id, .suspended)
        #expect(try await server.store.resolve(ann.primaryAddress) == .suspended)
        #expect(try await server.store.credential(for: ann.primaryAddress) == nil)
        try await command.store.setPassword(ann.id, hash: "new", replacing: "hash of ann@shop.test")
        try await command.store.setAccountStatus(ann.id, .active)
        #expect(try await server.store.credential(for: ann.primaryAddress)?.passwordHash == "new")
        try await server.deliver(Octets.text(10), to: [ann])
        #expect(try await command.store.entries(in: inbox, of: ann.id).changed.count == 1)
    }

    @Test func bothWriteWithoutLosingAnything() async throws {
        let (server, command) = try await both()
        let ann = try await server.account("ann@shop.test")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<100 {
                group.addTask {
                    try await (number % 2 == 0 ? server : command).deliver(Octets.text(10 + number), to: [ann])
                }
            }
            try await group.waitForAll()
        }
        #expect(try await server.store.entries(in: inbox, of: ann.id).changed.map(\.uid.rawValue) == Array(1...100))
        try await server.requireCounted(inbox, of: ann)
        #expect(try await command.store.verify().findings == [])
    }

    @Test func theServerHearsOfTheCommandsQueueWork() async throws {
        let (server, command) = try await both()
        let heard = Heard()
        let listener = server.feed.listenForQueueWork { heard.noteWork() }
        let ann = try await command.account("ann@shop.test")
        _ = try await command.store.deliver(
            .example(Octets.text(10), at: clock.now(), remote: ["x@away.test"], submitter: ann.id)
        )
        #expect(try await eventually { heard.queueWork > 0 })
        // Its own commits are told by itself, once.
        let before = heard.queueWork
        _ = try await server.store.deliver(
            .example(Octets.text(10), at: clock.now(), remote: ["x@away.test"], submitter: ann.id)
        )
        #expect(heard.queueWork >= before + 1)
        listener.cancel()
    }

    @Test func theServerHearsOfAReset() async throws {
        let (server, command) = try await both()
        let ann = try await server.account("ann@shop.test")
        try await server.deliver(Octets.text(10), to: [ann])
        let heard = Heard()
        let listener = server.feed.listen(to: ann.id) { heard.note($0) }
        try await command.store.resetAccount(ann.id)
        #expect(
            try await eventually {
                heard.changes.contains { $0.mailbox == nil } && heard.changes.contains { $0.mailbox == inbox }
            }
        )
        listener.cancel()
    }

    @Test func aSweepOfOneWaitsForABackupOfTheOther() async throws {
        let (server, command) = try await both()
        let ann = try await server.account("ann@shop.test")
        for number in 0..<20 { try await server.deliver(Octets.noise(70_000 + number), to: [ann]) }
        let file = folder.path + "/copy.tar"
        let late = Timestamp(seconds: Int64(time(nil)) + 7_200)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await command.store.backup(toFile: file) }
            group.addTask {
                try await server.store.resetAccount(ann.id)
                for _ in 0..<50 { _ = try await server.store.sweepBlobs(graceSeconds: 60, now: late) }
            }
            try await group.waitForAll()
        }
        let target = TemporaryFolder()
        try await SQLStore.restore(fromFile: file, toFolder: target.path)
        #expect(try await SQLStore.open(target).verify().findings == [])
    }

    @Test func aCommandThatEndsDisturbsNobody() async throws {
        let (server, command) = try await both()
        let ann = try await command.account("ann@shop.test")
        try await server.deliver(Octets.text(10), to: [ann])
        await command.store.close()
        try await server.deliver(Octets.text(10), to: [ann])
        #expect(try await server.store.entries(in: inbox, of: ann.id).changed.count == 2)
        #expect(try await server.store.verify().findings == [])
    }

    @Test func filesAreTheOwnersAlone() async throws {
        let (server, _) = try await both()
        let ann = try await server.account("ann@shop.test")
        try await server.deliver(Octets.noise(70_000), to: [ann])
        for name in folder.files() {
            var status = stat()
            #expect(stat("\(folder.path)/\(name)", &status) == 0)
            #expect(status.st_mode & 0o077 == 0, "\(name)")
        }
    }
}

@Suite("Database: group commit") struct GroupCommitTests {
    private let folder = TemporaryFolder()

    private func database(_ options: SQLiteDatabase.Options = .init()) async throws -> SQLiteDatabase {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let database = try SQLiteDatabase(path: folder.path + "/one.sqlite", options: options, logger: logger)
        try await database.write { connection throws(StoreError) in
            try connection.execute("CREATE TABLE IF NOT EXISTS numbers (n BIGINT PRIMARY KEY, t TEXT)")
        }
        return database
    }

    private func count(_ database: SQLiteDatabase) async throws -> Int64 {
        try await database.read { connection throws(StoreError) in
            try connection.first("SELECT COUNT(*) FROM numbers") { row throws(StoreError) in row.integer(0) } ?? -1
        }
    }

    /// Every third fails after it has written; every fifth breaks a constraint.
    @Test func aFailureTakesNothingWithIt() async throws {
        let database = try await database()
        let outcomes = await withTaskGroup(of: (Int, StoreError?).self) { group in
            for number in 0..<300 {
                group.addTask {
                    do throws(StoreError) {
                        try await database.write { connection throws(StoreError) in
                            try connection.execute(
                                "INSERT INTO numbers (n, t) VALUES ($1, 'a')",
                                [.integer(Int64(number))]
                            )
                            try connection.execute(
                                "INSERT INTO numbers (n, t) VALUES ($1, 'b')",
                                [.integer(Int64(number) + 1_000)]
                            )
                            if number % 3 == 0 { throw .overQuota }
                            if number % 5 == 0 {
                                try connection.execute(
                                    "INSERT INTO numbers (n, t) VALUES ($1, 'c')",
                                    [.integer(Int64(number))]
                                )
                            }
                        }
                        return (number, nil)
                    } catch {
                        return (number, error)
                    }
                }
            }
            return await group.reduce(into: [Int: StoreError?]()) { $0.updateValue($1.1, forKey: $1.0) }
        }
        for number in 0..<300 {
            let expected: StoreError? = number % 3 == 0 ? .overQuota : number % 5 == 0 ? .alreadyExists : nil
            #expect(outcomes[number] == .some(expected))
        }
        #expect(try await count(database) == Int64((0..<300).count { $0 % 3 != 0 && $0 % 5 != 0 } * 2))
        await database.close()
    }

    @Test func placeholdersInAnyOrder() async throws {
        let database = try await database()
        try await database.write { connection throws(StoreError) in
            try connection.execute("INSERT INTO numbers (t, n) VALUES ($2, $1)", [.integer(7), .text("seven")])
            try connection.execute("INSERT INTO numbers (t, n) VALUES ($1, $2)", [.text(""), .integer(8)])
            try connection.execute("INSERT INTO numbers (t, n) VALUES ($2, $1 + $1)", [.integer(20), .null])
        }
        let rows = try await database.read { connection throws(StoreError) in
            try connection.all(
                "SELECT n, t FROM numbers WHERE n <> $3 AND (t = $2 OR n >= $1) ORDER BY n",
                [.integer(8), .text("seven"), .integer(0)]
            ) { row throws(StoreError) in
                "\(row.integer(0)) \(row.optionalText(1) ?? "nil")"
            }
        }
        #expect(rows == ["7 seven", "8 ", "40 nil"])
        await database.close()
    }

    @Test func tooManyWaitingAreRefusedAtOnce() async throws {
        var options = SQLiteDatabase.Options()
        options.maximumWaitingWrites = 5
        let database = try await database(options)
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    do throws(StoreError) {
                        try await database.write { connection throws(StoreError) in
                            try connection.execute("INSERT INTO numbers (n) VALUES ($1)", [.integer(Int64(number))])
                        }
                        return true
                    } catch {
                        guard case .unavailable = error else {
                            Issue.record("\(error)")
                            return false
                        }
                        return false
                    }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(outcomes > 0)
        #expect(try await count(database) == Int64(outcomes))
        await database.close()
    }

    @Test func aReaderKeepsItsView() async throws {
        let database = try await database()
        for number in 0..<50 {
            try await database.write { connection throws(StoreError) in
                try connection.execute("INSERT INTO numbers (n) VALUES ($1)", [.integer(Int64(number))])
            }
            // What was acknowledged is read.
            #expect(try await count(database) == Int64(number + 1))
        }
        await database.close()
    }

    @Test func notADatabaseIsDamaged() async throws {
        let path = folder.path + "/two.sqlite"
        let file = open(path, O_WRONLY | O_CREAT, 0o600)
        let junk = Octets.text(8_192)
        #expect(Glibc.write(file, junk, junk.count) == junk.count)
        close(file)
        do {
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            _ = try SQLiteDatabase(path: path, logger: logger)
            Issue.record("it was opened")
        } catch {
            guard case .damaged = error else {
                Issue.record("\(error)")
                return
            }
        }
    }
}
