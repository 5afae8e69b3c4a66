import CacheMemory
import Logging
package import MailModel
package import MailPorts
import NIOCore
import Synchronization

/// The change feed between processes.
///
/// Listeners here hear of what this process publishes at once, and of what others publish by way of Redis. Nothing is
/// acknowledged there, so a reader may miss what was sent while its connection was away: `accountsToPoll` says whose
/// changes must be looked for in the store.
package final class RedisChangeFeed: ChangeFeed {
    private struct State {
        var pending = ChangeMessage()
        var isConnected = false
        /// Until then everything is looked for in the store too: what was sent during the outage is lost.
        var doubtUntil: ContinuousClock.Instant
        var lastLook: ContinuousClock.Instant
        var node: RedisNode?
        var publisher: Task<Void, Never>?
    }

    /// Looks of the store that fall into this time after an outage see what it hid.
    package static let doubt: Duration = .seconds(3)
    /// However well the bus works: who published may have died between its commit and its message.
    private static let longestTrust: Duration = .seconds(30)

    private let client: RedisClient
    private let local = MemoryChangeFeed()
    private let channel: String
    private let doubt: Duration
    private let origin = String(UInt64.random(in: 0 ... .max), radix: 36)
    private let state: Mutex<State>
    private let wake: AsyncStream<Void>.Continuation

    package init(_ client: RedisClient, doubt: Duration = RedisChangeFeed.doubt) {
        self.client = client
        self.doubt = doubt
        // Channels are common to all databases of a server.
        channel = "\(client.options.prefix)changes:\(client.options.database)"
        state = Mutex(State(doubtUntil: .now + doubt, lastLook: .now))
        let (signals, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.wake = wake
        let node = client.subscribe(
            to: channel,
            onMessage: { [weak self] in self?.heard($0) },
            onEvent: { [weak self] in self?.heard($0) }
        )
        // Owned by `close`; ends with the stream too.
        let publisher = Task { [weak self] in
            for await _ in signals {
                guard await self?.sendPending() != nil else { return }
            }
        }
        state.withLock { ($0.node, $0.publisher) = (node, publisher) }
    }

    package func close() {
        wake.finish()
        let (node, publisher) = state.withLock { state in
            defer { (state.node, state.publisher) = (nil, nil) }
            return (state.node, state.publisher)
        }
        node?.close()
        publisher?.cancel()
    }

    /// Whether messages of other processes come in.
    package var isConnected: Bool { state.withLock { $0.isConnected } }

    /// Accounts with listeners here whose changes must now be looked for in the store.
    ///
    /// All while messages do not come in, shortly after, and once after that; none as long as they do, but for a look now
    /// and then.
    package var accountsToPoll: [AccountID] {
        let mustLook = state.withLock { state in
            let now = ContinuousClock.now
            guard !state.isConnected || state.lastLook < state.doubtUntil || now >= state.lastLook + Self.longestTrust
            else {
                return false
            }
            state.lastLook = now
            return true
        }
        return mustLook ? local.listenedAccounts : []
    }

    // MARK: - Port

    package func publish(_ changes: [Change]) {
        local.publish(changes)
        state.withLock { $0.pending.add(changes) }
        wake.yield()
    }

    package func relay(_ changes: [Change]) { local.publish(changes) }

    package func listen(to account: AccountID, _ onChange: @escaping @Sendable (Change) -> Void) -> ChangeListener {
        local.listen(to: account, onChange)
    }

    package func publishQueueWork() {
        local.publishQueueWork()
        state.withLock { $0.pending.hasQueueWork = true }
        wake.yield()
    }

    package func relayQueueWork() { local.publishQueueWork() }

    package func listenForQueueWork(_ onWork: @escaping @Sendable () -> Void) -> ChangeListener {
        local.listenForQueueWork(onWork)
    }

    // MARK: - Out

    /// Sends until nothing waits; what cannot be sent waits, merged, for the next attempt.
    private func sendPending() async {
        while !Task.isCancelled {
            let part = state.withLock { $0.pending.takePart() }
            guard let part else { return }
            do {
                _ = try await client.run(["PUBLISH", channel, part.encoded(origin: origin)], key: channel)
            } catch {
                state.withLock { $0.pending.merge(part) }
                try? await Task.sleep(for: client.options.firstRetry * 3)
            }
        }
    }

    // MARK: - In

    private func heard(_ octets: [UInt8]) {
        guard let message = ChangeMessage(octets, notFrom: origin) else { return }
        if message.isIncomplete { state.withLock { $0.doubtUntil = .now + doubt } }
        local.publish(message.changes)
        if message.hasQueueWork || message.isIncomplete { local.publishQueueWork() }
    }

    private func heard(_ event: RedisNode.Event) {
        switch event {
        case .connected:
            state.withLock { state in
                state.isConnected = true
                state.doubtUntil = .now + doubt
            }
            client.outage.isOver("change feed")
            local.publishQueueWork()
        case .lost(let cause):
            state.withLock { $0.isConnected = false }
            client.outage.began("change feed", cause)
        }
    }
}
