package import MailModel

/// When a deferred recipient is tried again: intervals that double up to a bound, each a little shorter or longer by chance,
/// so that mail deferred together does not come back together (RFC 5321 §4.5.4.1).
package struct RetrySchedule: Hashable, Sendable {
    package var first: Duration = .seconds(300)
    package var maximum: Duration = .seconds(14_400)
    /// Each interval varies by this share of itself.
    package static let jitter = 0.1

    package init() {}

    /// - Parameters:
    ///   - attempts: made so far, the failed one included.
    ///   - chance: 0 to 1.
    package func interval(afterAttempts attempts: Int, chance: Double) -> Duration {
        var interval = first
        for _ in 1..<max(1, min(attempts, 64)) where interval < maximum { interval = interval * 2 }
        return min(interval, maximum) * (1 + Self.jitter * (2 * chance - 1))
    }

    /// The next attempt, but not past the moment at which the recipient is given up.
    package func next(after now: Timestamp, attempts: Int, expiresAt: Timestamp, chance: Double) -> Timestamp {
        let interval = interval(afterAttempts: attempts, chance: chance).components
        let microseconds = interval.seconds * 1_000_000 + interval.attoseconds / 1_000_000_000_000
        return min(Timestamp(microseconds: now.microseconds + microseconds), max(expiresAt, now.adding(seconds: 1)))
    }
}
