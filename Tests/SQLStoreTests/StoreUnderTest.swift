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
import SQLStore
import Synchronization
import Testing

typealias EveryStorePort = DirectoryStore & MailboxSharingStore & PasskeyStore & FlagStore & SendingGrantStore
    & SingleSignOnStore & PeopleDirectoryStore & DomainPermissionStore
    & DomainStore & DeliveryStore
    & MailboxStore & QueueStore & SessionStore & TraceStore & CredentialStore & SecondFactorStore & AuditStore
    & KeptAnswerStore & QuotaStore & SearchSourceStore & PolicyStore & PeopleStore & BrandingStore & RecoveryStore
    & InvitationStore & BulkStore & WebhookStore & BanStore & SignUpStore & RegistrationStore & AvatarStore
    & VacationStore & ScriptStore & IdentityStore
    & AccountAddressStore & MaintenanceStore & StatisticsStore & ZoneStore
    & AddressBook
    & DelegatedKeyStore & CertificateStore & SealedValueStore & TokenKeyStore & OAuthClientStore & OAuthGrantStore

/// Makes a fresh, empty store of one kind.
///
/// Another adapter joins the conformance suite by joining `all`.
struct StoreFactory: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let make: @Sendable () async throws -> StoreUnderTest

    /// PostgreSQL is left out where it is not installed; `PostgresTests` say so.
    static let all: [StoreFactory] =
        [.sqlite] + (PostgresCluster.isInstalled ? [.postgres] : []) + (Pooler.isInstalled ? [.pooled] : [])

    static let sqlite = StoreFactory(testDescription: "SQLite") {
        let folder = TemporaryFolder()
        let feed = MemoryChangeFeed()
        let clock = TestClock()
        let store = try await SQLStore.open(folder, feed: feed, clock: clock)
        var made = StoreUnderTest(store: store, feed: feed, clock: clock, folder: folder) {
            try await SQLStore.open(folder, clock: clock)
        }
        made.database = { try SQLiteDatabase(path: folder.path + "/oonrumail.sqlite", logger: .silent) }
        return made
    }
}

extension StoreFactory {
    static let postgres = postgres { _ in }

    static func postgres(_ change: @escaping @Sendable (inout SQLStore.Options) -> Void) -> StoreFactory {
        StoreFactory(testDescription: "PostgreSQL") {
            let cluster = try #require(PostgresCluster.shared)
            var options = PostgresOptions()
            options.host = cluster.folder
            options.port = cluster.port
            options.user = try await TestPlaces.shared.make()
            var store = SQLStore.Options()
            change(&store)
            return try await storeInPostgres(options, store)
        }
    }

    /// Behind PgBouncer in transaction mode, without named statements.
    static let pooled = StoreFactory(testDescription: "PostgreSQL through PgBouncer") {
        let pooler = try #require(Pooler.shared)
        let name = try await TestPlaces.shared.make()
        var options = PostgresOptions()
        options.host = "127.0.0.1"
        options.port = pooler.port
        options.user = name
        options.password = name
        options.keepsStatements = false
        return try await storeInPostgres(options)
    }

    private static func storeInPostgres(
        _ options: PostgresOptions,
        _ storeOptions: SQLStore.Options = SQLStore.Options()
    ) async throws -> StoreUnderTest {
        let folder = TemporaryFolder()
        let feed = MemoryChangeFeed()
        let clock = TestClock()
        var place = options
        place.database = TestPlaces.database
        place.connections = 6
        // Our own commits would count.
        place.foreignCommitInterval = 3_600
        let settings = place
        let open = { @Sendable (feed: MemoryChangeFeed) in
            let database = try await PostgresDatabase.open(settings, logger: .silent)
            return try await SQLStore(
                database: database,
                blobs: BlobFiles(folder: folder.path + "/blobs", threads: .singleton, logger: .silent),
                feed: feed,
                clock: clock,
                reports: database.reports,
                options: storeOptions
            )
        }
        let store = try await open(feed)
        var made = StoreUnderTest(
            store: store,
            feed: feed,
            clock: clock,
            folder: folder,
            beside: {
                try await open(MemoryChangeFeed())
            }
        )
        made.database = { try await PostgresDatabase.open(settings, logger: .silent) }
        return made
    }
}

/// Fixtures leave no line in the audit.
extension DirectoryStore {
    func addAccount(_ account: NewAccount) async throws(StoreError) -> Account {
        try await addAccount(account, audit: nil)
    }
    func setQuota(_ id: AccountID, bytes: Int64?) async throws(StoreError) {
        try await setQuota(id, bytes: bytes, audit: nil)
    }
    func resetAccount(_ id: AccountID) async throws(StoreError) { try await resetAccount(id, audit: nil) }
    func changePassword(
        _ id: AccountID,
        hash: String,
        keeping history: Int,
        exceptSession family: String?
    ) async throws(StoreError) {
        try await changePassword(id, hash: hash, keeping: history, exceptSession: family, audit: nil)
    }
}

/// One store with what stands around it.
struct StoreUnderTest: Sendable {
    let store: any EveryStorePort
    let feed: any ChangeFeed
    let clock: TestClock
    let folder: TemporaryFolder
    /// The same store opened once more, as another process has it.
    var beside: (@Sendable () async throws -> any EveryStorePort)?
    /// What it lies in, for tests that harm it.
    var database: (@Sendable () async throws -> any SQLDatabase)?

    /// Changes the schema past the store.
    func alter(_ sql: String) async throws {
        let database = try #require(try await database?())
        try await database.write { connection throws(StoreError) in try connection.post(sql, []) }
        await database.close()
    }

    /// An account at its (if need be new) domain.
    @discardableResult
    func account(_ address: String, quota: Int64? = nil) async throws -> Account {
        let address = try #require(EmailAddress(address))
        let organisation: OrganisationID
        if let domain = try await store.domain(named: address.domain) {
            organisation = domain.organisation
        } else {
            organisation = try await store.addOrganisation(name: address.domain).id
            _ = try await store.addDomain(address.domain, organisation: organisation, keys: [])
        }
        return try await store.addAccount(
            NewAccount(
                organisation: organisation,
                address: address,
                passwordHash: "hash of \(address)",
                quotaBytes: quota
            )
        )
    }

    /// Delivers one message to the inbox of each account.
    @discardableResult
    func deliver(
        _ bytes: [UInt8],
        to accounts: [Account],
        prefix: [UInt8] = [],
        summary: MessageSummary = .example
    ) async throws -> DeliveryReceipt {
        try await store.deliver(
            .example(
                bytes,
                at: clock.now(),
                summary: summary,
                to: accounts.map { LocalCopy(account: $0.id, recipient: $0.primaryAddress, prefix: prefix) }
            )
        )
    }

    /// Appends messages of these sizes to a mailbox.
    @discardableResult
    func append(
        _ sizes: [Int],
        to mailbox: MailboxID,
        of account: Account,
        flags: MessageFlags = []
    ) async throws -> [UID] {
        try await store.append(
            sizes.map { size in
                AppendItem(
                    bytes: .memory(ByteBuffer(bytes: Octets.text(size))),
                    summary: .example,
                    flags: flags,
                    keywords: .none,
                    internalDate: clock.now()
                )
            },
            to: mailbox,
            of: account.id
        ).uids
    }

    func mailbox(_ name: String, of account: Account) async throws -> MailboxRecord {
        try await store.mailbox(named: name, of: account.id)
    }

    /// The counters of a mailbox against its rows.
    func requireCounted(
        _ mailbox: MailboxID,
        of account: Account,
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let all = try await store.entries(in: mailbox, of: account.id)
        #expect(all.mailbox.messages == all.changed.count, sourceLocation: location)
        #expect(all.mailbox.unseen == all.changed.count { !$0.flags.contains(.seen) }, sourceLocation: location)
        #expect(all.mailbox.deleted == all.changed.count { $0.flags.contains(.deleted) }, sourceLocation: location)
        #expect(all.mailbox.size == all.changed.reduce(0) { $0 + Int64($1.size) }, sourceLocation: location)
        #expect(all.changed.map(\.uid) == all.changed.map(\.uid).sorted(), sourceLocation: location)
        #expect(
            all.changed.allSatisfy { $0.uid < all.mailbox.uidNext && $0.modSeq <= all.mailbox.highestModSeq },
            sourceLocation: location
        )
    }
}

let inbox = MailboxID(1)

extension Logger {
    static var silent: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}

extension SQLStore {
    static func open(
        _ folder: TemporaryFolder,
        feed: any ChangeFeed = MemoryChangeFeed(),
        clock: any WallClock = TestClock(),
        options: Options = Options()
    ) async throws(StoreError) -> SQLStore {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return try await open(
            folder: folder.path,
            blobs: BlobFiles(folder: folder.path + "/blobs", threads: .singleton, logger: logger),
            feed: feed,
            clock: clock,
            logger: logger,
            options: options
        )
    }
}

/// A time that moves only when told.
final class TestClock: WallClock {
    private let time = Mutex(Timestamp(seconds: 1_800_000_000))
    func now() -> Timestamp { time.withLock { $0 } }
    func advance(seconds: Int64) { time.withLock { $0 = $0.adding(seconds: seconds) } }
}

/// A folder that goes with its last reference.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/store-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { preconditionFailure("no temporary folder") }
        path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        mkdir(path + "/blobs", 0o700)
    }

    deinit { Self.removeTree(path) }

    static func removeTree(_ path: String) {
        for name in names(in: path) where unlink("\(path)/\(name)") != 0 { removeTree("\(path)/\(name)") }
        rmdir(path)
    }

    static func names(in path: String) -> [String] {
        guard let handle = opendir(path) else { return [] }
        defer { closedir(handle) }
        var found: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { found.append(name) }
        }
        return found.sorted()
    }

    /// Every file below, as paths from the folder.
    func files(below part: String = "") -> [String] {
        Self.names(in: "\(path)/\(part)").flatMap { name in
            let child = part.isEmpty ? name : "\(part)/\(name)"
            var status = stat()
            return stat("\(path)/\(child)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
                ? files(below: child) : [child]
        }
    }
}

/// What a listener of the feed has heard.
final class Heard: Sendable {
    private let kept = Mutex<[Change]>([])
    private let work = Mutex(0)
    var changes: [Change] { kept.withLock { $0 } }
    var queueWork: Int { work.withLock { $0 } }
    func note(_ change: Change) { kept.withLock { $0.append(change) } }
    func noteWork() { work.withLock { $0 += 1 } }
}

enum Octets {
    /// Compresses well.
    static func text(_ count: Int) -> [UInt8] {
        let line = Array("The quick brown fox jumps over the lazy dog, again and again.\r\n".utf8)
        return (0..<count).map { line[$0 % line.count] }
    }

    /// Does not compress; the same for the same count.
    static func noise(_ count: Int) -> [UInt8] {
        var state = UInt64(count) &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }
}

extension MessageSummary {
    static let example = MessageSummary(
        envelope: Array("(NIL \"Tea\" NIL NIL NIL NIL NIL NIL NIL NIL)".utf8),
        bodyStructure: Array("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 2 1)".utf8),
        headerSize: 20,
        subject: "Tea",
        from: "Ann ann@shop.test",
        to: "bob@shop.test",
        cc: "cy@shop.test",
        bcc: "",
        sentAt: Timestamp(seconds: 1_700_000_000),
        hasAttachment: false,
        preview: "Tea at four"
    )
}

extension DeliveryPlan {
    private static let numbers = Atomic<UInt32>(0)

    static func example(
        _ bytes: [UInt8],
        at time: Timestamp,
        summary: MessageSummary = .example,
        to copies: [LocalCopy] = [],
        remote: [String] = [],
        sender: ReversePath = .null,
        submitter: AccountID = .system,
        trace: [TraceEvent] = []
    ) -> DeliveryPlan {
        DeliveryPlan(
            queueID: QueueID(time: time, random: numbers.add(1, ordering: .relaxed).newValue),
            receivedAt: time,
            submitter: submitter,
            sender: sender,
            bytes: .memory(ByteBuffer(bytes: bytes)),
            summary: summary,
            localCopies: copies,
            remote: remote.map { RemoteRecipient(address: .sample($0)) },
            expiresAt: time.adding(seconds: 86_400),
            trace: trace
        )
    }
}

extension EmailAddress {
    static func sample(_ text: String) -> EmailAddress {
        guard let address = EmailAddress(text) else { preconditionFailure("no address: \(text)") }
        return address
    }
}

extension ByteBuffer {
    var octets: [UInt8] { Array(readableBytesView) }
}
