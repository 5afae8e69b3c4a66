import Accounts
import Glibc
import Logging
import MailCrypto
import MailDelivery
import MailModel
import MailPolicy
import MailPorts
import MailTesting
import NIOCore
import NIOEmbedded
import NIOPosix
import PlatformConfig
import SMTPWire
import Synchronization

@testable import NetKit
@testable import SMTPServer

struct SteadyClock: WallClock {
    func now() -> Timestamp { Timestamp(seconds: 1_795_430_400) }
}

/// Keeps what is recorded.
final class RecordingTrace: TraceStore {
    private let kept = Mutex<[TraceEvent]>([])
    var events: [TraceEvent] { kept.withLock { $0 } }
    func record(_ events: [TraceEvent]) async { kept.withLock { $0 += events } }
    func find(_ key: String, since: Timestamp?, limit: Int) async throws(StoreError) -> [TraceEvent] { [] }
    func prune(olderThan: Timestamp) async throws(StoreError) -> Int { 0 }
}

struct RefusingDeliveries: DeliveryStore {
    func deliver(_ plan: DeliveryPlan) async throws(StoreError) -> DeliveryReceipt { throw .unavailable(reportID: "r") }
    func deliver(all plans: [DeliveryPlan]) async throws(StoreError) { throw .unavailable(reportID: "r") }
}

struct NoSigner: MessageSigning {
    func sign(_ message: [UInt8], domain: String) async throws(StoreError) -> [UInt8] { [] }
}

/// One SMTP connection on a loop whose time the test moves.
struct EmbeddedSMTP {
    let channel: EmbeddedChannel
    let trace = RecordingTrace()

    init(
        isImplicitTLS: Bool = false,
        conduct: (any ConductNoting)? = nil,
        isTrusted: Bool = true,
        _ adjust: (inout SMTPServiceConfiguration) -> Void = { _ in }
    ) throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let settings = try PlatformSettings.load(
            SettingSources(overrides: ["OONRUMAIL_HOSTNAME": "mail.example.test"], environment: [:])
        )
        var configuration = SMTPServiceConfiguration(settings, spoolFolder: "/nonexistent")
        configuration.idleTimeout = .seconds(300)
        configuration.handshakeTimeout = .seconds(30)
        configuration.writeTimeout = .seconds(60)
        adjust(&configuration)
        let directory = FakeDirectory()
        let made = try SelfSignedCertificate(hostNames: ["mail.example.test"])
        var backend = SMTPBackend(
            directory: directory,
            addresses: directory,
            intake: MessageIntake(
                deliveries: RefusingDeliveries(),
                signer: NoSigner(),
                hostname: "mail.example.test",
                logger: logger
            ),
            authenticator: AccountAuthenticator(
                directory: directory,
                credentials: FakeCredentials(),
                limiter: FakeLimiter(),
                passwords: PasswordWork(hasher: PasswordHasher(memory: 8 << 10, passes: 1)) { $0() },
                logger: logger
            ),
            limiter: FakeLimiter(),
            policies: PolicyGuard(policies: FakePolicies(), limiter: FakeLimiter()),
            trace: trace,
            clock: SteadyClock(),
            threads: .singleton,
            logger: logger
        )
        backend.conduct = conduct
        guard let remote = IPAddress("127.0.0.1") else { preconditionFailure("an address") }
        let info = ConnectionInfo(
            remote: remote,
            remotePort: 1,
            localPort: 25,
            session: "s",
            isImplicitTLS: isImplicitTLS,
            isTrusted: isTrusted
        )
        channel = EmbeddedChannel()
        let connection = SMTPConnection(
            info,
            machine: configuration.endpoints[0].machine,
            settings: configuration,
            backend: backend,
            tls: try TLSContextStore.temporary(made, logger: logger)
        )
        try channel.pipeline.syncOperations.addHandler(connection)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func say(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    /// What was written since the last look.
    func heard() throws -> String {
        var text = ""
        while let octets = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: octets) }
        return text
    }

    func pass(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }
}

extension TLSContextStore {
    /// Reads a pair that is written for it.
    static func temporary(_ made: SelfSignedCertificate, logger: Logger) throws -> TLSContextStore {
        let path = "/tmp/smtp-server-tests-\(UInt64.random(in: 0 ... .max))"
        try write(made.certificatePEM, to: path + ".c")
        try write(made.keyPEM, to: path + ".k")
        defer {
            unlink(path + ".c")
            unlink(path + ".k")
        }
        return try TLSContextStore(certificatePath: path + ".c", keyPath: path + ".k", logger: logger)
    }

    private static func write(_ octets: [UInt8], to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard file >= 0, Glibc.write(file, octets, octets.count) == octets.count else {
            throw IOError(errnoCode: errno, reason: path)
        }
        close(file)
    }
}
