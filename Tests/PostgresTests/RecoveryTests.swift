import BlobFiles
import CacheMemory
import Database
import Glibc
import Logging
import MailModel
import MailPorts
import NIOCore
import NIOPosix
import PostgresTesting
import ProcessTesting
import SQLStore
import Synchronization
import Testing

/// What ends the server, or fills it; each on a server of its own.
@Suite("PostgreSQL: away and back", .enabled(if: PostgresCluster.isInstalled, "\(PostgresCluster.absence)"))
struct RecoveryTests {
    let log = KeptLog()
    let blobs = "/tmp/postgres-blobs-\(getpid())"

    private func cluster() throws -> PostgresCluster {
        try PostgresCluster(binaries: try #require(PostgresCluster.binaries))
    }

    private func options(_ cluster: PostgresCluster) -> PostgresOptions {
        var options = PostgresOptions()
        options.host = cluster.folder
        options.port = cluster.port
        options.user = "postgres"
        options.database = "postgres"
        return options
    }

    func store(_ database: PostgresDatabase) async throws -> (store: SQLStore, account: Account) {
        let store = try await SQLStore(
            database: database,
            blobs: BlobFiles(folder: blobs, threads: .singleton, logger: log.logger),
            feed: MemoryChangeFeed(),
            clock: FixedClock(),
            reports: database.reports
        )
        let made = AuditEvent(at: Timestamp(seconds: 0), actor: "test", action: "test", subject: "")
        let organisation = try await store.addOrganisation(name: "shop", audit: made).id
        _ = try await store.addDomain("shop.test", organisation: organisation, keys: [], audit: made)
        let address = try #require(EmailAddress("ann@shop.test"))
        let new = NewAccount(organisation: organisation, address: address, passwordHash: "x")
        return (store, try await store.addAccount(new, audit: nil))
    }

    /// Does not compress.
    private static func noise(_ octets: Int, _ seed: Int) -> [UInt8] {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<octets).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }

    private final class Traffic: Sendable {
        let acknowledged = Atomic<Int>(0)
        let refused = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)

        /// Returns when that many more have been acknowledged.
        func more(_ count: Int) async {
            let before = acknowledged.load(ordering: .relaxed)
            while acknowledged.load(ordering: .relaxed) < before + count { await Task.yield() }
        }
    }

    struct FixedClock: WallClock {
        func now() -> Timestamp { Timestamp(seconds: 1_800_000_000) }
    }

    static func plan(_ number: Int, _ account: Account, octets: Int = 100) -> DeliveryPlan {
        let now = FixedClock().now()
        return DeliveryPlan(
            queueID: QueueID(time: now, random: UInt32(number)),
            receivedAt: now,
            submitter: .system,
            sender: .null,
            bytes: .memory(ByteBuffer(bytes: noise(octets, number))),
            summary: MessageSummary(headerSize: 10, subject: "\(number)"),
            localCopies: [LocalCopy(account: account.id, recipient: account.primaryAddress)],
            remote: [],
            expiresAt: now.adding(seconds: 86_400),
            trace: []
        )
    }

    /// Crashed and started again under traffic: what was acknowledged is there, what was refused may be, nothing is there
    /// that nobody sent, and within the waiting time nobody notices.
    @Test func aCrashUnderTraffic() async throws {
        let cluster = try cluster()
        let database = try await PostgresDatabase.open(options(cluster), logger: log.logger)
        let (store, ann) = try await store(database)
        let traffic = Traffic()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    var number = worker * 1_000_000
                    while !traffic.isOver.load(ordering: .relaxed) {
                        number += 1
                        let isStored = (try? await store.deliver(Self.plan(number, ann))) != nil
                        if isStored {
                            traffic.acknowledged.add(1, ordering: .relaxed)
                        } else {
                            traffic.refused.add(1, ordering: .relaxed)
                        }
                    }
                }
            }
            for _ in 0..<3 {
                await traffic.more(30)
                try await Blocking.run { try cluster.stop("immediate") }
                try await Blocking.run { try cluster.start() }
            }
            await traffic.more(30)
            traffic.isOver.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        let acknowledged = traffic.acknowledged.load(ordering: .relaxed)
        let stored = try await store.mailbox(named: "INBOX", of: ann.id).messages
        #expect(stored >= acknowledged)
        #expect(stored <= acknowledged + traffic.refused.load(ordering: .relaxed))
        #expect(try await store.verify().findings == [])
        await store.close()
    }

    @Test(.timeLimit(.minutes(1))) func aServerThatStaysAwayIsNamedInTime() async throws {
        let cluster = try cluster()
        var settings = options(cluster)
        settings.waitLimit = 0.5
        let database = try await PostgresDatabase.open(settings, logger: log.logger)
        #expect(try await database.value("SELECT 1") == "1")
        try await Blocking.run { try cluster.stop("immediate") }
        #expect(await failure { _ = try await database.value("SELECT 1") }?.isUnavailable == true)
        #expect(log.text.contains("cannot be reached"))
        try await Blocking.run { try cluster.start() }
        while await failure(of: { _ = try await database.value("SELECT 1") }) != nil { await Task.yield() }
        await database.close()
    }

    @Test(.timeLimit(.minutes(1))) func aServerThatComesLaterIsWaitedForAtTheStart() async throws {
        let cluster = try cluster()
        try await Blocking.run { try cluster.stop() }
        var settings = options(cluster)
        settings.startWait = 50
        async let opened = PostgresDatabase.open(settings, logger: log.logger)
        while !log.text.contains("waiting for PostgreSQL") { await Task.yield() }
        try await Blocking.run { try cluster.start() }
        #expect(try await opened.value("SELECT 1") == "1")
        #expect(log.text.contains("the server cannot be reached"))
    }

    /// The first of two hosts takes no writes, and so does later the one that did: each time the other is found.
    @Test func afterAFailover() async throws {
        let one = try cluster()
        let two = try cluster()
        var settings = options(one)
        settings.url = """
            postgres://postgres@/postgres?host=\(one.folder),\(two.folder)&port=\(one.port),\(two.port)&target_session_attrs=read-write
            """
        func setReadOnly(_ cluster: PostgresCluster, _ isReadOnly: Bool) throws {
            try cluster.psql("ALTER SYSTEM SET default_transaction_read_only = \(isReadOnly)")
            try cluster.psql("SELECT pg_reload_conf()")
            while try cluster.psql("SHOW default_transaction_read_only") != (isReadOnly ? "on" : "off") {}
        }
        try setReadOnly(one, true)
        let database = try await PostgresDatabase.open(settings, logger: log.logger)
        try await database.run("CREATE TABLE place AS SELECT 2 AS n")
        #expect(try two.psql("SELECT n FROM place") == "2")
        try setReadOnly(one, false)
        try setReadOnly(two, true)
        try await database.run("CREATE TABLE place AS SELECT 1 AS n")
        #expect(try one.psql("SELECT n FROM place") == "1")
        await database.close()
    }

    /// Tables on a small file system of its own, which root may make.
    @Test(.enabled(if: getuid() == 0, "only root can make a small file system")) func aFullDisk() async throws {
        let cluster = try cluster()
        let small = cluster.folder + "/small"
        let mounting = try Child(
            script:
                "mkdir -m 700 \"$1\" && mount -t tmpfs -o size=12m tmpfs \"$1\" && mkdir \"$1/t\" && chown -R postgres:postgres \"$1\"",
            arguments: [small]
        )
        guard try await Blocking.run({ mounting.wait() }) == 0 else { return }
        defer { _ = umount2(small, 2) }
        try cluster.psql("CREATE TABLESPACE small LOCATION '\(small)/t'")
        try cluster.psql("ALTER ROLE postgres SET default_tablespace = small")
        let database = try await PostgresDatabase.open(options(cluster), logger: log.logger)
        let (store, ann) = try await store(database)
        var stored = 0
        var error: StoreError?
        while error == nil, stored < 2_000 {
            let next = Self.plan(stored, ann, octets: 20_000)
            error = await failure { _ = try await store.deliver(next) }
            if error == nil { stored += 1 }
        }
        #expect(error?.isUnavailable == true)
        #expect(log.text.contains("the disk is full: 53100"))
        #expect(try await store.mailbox(named: "INBOX", of: ann.id).messages == stored)
        #expect(try await store.verify().findings == [])
        await store.close()
    }

    @Test func readsThatMayLagGoToTheReplica() async throws {
        let server = try await TestServer()
        var replica = server.options
        replica.applicationName = "replica"
        let both = try await PostgresDatabase.open(server.options, replica: replica, logger: server.log.logger)
        func name(_ database: PostgresDatabase, _ freshness: SQLFreshness) async throws -> String? {
            try await database.read(freshness) { connection throws(StoreError) in
                try connection.first("SELECT current_setting('application_name')") { row throws(StoreError) in
                    row.text(0)
                }
            }
        }
        #expect(try await name(both, .recent) == "replica")
        #expect(try await name(both, .latest) == "oonrumail")
        await both.close()
        // Away: the server itself answers.
        replica.port = 1
        replica.waitLimit = 0.2
        let alone = try await PostgresDatabase.open(server.options, replica: replica, logger: server.log.logger)
        #expect(try await name(alone, .recent) == "oonrumail")
        await alone.close()
    }
}

/// Children block: not on a thread that tests share.
enum Blocking {
    static func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await NIOThreadPool.singleton.runIfActive(work)
    }
}
