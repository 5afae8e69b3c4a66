package struct WebhookLimits: Sendable {
    /// How long an event is tried.
    package var giveUpSeconds: Int64 = 86_400
    /// Before the second attempt; each further one waits three times as long, up to `longestWait`.
    package var firstWait: Int64 = 10_000_000
    /// Microseconds.
    package static let longestWait: Int64 = 3_600_000_000
    /// Events of one organisation that wait at once.
    package static let waiting = 10_000
    /// Events of one organisation that are kept when they are over.
    package static let history = 100
    /// Events that one process sends side by side; of each organisation one.
    package static let atOnce = 16
    /// Longer than one attempt takes; after the death of a process its events are sent by others then.
    package var leaseSeconds: Int64 = 35
    /// How long the secret before signs beside a new one.
    package static let overlapSeconds: Int64 = 86_400
    /// Tests that an organisation may send in a minute.
    package static let testsPerMinute = 10
    package init() {}
}
