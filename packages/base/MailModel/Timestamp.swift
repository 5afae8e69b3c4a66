/// A moment in UTC: whole microseconds since 1970-01-01, as every table keeps it.
package struct Timestamp: Hashable, Comparable, Sendable {
    package let microseconds: Int64
    package init(microseconds: Int64) { self.microseconds = microseconds }
    package init(seconds: Int64) { self.microseconds = seconds * 1_000_000 }

    /// Whole seconds, rounded towards the past.
    package var seconds: Int64 { microseconds >= 0 ? microseconds / 1_000_000 : (microseconds + 1) / 1_000_000 - 1 }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    package func adding(seconds: Int64) -> Timestamp { Timestamp(microseconds: microseconds + seconds * 1_000_000) }
}

/// Reads the time of day.
///
/// Machines take `now` as a parameter; engines take a clock; tests set it.
package protocol WallClock: Sendable {
    func now() -> Timestamp
}
