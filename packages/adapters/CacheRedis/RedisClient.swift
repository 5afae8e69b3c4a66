package import Logging
package import NIOCore
import NIOSSL
import Synchronization

/// Commands to a server or a cluster; pipelined, none blocks a thread.
package final class RedisClient: Sendable {
    private struct State {
        var slots = RedisSlots()
        var nodes: [RedisOptions.Endpoint: RedisNode] = [:]
        var isRefreshing = false
        var refreshed: ContinuousClock.Instant?
        var isClosed = false
    }

    package let options: RedisOptions
    package let outage: RedisOutage
    private let tls: NIOSSLContext?
    private let group: any EventLoopGroup
    private let state = Mutex(State())

    /// - Throws: what is wrong with the TLS settings.
    package init(_ options: RedisOptions, group: any EventLoopGroup, logger: Logger) throws {
        precondition(!options.endpoints.isEmpty, "no endpoint")
        self.options = options
        self.group = group
        outage = RedisOutage(options.description, logger)
        tls = try Self.context(options)
    }

    static func context(_ options: RedisOptions) throws -> NIOSSLContext? {
        guard options.usesTLS else { return nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let file = options.authorityFile { configuration.trustRoots = .file(file) }
        return try NIOSSLContext(configuration: configuration)
    }

    package func close() {
        let nodes = state.withLock { state in
            state.isClosed = true
            defer { state.nodes = [:] }
            return Array(state.nodes.values)
        }
        for node in nodes { node.close() }
    }

    /// Whether the server, and every node of a cluster that was asked, answers.
    package func checkHealth() async throws(RedisFault) {
        _ = try await run(["PING"], key: options.prefix)
        if outage.isAway { throw .away("a node of \(options) is away") }
    }

    /// A connection of its own that only listens; `onMessage` and `onEvent` are called on its event loop.
    func subscribe(
        to channel: String,
        onMessage: @escaping @Sendable ([UInt8]) -> Void,
        onEvent: @escaping @Sendable (RedisNode.Event) -> Void
    ) -> RedisNode {
        let node = RedisNode(
            options.endpoints.shuffled(),
            options,
            greeting: [["SUBSCRIBE", channel]],
            tls: tls,
            on: group.next(),
            onMessage: onMessage,
            onEvent: onEvent
        )
        node.start()
        return node
    }

    /// One command whose keys all lie in the slot of `key`.
    package func run(_ command: [String], key: String) async throws(RedisFault) -> RedisReply {
        let reply = try await options.isCluster ? runInCluster(command, key) : send([command], to: options.endpoints[0])
        if case .error(let text) = reply { throw .refused(text) }
        return reply
    }

    /// The last answer.
    private func send(_ commands: [[String]], to place: RedisOptions.Endpoint) async throws(RedisFault) -> RedisReply {
        let reply = try await node(place).send(commands).last ?? .null
        if case .error(let text) = reply, Self.isOutage(text) {
            outage.began("answers of \(place)", text)
        } else {
            outage.isOver("answers of \(place)")
        }
        return reply
    }

    /// Refusals that mean that nothing works, whatever the command.
    private static func isOutage(_ text: String) -> Bool {
        ["NOAUTH", "WRONGPASS", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "MISCONF", "OOM", "NOPERM"]
            .contains { text.utf8.starts(with: $0.utf8) }
    }

    private func node(_ endpoint: RedisOptions.Endpoint) -> RedisNode {
        state.withLock { state in
            if let node = state.nodes[endpoint] { return node }
            let node = RedisNode([endpoint], options, tls: tls, on: group.next()) { [weak self] event in
                self?.heard(event, endpoint)
            }
            if state.isClosed { node.close() } else { state.nodes[endpoint] = node }
            return node
        }
    }

    private func heard(_ event: RedisNode.Event, _ endpoint: RedisOptions.Endpoint) {
        // A node that left the cluster keeps nobody from being whole.
        guard state.withLock({ $0.nodes[endpoint] != nil }) else { return }
        switch event {
        case .connected: outage.isOver("\(endpoint)")
        case .lost(let cause): outage.began("\(endpoint)", cause)
        }
    }

    // MARK: - Cluster

    private func runInCluster(_ command: [String], _ key: String) async throws(RedisFault) -> RedisReply {
        let slot = RedisSlots.slot(of: key)
        if state.withLock({ $0.slots.owner(of: slot) }) == nil { await refresh() }
        guard var place = state.withLock({ $0.slots.owner(of: slot) }) else {
            throw .away("no node of the cluster says who has slot \(slot)")
        }
        var asks = false
        for _ in 0...options.maximumRedirections {
            let reply: RedisReply
            do throws(RedisFault) {
                reply = try await send(asks ? [["ASKING"], command] : [command], to: place)
            } catch {
                // Another node may have taken over; the next command goes there.
                await refresh()
                throw error
            }
            guard case .error(let text) = reply else { return reply }
            switch RedisRedirection(text, from: place) {
            case nil: return reply
            case .ask(let next): (place, asks) = (next, true)
            case .moved(let slot, let next):
                (place, asks) = (next, false)
                state.withLock { $0.slots.set(slot...slot, next) }
                await refresh()
            }
        }
        throw .away("redirected more than \(options.maximumRedirections) times")
    }

    /// Reads the slots anew, not more often than the options say and not twice at once.
    private func refresh() async {
        let now = ContinuousClock.now
        let known = state.withLock { state -> [RedisOptions.Endpoint]? in
            if state.isRefreshing || state.isClosed { return nil }
            if let last = state.refreshed, last + options.refreshInterval > now { return nil }
            state.isRefreshing = true
            return state.slots.endpoints.shuffled()
        }
        guard let known else { return }
        var found: RedisSlots?
        for endpoint in (known + options.endpoints.filter { !known.contains($0) }).prefix(8) where found == nil {
            guard let reply = try? await node(endpoint).send([["CLUSTER", "SLOTS"]]).first else { continue }
            found = RedisSlots(reply, askedAt: endpoint)
        }
        let slots = found
        let dropped = state.withLock { state -> [RedisOptions.Endpoint: RedisNode] in
            state.isRefreshing = false
            state.refreshed = .now
            guard let slots else { return [:] }
            state.slots = slots
            let kept = Set(slots.endpoints).union(options.endpoints)
            let dropped = state.nodes.filter { !kept.contains($0.key) }
            for (endpoint, _) in dropped { state.nodes[endpoint] = nil }
            return dropped
        }
        for (endpoint, node) in dropped {
            node.close()
            outage.isOver("\(endpoint)")
            outage.isOver("answers of \(endpoint)")
        }
    }
}

extension RedisClient {
    /// The slot of a cluster that a key is in.
    package static func slot(of key: String) -> Int { RedisSlots.slot(of: key) }
}
