import Logging
import NIOCore
import NIOSSL
import Synchronization

/// A connection to one server, or to the first of several that answers, kept up until it is closed.
///
/// Who asks while it is away hears so at once; only the very first attempt is waited for.
final class RedisNode: Sendable {
    enum Event: Sendable {
        case connected
        /// The text says why.
        case lost(String)
    }

    private struct State {
        var connection: RedisConnection?
        /// Those that wait for the first attempt; nil after it.
        var waiting: [EventLoopPromise<RedisConnection>]? = []
        var fault = RedisFault.away("not connected yet")
        var attempt = 0
        var isStarted = false
        var isClosed = false
        var timer: Scheduled<Void>?
    }

    private let endpoints: [RedisOptions.Endpoint]
    private let options: RedisOptions
    private let greeting: [[String]]
    private let tls: NIOSSLContext?
    private let loop: any EventLoop
    private let onMessage: (@Sendable ([UInt8]) -> Void)?
    private let onEvent: @Sendable (Event) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - greeting: commands of every new connection, such as SUBSCRIBE.
    ///   - onEvent: called on the event loop; must return at once.
    init(
        _ endpoints: [RedisOptions.Endpoint],
        _ options: RedisOptions,
        greeting: [[String]] = [],
        tls: NIOSSLContext?,
        on loop: any EventLoop,
        onMessage: (@Sendable ([UInt8]) -> Void)? = nil,
        onEvent: @escaping @Sendable (Event) -> Void
    ) {
        self.endpoints = endpoints
        self.options = options
        self.greeting = greeting
        self.tls = tls
        self.loop = loop
        self.onMessage = onMessage
        self.onEvent = onEvent
    }

    func start() {
        let isFirst = state.withLock { state in
            defer { state.isStarted = true }
            return !state.isStarted && !state.isClosed
        }
        if isFirst { connect() }
    }

    func send(_ commands: [[String]]) async throws(RedisFault) -> [RedisReply] {
        start()
        let known = state.withLock { state -> Result<EventLoopFuture<RedisConnection>, RedisFault> in
            if let connection = state.connection { return .success(loop.makeSucceededFuture(connection)) }
            guard state.waiting != nil, !state.isClosed else { return .failure(state.fault) }
            guard state.waiting?.count ?? 0 < options.maximumInFlight else { return .failure(.busy) }
            let promise = loop.makePromise(of: RedisConnection.self)
            state.waiting?.append(promise)
            return .success(promise.futureResult)
        }
        let future = try known.get()
        do {
            return try await future.flatMap { $0.send(commands) }.get()
        } catch {
            throw error as? RedisFault ?? .away("\(error)")
        }
    }

    func close() {
        let ended = state.withLock { state in
            state.isClosed = true
            state.fault = .away("closed")
            defer { (state.connection, state.waiting, state.timer) = (nil, nil, nil) }
            return (state.connection, state.waiting ?? [], state.timer)
        }
        ended.2?.cancel()
        ended.0?.channel.close(promise: nil)
        for promise in ended.1 { promise.fail(RedisFault.away("closed")) }
    }

    // MARK: - Connecting

    private func connect() {
        let number = state.withLock { $0.attempt }
        RedisConnection.open(
            endpoints[number % endpoints.count],
            options,
            greeting: greeting,
            tls: tls,
            on: loop,
            onMessage: onMessage
        ).whenComplete { result in
            switch result {
            case .success(let connection): self.adopt(connection)
            case .failure(let error): self.lost(error as? RedisFault ?? .away("\(error)"))
            }
        }
    }

    private func adopt(_ connection: RedisConnection) {
        let waiting = state.withLock { state -> [EventLoopPromise<RedisConnection>]? in
            guard !state.isClosed else { return nil }
            state.connection = connection
            state.attempt = 0
            defer { state.waiting = nil }
            return state.waiting ?? []
        }
        guard let waiting else { return connection.channel.close(promise: nil) }
        onEvent(.connected)
        connection.channel.closeFuture.whenComplete { _ in self.lost(.away("the connection was closed")) }
        for promise in waiting { promise.succeed(connection) }
        keepAlive(connection)
    }

    private func lost(_ fault: RedisFault) {
        let wait = delay()
        let found = state.withLock { state -> (waiting: [EventLoopPromise<RedisConnection>], isNew: Bool)? in
            guard !state.isClosed else { return nil }
            let isNew = state.connection != nil || state.waiting != nil
            defer { (state.connection, state.waiting) = (nil, nil) }
            state.fault = fault
            state.attempt += 1
            state.timer = loop.scheduleTask(in: wait) { [weak self] in self?.connect() }
            return (state.waiting ?? [], isNew)
        }
        guard let found else { return }
        // Who is told that it is away, and asks since when, must not hear that it is there.
        if found.isNew { onEvent(.lost(fault.description)) }
        for promise in found.waiting { promise.fail(fault) }
    }

    /// Half of the wait is by chance, so that many processes do not come back at once.
    private func delay() -> TimeAmount {
        let attempt = state.withLock { $0.attempt }
        let longest = TimeAmount(options.longestRetry).nanoseconds
        let full = min(longest, TimeAmount(options.firstRetry).nanoseconds << Int64(min(attempt, 20)))
        return .nanoseconds(full / 2 + Int64.random(in: 0...max(1, full / 2)))
    }

    /// A peer that went without a word shows by an answer that does not come; the handler then closes.
    private func keepAlive(_ connection: RedisConnection) {
        loop.scheduleTask(in: TimeAmount(options.keepAlive)) { [weak self] in
            guard let self, self.state.withLock({ $0.connection != nil }), connection.channel.isActive else { return }
            connection.send([["PING"]]).whenComplete { [weak self] _ in self?.keepAlive(connection) }
        }
    }
}
