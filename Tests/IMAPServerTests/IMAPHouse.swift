import Accounts
import BlobFiles
import CacheMemory
import Foundation
import IMAPServer
import Logging
import MailCrypto
import MailModel
import MailPorts
import NIOCore
import NIOPosix
import NetKit
import PlatformConfig
import ProcessTesting
import SQLStore
import ServiceLifecycle
import Synchronization
import Telemetry

/// The IMAP service over a store of its own in a temporary folder, with one account.
final class IMAPHouse: Sendable {
    static let user = "reader@example.test"
    static let password = "correct horse battery"

    let folder: String
    let store: SQLStore
    let service: IMAPServerService
    let account: AccountID
    let port: Int
    let tlsPort: Int

    /// Runs `body` beside the service and takes everything down afterwards.
    static func run(
        _ settings: [String: String] = [:],
        adjust: (inout IMAPServiceConfiguration) -> Void = { _ in },
        _ body: (IMAPHouse) async throws -> Void
    ) async throws {
        let house = try await bound(settings, adjust: adjust)
        let group = ServiceGroup(
            services: [house.service],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await body(house)
            } catch {
                await group.triggerGracefulShutdown()
                try? await tasks.waitForAll()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        try? FileManager.default.removeItem(atPath: house.folder)
    }

    /// Free ports may be taken by another test meanwhile.
    private static func bound(
        _ settings: [String: String],
        adjust: (inout IMAPServiceConfiguration) -> Void
    ) async throws -> IMAPHouse {
        for _ in 0..<20 {
            let house = try await IMAPHouse(settings, adjust: adjust)
            do {
                try await house.service.bind()
                return house
            } catch {
                try? FileManager.default.removeItem(atPath: house.folder)
            }
        }
        throw IMAPClient.Failure(description: "no free ports")
    }

    private init(_ settings: [String: String], adjust: (inout IMAPServiceConfiguration) -> Void) async throws {
        folder = NSTemporaryDirectory() + "imap-house-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/blobs", withIntermediateDirectories: true)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let feed = MemoryChangeFeed()
        let clock = SystemClock()
        store = try await SQLStore.open(
            folder: folder,
            blobs: BlobFiles(folder: folder + "/blobs", threads: .singleton, logger: logger),
            feed: feed,
            clock: clock,
            logger: logger
        )
        let work = PasswordWork(hasher: PasswordHasher(memory: 8 << 10, passes: 1)) { $0() }
        let line = AuditEvent(at: Timestamp(seconds: 0), actor: "test", action: "test", subject: "")
        let organisation = try await store.addOrganisation(name: "Test", audit: line)
        _ = try await store.addDomain("example.test", organisation: organisation.id, keys: [], audit: line)
        guard let address = EmailAddress(Self.user) else { preconditionFailure("an address") }
        account = try await store.addAccount(
            NewAccount(
                organisation: organisation.id,
                address: address,
                passwordHash: try await work.hash(Self.password)
            ),
            audit: nil
        ).id
        let made = try SelfSignedCertificate(hostNames: ["mail.example.test"])
        try Data(made.certificatePEM).write(to: URL(fileURLWithPath: folder + "/c.pem"))
        try Data(made.keyPEM).write(to: URL(fileURLWithPath: folder + "/k.pem"))
        let tls = try TLSContextStore(certificatePath: folder + "/c.pem", keyPath: folder + "/k.pem", logger: logger)
        (port, tlsPort) = (try LoopbackPort.free(), try LoopbackPort.free())
        var overrides = [
            "OONRUMAIL_IMAP_PORT": "\(port)", "OONRUMAIL_IMAPS_PORT": "\(tlsPort)",
            "OONRUMAIL_PLAINTEXT_AUTH_ON_LOOPBACK": "true",
            "OONRUMAIL_HOSTNAME": "mail.example.test",
        ]
        overrides.merge(settings) { $1 }
        var configuration = IMAPServiceConfiguration(
            settings: try PlatformSettings.load(SettingSources(overrides: overrides, environment: [:]))
        )
        configuration.failureDelay = .milliseconds(1)
        configuration.grace = .seconds(1)
        adjust(&configuration)
        service = IMAPServerService(
            configuration: configuration,
            mailboxes: store,
            sharing: store,
            directory: store,
            quotas: store,
            authenticator: AccountAuthenticator(
                directory: store,
                credentials: store,
                limiter: MemoryRateLimiter(),
                passwords: work,
                logger: logger
            ),
            feed: feed,
            tls: tls,
            clock: clock,
            logger: logger
        )
    }

    /// A client that has read the greeting.
    func connect() async throws -> IMAPClient {
        let client = try await IMAPClient(port: port)
        _ = try await client.line()
        return client
    }

    /// A client that has signed in.
    func signIn() async throws -> IMAPClient {
        let client = try await connect()
        _ = try await client.ok("LOGIN \(Self.user) \"\(Self.password)\"")
        return client
    }
}

/// Speaks lines and literals; reads whole responses.
final class IMAPClient: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private final class Reader: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        struct State {
            var bytes: [UInt8] = []
            var isClosed = false
            var waiting: CheckedContinuation<Void, Never>?
        }
        let state = Mutex(State())

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            wake { $0.bytes += buffer.readableBytesView }
        }
        func channelInactive(context: ChannelHandlerContext) { wake { $0.isClosed = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func wake(_ change: (inout State) -> Void) {
            let waiting = state.withLock { state in
                change(&state)
                defer { state.waiting = nil }
                return state.waiting
            }
            waiting?.resume()
        }

        /// Waits for more octets than `count`, or the end.
        func more(than count: Int) async {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    guard state.bytes.count <= count, !state.isClosed else { return true }
                    state.waiting = continuation
                    return false
                }
                if isThere { continuation.resume() }
            }
        }
    }

    private let reader = Reader()
    private let channel: any Channel
    private let count = Mutex(0)

    init(port: Int) async throws {
        let reader = self.reader
        channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelInitializer { $0.pipeline.addHandler(reader) }
            .connect(host: "127.0.0.1", port: port).get()
    }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)) }

    /// A line with the literals in it, without its CRLF; `nil` when the connection has ended.
    func lineOrEnd() async throws -> String? {
        var needed = 0
        while true {
            let (found, isClosed, have) = reader.state.withLock { state -> ([UInt8]?, Bool, Int) in
                guard let end = Self.end(of: state.bytes) else { return (nil, state.isClosed, state.bytes.count) }
                let line = Array(state.bytes[..<(end - 2)])
                state.bytes.removeFirst(end)
                return (line, false, state.bytes.count)
            }
            if let found { return String(decoding: found, as: UTF8.self) }
            if isClosed { return nil }
            needed = have
            await reader.more(than: needed)
        }
    }

    func line() async throws -> String {
        guard let line = try await lineOrEnd() else { throw Failure(description: "the connection has ended") }
        return line
    }

    /// Behind the response that begins the octets.
    private static func end(of bytes: [UInt8]) -> Int? {
        var start = 0
        while let lf = bytes[start...].firstIndex(of: 10) {
            guard lf > 0, bytes[lf - 1] == 13 else { return nil }
            let line = bytes[start..<(lf - 1)]
            guard line.last == 125, let open = line.lastIndex(of: 123),
                let size = Int(String(decoding: line[(open + 1)...].dropLast(), as: UTF8.self))
            else { return lf + 1 }
            start = lf + 1 + size
            guard start <= bytes.count else { return nil }
        }
        return nil
    }

    /// Sends a command; returns the untagged responses and the tagged one without its tag.
    func command(_ text: String) async throws -> (untagged: [String], tagged: String) {
        let tag = count.withLock { count in
            count += 1
            return "t\(count)"
        }
        try await send("\(tag) \(text)\r\n")
        return try await answer(tag)
    }

    func answer(_ tag: String) async throws -> (untagged: [String], tagged: String) {
        var untagged: [String] = []
        while true {
            let line = try await line()
            if line.hasPrefix("\(tag) ") { return (untagged, String(line.dropFirst(tag.count + 1))) }
            untagged.append(line)
        }
    }

    /// The untagged responses of a command that must succeed.
    func ok(_ text: String) async throws -> [String] {
        let answer = try await command(text)
        guard answer.tagged.hasPrefix("OK") else { throw Failure(description: "\(text): \(answer.tagged)") }
        return answer.untagged
    }

    /// The response code of the tagged answer: `OK [UIDNEXT 4]` gives `OK UIDNEXT 4`.
    func code(_ text: String) async throws -> String {
        let tagged = try await command(text).tagged
        let condition = tagged.prefix { $0 != " " }
        guard let open = tagged.firstIndex(of: "["), let close = tagged.firstIndex(of: "]") else {
            return String(condition)
        }
        return "\(condition) \(tagged[tagged.index(after: open)..<close])"
    }

    func append(_ message: String, to mailbox: String = "INBOX", _ options: String = "") async throws -> String {
        try await command("APPEND \(mailbox) \(options){\(message.utf8.count)+}\r\n\(message)").tagged
    }

    func close() async { try? await channel.close() }
}
