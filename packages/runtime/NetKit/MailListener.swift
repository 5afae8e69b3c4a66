package import Logging
package import MailModel
import Metrics
package import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

/// A port could not be taken; one line that names it.
package struct BindError: Error, CustomStringConvertible {
    package let description: String
}

/// Where a listener listens and whom it lets in.
package struct ListenerConfiguration: Sendable {
    /// For messages: `SMTP`, `IMAP`.
    package var name: String
    package var addresses: [IPAddress]
    package var port: Int
    package var isImplicitTLS: Bool
    package var maximumConnections: Int
    package var maximumConnectionsPerAddress: Int
    package var trustedNetworks: [IPNetwork]
    /// Load balancers: their connections begin with a PROXY header, which names the client; no others may have one.
    package var proxyNetworks: [IPNetwork] = []
    /// Sent to a connection over a limit before it is closed.
    package var busyReply: String
    /// Who is not let in; nil: nobody is kept out.
    package var barrier: (any ClientBarrier)?
    /// Sent to those before their connection is closed, where TLS need not come first.
    package var barredReply = ""
    /// How long a stop waits for connections to finish.
    package var grace: TimeAmount

    package init(
        name: String,
        addresses: [IPAddress],
        port: Int,
        isImplicitTLS: Bool,
        maximumConnections: Int,
        maximumConnectionsPerAddress: Int,
        trustedNetworks: [IPNetwork],
        busyReply: String,
        grace: TimeAmount
    ) {
        self.name = name
        self.addresses = addresses
        self.port = port
        self.isImplicitTLS = isImplicitTLS
        self.maximumConnections = maximumConnections
        self.maximumConnectionsPerAddress = maximumConnectionsPerAddress
        self.trustedNetworks = trustedNetworks
        self.busyReply = busyReply
        self.grace = grace
    }
}

/// One listening port: counts connections, gives each its handler, and on a graceful stop lets them finish.
package final class MailListener: Service {
    private struct State {
        var servers: [any Channel] = []
        var connections: [ObjectIdentifier: (channel: any Channel, remote: IPAddress)] = [:]
        /// By `IPAddress.client`.
        var perClient: [String: Int] = [:]
        var onEmpty: CheckedContinuation<Void, Never>?
    }

    /// Balancers send the header with the first octets, if not before them.
    private static let proxyHeaderLimit = TimeAmount.seconds(10)

    private let configuration: ListenerConfiguration
    private let tls: TLSContextStore?
    private let logger: Logger
    private let state = Mutex(State())
    private let makeHandler: @Sendable (ConnectionInfo) -> any ChannelHandler
    private let opened: Counter
    private let refused: Counter
    private let gauge: Gauge

    /// - Parameter makeHandler: called on the connection's event loop.
    package init(
        _ configuration: ListenerConfiguration,
        tls: TLSContextStore?,
        logger: Logger,
        makeHandler: @escaping @Sendable (ConnectionInfo) -> any ChannelHandler
    ) {
        self.configuration = configuration
        self.tls = tls
        self.logger = logger
        self.makeHandler = makeHandler
        let dimensions = [("listener", configuration.name)]
        opened = Counter(label: "oonrumail_connections_total", dimensions: dimensions)
        refused = Counter(label: "oonrumail_connections_refused_total", dimensions: dimensions)
        gauge = Gauge(label: "oonrumail_connections_open", dimensions: dimensions)
    }

    /// Takes the ports and serves from now on; `run` ends it.
    package func bind() async throws(BindError) {
        configuration.barrier?.observe { [weak self] in self?.endBarred() }
        for address in configuration.addresses {
            let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .serverChannelOption(.backlog, value: 1_024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2_048, maximum: 65_536)
                )
                .childChannelOption(.maxMessagesPerRead, value: 4)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
                }
            do {
                let server = try await bootstrap.bind(host: address.description, port: configuration.port).get()
                state.withLock { $0.servers.append(server) }
            } catch let error as IOError {
                throw BindError(description: description(of: error.errnoCode, at: address))
            } catch {
                throw BindError(
                    description: "\(configuration.name) port \(configuration.port) on \(address) cannot be taken"
                )
            }
        }
    }

    private func description(of code: CInt, at address: IPAddress) -> String {
        let place = "\(configuration.name) port \(configuration.port) on \(address)"
        return switch code {
        case EADDRINUSE: "\(place) is in use by another program"
        case EACCES: "\(place) may not be taken by this user (ports below 1024 need a privilege)"
        case EADDRNOTAVAIL: "\(place): this machine has no such address"
        default: "\(place) cannot be taken: \(String(cString: strerror(code)))"
        }
    }

    private func accept(_ channel: any Channel) throws {
        guard let remote = IPAddress(channel.remoteAddress) else { throw ChannelError.inappropriateOperationForState }
        let port = channel.remoteAddress?.port ?? 0
        guard configuration.proxyNetworks.contains(where: { $0.contains(remote) }) else {
            return try admit(channel, remote, port)
        }
        let proxied = ProxyHeaderHandler(limit: Self.proxyHeaderLimit) { header in
            switch header {
            case .local: try self.admit(channel, remote, port)
            case .proxied(let source, let port): try self.admit(channel, source, port)
            }
        } refuse: {
            self.refused.increment()
            self.logger.notice("no PROXY header from a load balancer", metadata: ["remote": "\(remote)"])
        }
        try channel.pipeline.syncOperations.addHandler(proxied)
    }

    /// - Parameter remote: the client, also behind a load balancer.
    private func admit(_ channel: any Channel, _ remote: IPAddress, _ port: Int) throws {
        guard configuration.barrier?.refuses(remote, over: configuration.name) != true else {
            return refuse(channel, saying: configuration.barredReply)
        }
        let client = remote.client
        let isTrusted = configuration.trustedNetworks.contains { $0.contains(remote) }
        let isAdmitted = state.withLock { state in
            guard state.connections.count < configuration.maximumConnections else { return false }
            guard isTrusted || state.perClient[client, default: 0] < configuration.maximumConnectionsPerAddress else {
                return false
            }
            state.connections[ObjectIdentifier(channel)] = (channel, remote)
            state.perClient[client, default: 0] += 1
            return true
        }
        guard isAdmitted else { return refuse(channel, saying: configuration.busyReply) }
        opened.increment()
        gauge.record(state.withLock { $0.connections.count })
        channel.closeFuture.whenComplete { _ in self.closed(channel, client) }
        if configuration.isImplicitTLS, let tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context()))
        }
        let info = ConnectionInfo(
            remote: remote,
            remotePort: port,
            localPort: configuration.port,
            session: SessionName.make(),
            isImplicitTLS: configuration.isImplicitTLS,
            isTrusted: isTrusted
        )
        try channel.pipeline.syncOperations.addHandler(makeHandler(info))
    }

    private func refuse(_ channel: any Channel, saying reply: String) {
        refused.increment()
        guard !configuration.isImplicitTLS else { return channel.close(promise: nil) }
        channel.writeAndFlush(ByteBuffer(string: reply)).whenComplete { _ in channel.close(promise: nil) }
    }

    /// Tells open connections of clients that are refused now; who has signed in stays.
    private func endBarred() {
        guard let barrier = configuration.barrier else { return }
        let open = state.withLock { Array($0.connections.values) }
        for (channel, remote) in open where barrier.bars(remote) {
            channel.pipeline.fireUserInboundEventTriggered(ConnectionBarred())
        }
    }

    private func closed(_ channel: any Channel, _ client: String) {
        let (count, waiting) = state.withLock { state in
            state.connections[ObjectIdentifier(channel)] = nil
            let left = state.perClient[client, default: 1] - 1
            state.perClient[client] = left > 0 ? left : nil
            guard state.connections.isEmpty else {
                return (state.connections.count, nil as CheckedContinuation<Void, Never>?)
            }
            defer { state.onEmpty = nil }
            return (0, state.onEmpty)
        }
        gauge.record(count)
        waiting?.resume()
    }

    /// Serves until the process is told to stop; returns when the connections have finished or the grace has run out.
    package func run() async throws {
        try? await gracefulShutdown()
        let (servers, connections) = state.withLock { state in
            defer { state.servers = [] }
            return (state.servers, state.connections.values.map(\.channel))
        }
        for server in servers { try? await server.close() }
        for connection in connections { connection.pipeline.fireUserInboundEventTriggered(ConnectionQuiescing()) }
        let grace = Duration.nanoseconds(configuration.grace.nanoseconds)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitUntilEmpty() }
            group.addTask {
                try? await Task.sleep(for: grace)
                self.closeAll()
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                guard !state.connections.isEmpty else { return true }
                state.onEmpty = continuation
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }

    private func closeAll() {
        for connection in state.withLock({ Array($0.connections.values) }) { connection.channel.close(promise: nil) }
    }
}

/// Names of sessions: short, random, unique enough for a log.
enum SessionName {
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    static func make() -> String {
        var random = UInt64.random(in: 0 ... .max)
        var text: [UInt8] = []
        for _ in 0..<10 {
            text.append(alphabet[Int(random & 31)])
            random >>= 5
        }
        return String(decoding: text, as: UTF8.self)
    }
}
