import Logging
import MailModel
import MailPorts
import MailQueue
import MailTesting
import Synchronization

func address(_ text: String) -> EmailAddress {
    guard let read = EmailAddress(text) else { preconditionFailure("\(text) is no address") }
    return read
}

func ip(_ text: String) -> IPAddress {
    guard let read = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return read
}

final class HeldClock: WallClock {
    private let time = Mutex(Timestamp(seconds: 1_795_430_400))
    func now() -> Timestamp { time.withLock { $0 } }
    func advance(seconds: Int64) { time.withLock { $0 = $0.adding(seconds: seconds) } }
}

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A worker with everything it stands on; every domain has one mail host.
final class WorkerHouse: Sendable {
    let queue = FakeQueue()
    let directory = FakeDirectory()
    let feed = FakeChangeFeed()
    let clock = HeldClock()
    let transport: FakeTransport
    let worker: QueueWorker

    init(
        domains: [String] = ["far.test"],
        hosts: Int = 1,
        _ configure: (inout QueueConfiguration) -> Void = { _ in },
        answer: @escaping FakeTransport.Answer
    ) {
        transport = FakeTransport(answer)
        var resolver = FakeResolver()
        for domain in domains {
            let names = (1...hosts).map { "mx\($0).\(domain)" }
            resolver.exchanges[domain] = .success(names.enumerated().map { MXRecord(preference: UInt16($0), host: $1) })
            for (index, name) in names.enumerated() { resolver.hosts[name] = .success([ip("192.0.2.\(index + 1)")]) }
        }
        var configuration = QueueConfiguration(hostname: "mail.shop.test")
        configure(&configuration)
        worker = QueueWorker(
            queue: queue,
            directory: directory,
            transport: transport,
            resolver: resolver,
            feed: feed,
            clock: clock,
            configuration: configuration,
            logger: silent
        )
    }

    /// Whether a time is now; the worker counts on from the moment of the lease.
    func isNow(_ time: Timestamp) -> Bool {
        time >= clock.now() && time < clock.now().adding(seconds: 60)
    }

    /// An account of ours to send from.
    func addSender(_ text: String) async throws -> AccountID {
        let organisation = try await directory.addOrganisation(name: "shop")
        _ = try await directory.addDomain("shop.test", organisation: organisation.id, keys: [])
        return try await directory.addAccount(
            NewAccount(organisation: organisation.id, address: address(text), passwordHash: "")
        ).id
    }

    @discardableResult
    func put(
        from sender: ReversePath = .address(address("ann@shop.test")),
        to recipients: [String],
        number: UInt32 = 1,
        content: String = "Subject: offer\r\nMessage-ID: <1@shop.test>\r\n\r\nsecret\r\n",
        attempts: Int = 0
    ) -> QueueID {
        let now = clock.now()
        let id = QueueID(time: now, random: number)
        for (domain, addresses) in Dictionary(grouping: recipients.map(address), by: \.domain) {
            let lease = QueueLease(
                queueID: id,
                submitter: AccountID(1),
                sender: sender,
                domain: domain,
                recipients: addresses.map { .init(address: $0, originalRecipient: nil, attempts: attempts) },
                size: content.utf8.count,
                createdAt: now,
                expiresAt: now.adding(seconds: 432_000),
                needsSMTPUTF8: false,
                is8Bit: false,
                fence: 0
            )
            queue.put(lease, content: content, dueAt: now)
        }
        return id
    }
}
