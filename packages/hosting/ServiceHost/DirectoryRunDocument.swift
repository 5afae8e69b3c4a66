package import MailPorts
import Telemetry

/// A run of a synchronisation, as routes and commands show it.
package struct DirectoryRunDocument: Encodable, Sendable {
    package let startedAt: String
    package let endedAt: String
    package let outcome: String
    package let detail: String
    package let seen: Int64
    package let made: Int64
    package let changed: Int64
    package let suspended: Int64
    package let restored: Int64
    package let skipped: Int64

    package init(_ run: DirectoryRun) {
        (startedAt, endedAt) = (RFC3339.text(run.startedAt), RFC3339.text(run.endedAt))
        (outcome, detail) = (run.outcome.rawValue, run.detail)
        (seen, made, changed) = (run.seen, run.made, run.changed)
        (suspended, restored, skipped) = (run.suspended, run.restored, run.skipped)
    }
}
