import MailPorts
import Telemetry

/// How writing goes.
struct ZoneStateDocument: Encodable {
    var writtenAt: String?
    var fault: String?
    var failingSince: String?
    var failures: Int
    var nextAt: String?

    init(_ state: ZoneState?) {
        writtenAt = state?.writtenAt.map { RFC3339.text($0) }
        fault = state?.fault
        failingSince = state?.failingSince.map { RFC3339.text($0) }
        failures = state?.failures ?? 0
        nextAt = state.map { RFC3339.text($0.nextAt) }
    }
}
