import BlobFiles
import CacheMemory
import Database
import Glibc
import Logging
import MailModel
import MailPorts
import NIOCore
import NIOPosix
import SQLStore

// Durable deliveries per second of the store alone.
//
// usage: StoreBench sqlite FOLDER | postgres URL  [concurrent] [seconds] [accounts] [connections]

struct BenchClock: WallClock {
    func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec / 1_000))
    }
}

let arguments = CommandLine.arguments
guard arguments.count >= 3 else {
    fatalError("usage: StoreBench sqlite FOLDER | postgres URL [concurrent] [seconds] [accounts] [connections]")
}
func number(_ place: Int, _ standard: Int) -> Int {
    arguments.count > place ? Int(arguments[place]) ?? standard : standard
}
let concurrent = number(3, 20)
let seconds = number(4, 5)
let accountCount = number(5, 100)

var logger = Logger(label: "bench")
logger.logLevel = .error
let clock = BenchClock()
let folder = arguments[1] == "sqlite" ? arguments[2] : "/tmp/store-bench-\(getpid())"
mkdir(folder, 0o700)
let blobs = BlobFiles(folder: folder, threads: .singleton, logger: logger)
let store: SQLStore
if arguments[1] == "sqlite" {
    store = try await SQLStore.open(
        folder: folder,
        blobs: blobs,
        feed: MemoryChangeFeed(),
        clock: clock,
        logger: logger
    )
} else {
    var options = PostgresOptions()
    options.url = arguments[2]
    options.connections = number(6, 8)
    options.keepsStatements = getenv("BENCH_UNNAMED") == nil
    let database = try await PostgresDatabase.open(options, logger: logger)
    store = try await SQLStore(
        database: database,
        blobs: blobs,
        feed: MemoryChangeFeed(),
        clock: clock,
        reports: database.reports
    )
}

let tag = String(UInt32.random(in: 0 ... .max), radix: 36)
let made = AuditEvent(at: Timestamp(seconds: 0), actor: "test", action: "test", subject: "")
let organisation = try await store.addOrganisation(name: "bench", audit: made).id
_ = try await store.addDomain("\(tag).test", organisation: organisation, keys: [], audit: made)
var accounts: [Account] = []
for index in 0..<accountCount {
    guard let address = EmailAddress("u\(index)@\(tag).test") else { fatalError("address") }
    accounts.append(
        try await store.addAccount(
            NewAccount(organisation: organisation, address: address, passwordHash: "x"),
            audit: nil
        )
    )
}
// An organisation's limit that is never reached: what it costs that there is one.
if let text = getenv("BENCH_LIMIT"), let limit = Int64(String(cString: text)) {
    _ = try await store.setLimits(
        QuotaLimits(hardBytes: limit, hardMessages: limit >> 10),
        of: .organisation(organisation),
        audit: AuditEvent(at: clock.now(), actor: "bench", action: "quota.set", subject: "bench")
    )
}
let targets = accounts
let bytes = (0..<4_096).map { UInt8(truncatingIfNeeded: 97 + $0 &* 31 % 26) }
let ends = clock.now().microseconds + Int64(seconds) * 1_000_000
let started = clock.now().microseconds

let (done, slowest) = try await withThrowingTaskGroup(of: (Int, Int64).self) { group in
    for worker in 0..<concurrent {
        group.addTask {
            var count = 0
            var slowest: Int64 = 0
            while clock.now().microseconds < ends {
                let now = clock.now()
                let account = targets[(worker + count * concurrent) % targets.count]
                let id = QueueID(time: now, random: UInt32.random(in: 0 ... .max))
                let summary = MessageSummary(
                    envelope: Array("(NIL \"Tea\" NIL NIL NIL NIL NIL NIL NIL NIL)".utf8),
                    bodyStructure: Array("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 2 1)".utf8),
                    headerSize: 200,
                    subject: "Tea",
                    from: "Ann ann@shop.test",
                    to: "bob@shop.test",
                    cc: "",
                    bcc: "",
                    messageID: "\(id.rawValue)@bench.test",
                    sentAt: now,
                    hasAttachment: false,
                    preview: "Tea at four"
                )
                let plan = DeliveryPlan(
                    queueID: id,
                    receivedAt: now,
                    submitter: .system,
                    sender: .null,
                    bytes: .memory(ByteBuffer(bytes: bytes)),
                    summary: summary,
                    localCopies: [
                        LocalCopy(
                            account: account.id,
                            recipient: account.primaryAddress,
                            prefix: Array("Return-Path: <>\r\n".utf8)
                        )
                    ],
                    remote: [],
                    expiresAt: now.adding(seconds: 86_400),
                    trace: [
                        TraceEvent(
                            at: now,
                            kind: .accepted,
                            queueID: id,
                            sender: "ann@shop.test",
                            recipient: "bob@shop.test",
                            detail: "ok"
                        )
                    ]
                )
                _ = try await store.deliver(plan)
                slowest = max(slowest, clock.now().microseconds - now.microseconds)
                count += 1
            }
            return (count, slowest)
        }
    }
    var sum: (Int, Int64) = (0, 0)
    while let part = try await group.next() { sum = (sum.0 + part.0, max(sum.1, part.1)) }
    return sum
}
let elapsed = Double(clock.now().microseconds - started) / 1e6
print(
    "\(concurrent) at once, \(accountCount) accounts: \(Int(Double(done) / elapsed)) deliveries/s, slowest \(slowest / 1_000) ms"
)
await store.close()
