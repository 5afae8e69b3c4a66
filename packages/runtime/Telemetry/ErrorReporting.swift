package import Logging
package import MailModel

/// A log event of level error or above, for a service that gathers them.
package struct ErrorReport: Sendable {
    package var at: Timestamp
    package var level: Logger.Level
    /// The logger that it came from.
    package var label: String
    package var message: String
    /// Metadata as text; not yet scrubbed.
    package var fields: [String: String]

    package init(at: Timestamp, level: Logger.Level, label: String, message: String, fields: [String: String]) {
        self.at = at
        self.level = level
        self.label = label
        self.message = message
        self.fields = fields
    }
}

/// Takes errors to where people gather them; called on any thread, never waits, never throws.
package protocol ErrorReporting: Sendable {
    func report(_ error: ErrorReport)
}
