package import MailModel

package enum RateDecision: Equatable, Sendable {
    case allowed
    case exceeded(retryAfterSeconds: Int)
}

/// What a window of time has counted.
package struct RateWindow: Equatable, Sendable {
    package var isExceeded: Bool
    /// Events in it, the one that was just counted among them.
    package var events: Int
    /// Until the window ends, or more is allowed.
    package var resetSeconds: Int
    package init(isExceeded: Bool, events: Int, resetSeconds: Int) {
        (self.isExceeded, self.events, self.resetSeconds) = (isExceeded, events, resetSeconds)
    }
}

/// A sum over a window of time.
package struct RateTally: Equatable, Sendable {
    package var events: Int
    /// Whether every process counts in it; false while what they share is away.
    package var isShared: Bool
    package init(events: Int, isShared: Bool) { (self.events, self.isShared) = (events, isShared) }
}

/// Counters that replicas share where they can; within the process otherwise.
package protocol RateLimiter: Sendable {
    /// Counts one event for `key` (such as `smtp.connection:192.0.2.1`) in a sliding window.
    func count(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateDecision
    /// Counts as `count` does, and tells what the window has.
    func measure(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateWindow
    /// Events in the window so far, without counting one.
    func peek(_ key: String, windowSeconds: Int, now: Timestamp) async -> Int
    /// Adds some events to a sliding window, whatever it has, and gives the sum; 0 adds none.
    func tally(_ key: String, adding events: Int, windowSeconds: Int, now: Timestamp) async -> RateTally
    func clear(_ key: String) async
}

extension RateLimiter {
    package func tally(_ key: String, adding events: Int, windowSeconds: Int, now: Timestamp) async -> RateTally {
        for _ in 0..<events { _ = await count(key, limit: .max, windowSeconds: windowSeconds, now: now) }
        return RateTally(events: await peek(key, windowSeconds: windowSeconds, now: now), isShared: true)
    }

    package func measure(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateWindow {
        let decision = await count(key, limit: limit, windowSeconds: windowSeconds, now: now)
        let events = await peek(key, windowSeconds: windowSeconds, now: now)
        let reset = RateWindow.rest(windowSeconds, now)
        return switch decision {
        case .allowed: RateWindow(isExceeded: false, events: events, resetSeconds: reset)
        case .exceeded(let seconds): RateWindow(isExceeded: true, events: events, resetSeconds: seconds)
        }
    }
}

extension RateWindow {
    /// Until the present window of that length ends.
    package static func rest(_ windowSeconds: Int, _ now: Timestamp) -> Int {
        let seconds = Int64(max(1, windowSeconds))
        return Int((now.seconds / seconds + 1) * seconds - now.seconds)
    }
}
