package import Logging
package import MailModel
package import MailPorts
import Metrics
import Synchronization

/// The bans in force, in memory: all that a connection or a request is compared with.
///
/// Invariants: an exemption wins over every ban; what is over refuses nobody, whether it was swept or not; a store or a Redis that
/// is away changes nothing in it.
package final class BanTable: Sendable {
    /// A client that is refused.
    package struct Refusal: Hashable, Sendable {
        package var network: IPNetwork
        /// nil: nobody knows.
        package var until: Timestamp?
        /// Whole seconds, one at least; a day where there is no end.
        package var retryAfterSeconds: Int
    }

    private struct Entry {
        var ban: Ban
        /// Connections since the last line of the log.
        var refused = 0
        var loggedAt: Int64?
    }

    private struct State {
        var bans = NetworkMap<Entry>()
        var exemptions = NetworkMap<Ban>()
        var position: Int64 = 0
        var prunedAt: Int64 = 0
        var observers: [@Sendable () -> Void] = []
        /// Lines of the log in the present minute.
        var lines = (minute: Int64(0), count: 0)
    }

    private static let linesPerMinute = 30
    private static let pruneSeconds: Int64 = 60
    private static let retryWithoutEnd = 86_400

    package let policy: BanPolicy
    private let clock: any WallClock
    private let logger: Logger
    private let state = Mutex(State())

    package init(_ policy: BanPolicy, clock: any WallClock, logger: Logger = Logger(label: "bans")) {
        self.policy = policy
        self.clock = clock
        self.logger = logger
    }

    /// Called after every change that may refuse somebody, on any thread; connections look whether it is them.
    package func observe(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.observers.append(body) } }

    /// Bans in force, as far as known.
    package var count: Int { state.withLock { $0.bans.count } }

    /// Up to which change everything is known.
    var position: Int64 { state.withLock { $0.position } }

    // MARK: - Looking

    /// Whether the client is one that is never refused.
    package func exempts(_ remote: IPAddress) -> Bool {
        guard !policy.exempt.contains(where: { $0.contains(remote) }) else { return true }
        let now = clock.now()
        return state.withLock { $0.exemptions.covering(remote).contains { $0.isInForce(at: now) } }
    }

    /// The ban that the client is under; of several the one that ends last.
    package func ban(of remote: IPAddress) -> Ban? {
        guard policy.isOn, !policy.exempt.contains(where: { $0.contains(remote) }) else { return nil }
        let now = clock.now()
        return state.withLock { Self.ban(of: remote, $0, now) }
    }

    private static func ban(of remote: IPAddress, _ state: State, _ now: Timestamp) -> Ban? {
        let bans = state.bans.covering(remote).map(\.ban).filter { $0.isInForce(at: now) }
        guard let last = bans.max(by: { $0.end < $1.end }) else { return nil }
        return state.exemptions.covering(remote).contains { $0.isInForce(at: now) } ? nil : last
    }

    /// Whether a new connection or a request is refused; counts it, and writes a line of the log now and then.
    package func refusal(of remote: IPAddress, over service: String) -> Refusal? {
        guard let ban = ban(of: remote) else { return nil }
        let now = clock.now()
        Counter(label: "oonrumail_bans_refused_total", dimensions: [("protocol", service)]).increment()
        if let count = linesDue(ban, now) {
            logger.notice(
                "refused: banned",
                metadata: [
                    "network": "\(ban.network)", "remote": "\(remote)", "service": "\(service)",
                    "reason": "\(ban.reason)", "until": "\(ban.until.map { "\($0.seconds)" } ?? "-")",
                    "refused": "\(count)",
                ]
            )
        }
        let rest = ban.until.map { max(1, Int($0.seconds - now.seconds)) }
        return Refusal(network: ban.network, until: ban.until, retryAfterSeconds: rest ?? Self.retryWithoutEnd)
    }

    /// Connections since the last line, when one is due: one a minute for a network, so many for all.
    private func linesDue(_ ban: Ban, _ now: Timestamp) -> Int? {
        state.withLock { state in
            guard var entry = state.bans[ban.network] else { return nil }
            entry.refused += 1
            defer { state.bans[ban.network] = entry }
            let minute = now.seconds / 60
            if state.lines.minute != minute { state.lines = (minute, 0) }
            guard entry.loggedAt.map({ now.seconds - $0 >= 60 }) ?? true, state.lines.count < Self.linesPerMinute
            else { return nil }
            state.lines.count += 1
            defer { entry = Entry(ban: entry.ban, loggedAt: now.seconds) }
            return entry.refused
        }
    }

    // MARK: - Changing

    /// Takes a change that this process has made, before it is read from the store.
    func take(_ own: Ban) {
        let now = clock.now()
        let observers = state.withLock { state -> [@Sendable () -> Void] in
            // What was read meanwhile is newer.
            guard own.number > state.position else { return [] }
            Self.put(own, &state, now)
            return state.observers
        }
        for observer in observers { observer() }
    }

    /// Takes changes as the store numbers them; gives the networks whose bans were lifted.
    func take(_ changes: [Ban]) -> [IPNetwork] {
        let now = clock.now()
        let (lifted, observers) = state.withLock { state in
            var lifted: [IPNetwork] = []
            for change in changes where change.number > state.position {
                state.position = change.number
                Self.put(change, &state, now)
                if !change.isInForce(at: now) { lifted.append(change.network) }
            }
            if now.seconds - state.prunedAt >= Self.pruneSeconds {
                state.prunedAt = now.seconds
                state.bans.remove(where: { !$0.ban.isInForce(at: now) }, network: { $0.ban.network })
                state.exemptions.remove(where: { !$0.isInForce(at: now) }, network: { $0.network })
            }
            return (lifted, changes.isEmpty ? [] : state.observers)
        }
        for observer in observers { observer() }
        return lifted
    }

    private static func put(_ ban: Ban, _ state: inout State, _ now: Timestamp) {
        state.bans[ban.network] = nil
        state.exemptions[ban.network] = nil
        guard ban.isInForce(at: now) else { return }
        switch ban.kind {
        case .ban: state.bans[ban.network] = Entry(ban: ban)
        case .exemption: state.exemptions[ban.network] = ban
        }
    }
}

extension Ban {
    /// For comparing; without an end the last.
    fileprivate var end: Timestamp { until ?? Timestamp(microseconds: .max) }
}
