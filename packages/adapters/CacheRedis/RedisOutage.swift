import Logging
import Synchronization

/// Whether Redis, or a node of it, is away: one line in the log when it goes, one when all is back.
package final class RedisOutage: Sendable {
    private struct State {
        var away: Set<String> = []
        var since: ContinuousClock.Instant?
    }

    private let place: String
    private let logger: Logger
    private let state = Mutex(State())

    init(_ place: String, _ logger: Logger) { (self.place, self.logger) = (place, logger) }

    package var isAway: Bool { state.withLock { $0.since != nil } }

    func began(_ node: String, _ cause: String) {
        let isNew = state.withLock { state in
            state.away.insert(node)
            defer { state.since = state.since ?? .now }
            return state.since == nil
        }
        guard isNew else { return }
        logger.error(
            "Redis is away: limits count within this process, what other processes change is seen later",
            metadata: ["redis": "\(place)", "node": "\(node)", "cause": "\(cause)"]
        )
    }

    func isOver(_ node: String) {
        let began = state.withLock { state -> ContinuousClock.Instant? in
            state.away.remove(node)
            guard state.away.isEmpty else { return nil }
            defer { state.since = nil }
            return state.since
        }
        guard let began else { return }
        logger.notice("Redis is back", metadata: ["redis": "\(place)", "away": "\(began.duration(to: .now))"])
    }
}
