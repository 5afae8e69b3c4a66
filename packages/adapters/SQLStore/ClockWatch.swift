import Logging
import MailModel
import Metrics
import Synchronization

/// Tells the operator when this machine's clock and the database server's differ, once when it begins and once when it ends.
///
/// Leases go by the server's clock and are safe; dates of messages, tokens and rate windows go by this machine's.
final class ClockWatch: Sendable {
    /// Seconds that clocks may differ before anybody is told.
    static let tolerance = 5.0

    private let logger: Logger
    private let isApart = Mutex(false)
    private let offset = Gauge(label: "oonrumail_clock_offset_seconds")

    init(logger: Logger) { self.logger = logger }

    func compare(own: Timestamp, server: Timestamp) {
        let seconds = Double(own.microseconds - server.microseconds) / 1e6
        offset.record(seconds)
        let isFar = abs(seconds) > Self.tolerance
        let isNews = isApart.withLock { isApart in
            defer { isApart = isFar }
            return isApart != isFar
        }
        guard isNews else { return }
        if isFar {
            logger.warning(
                "the clock of this machine and the database server's differ: check both against a time server",
                metadata: ["ahead_seconds": "\(Int(seconds.rounded()))"]
            )
        } else {
            logger.notice("the clock of this machine agrees with the database server's again")
        }
    }
}
