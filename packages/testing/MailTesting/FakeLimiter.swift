package import MailModel
package import MailPorts
import Synchronization

/// Counts events in memory, exactly.
package final class FakeLimiter: RateLimiter {
    private let events = Mutex<[String: [Timestamp]]>([:])
    package init() {}

    package func count(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateDecision {
        events.withLock { events in
            let recent = Self.recent(events[key] ?? [], windowSeconds, now)
            guard recent.count < limit else { return .exceeded(retryAfterSeconds: windowSeconds) }
            events[key] = recent + [now]
            return .allowed
        }
    }

    package func peek(_ key: String, windowSeconds: Int, now: Timestamp) async -> Int {
        events.withLock { Self.recent($0[key] ?? [], windowSeconds, now).count }
    }

    package func clear(_ key: String) async { events.withLock { $0[key] = nil } }

    private static func recent(_ events: [Timestamp], _ window: Int, _ now: Timestamp) -> [Timestamp] {
        events.filter { $0 > now.adding(seconds: -Int64(window)) }
    }
}
