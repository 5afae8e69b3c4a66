package import MailModel

package enum RateDecision: Equatable, Sendable {
    case allowed
    case exceeded(retryAfterSeconds: Int)
}

/// Counters that replicas share where they can; within the process otherwise.
package protocol RateLimiter: Sendable {
    /// Counts one event for `key` (such as `smtp.connection:192.0.2.1`) in a sliding window.
    func count(_ key: String, limit: Int, windowSeconds: Int, now: Timestamp) async -> RateDecision
    /// Events in the window so far, without counting one.
    func peek(_ key: String, windowSeconds: Int, now: Timestamp) async -> Int
    func clear(_ key: String) async
}
