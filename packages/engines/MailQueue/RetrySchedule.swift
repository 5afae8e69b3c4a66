package import MailModel

/// When a recipient is tried again (RFC 5321 §4.5.4.1).
///
/// Intervals double from the first to the longest. Each is varied a little by chance, so that what failed together does
/// not come back together.
package struct RetrySchedule: Hashable, Sendable {
    /// Between the first attempt and the second.
    package var first: Duration = .seconds(300)
    package var maximum: Duration = .seconds(14_400)
    /// Each interval varies by this share of itself.
    package static let jitter = 0.1

    package init() {}

    /// The interval after that many attempts (1 or more), before chance.
    package func interval(afterAttempts attempts: Int) -> Duration {
        let doublings = min(max(attempts, 1) - 1, 40)
        let grown = first.microseconds.multipliedReportingOverflow(by: 1 << Int64(doublings))
        return grown.overflow ? maximum : min(maximum, .microseconds(grown.partialValue))
    }

    /// The next attempt, but not past the moment at which the recipient is given up: the last one is made then.
    ///
    /// - Parameters:
    ///   - attempts: made so far, the failed one included.
    ///   - chance: 0 to 1.
    package func next(after now: Timestamp, attempts: Int, expiresAt: Timestamp, chance: Double) -> Timestamp {
        let interval = Double(interval(afterAttempts: attempts).microseconds) * (1 + Self.jitter * (2 * chance - 1))
        let next = Timestamp(microseconds: now.microseconds + max(1, Int64(interval)))
        return min(next, max(expiresAt, Timestamp(microseconds: now.microseconds + 1)))
    }
}

extension Duration {
    /// Whole microseconds, rounded towards zero.
    var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}

extension Timestamp {
    func adding(_ duration: Duration) -> Timestamp { Timestamp(microseconds: microseconds + duration.microseconds) }
}
