package import MailModel
package import MailPorts
import Telemetry

/// A banned or exempt network, as routes and commands show it.
package struct BanDocument: Encodable, Sendable {
    package let id: Int64
    package let network: String
    package let kind: String
    package let state: String
    package let isAutomatic: Bool
    package let reason: String
    package let since: String
    /// nil where there is no end.
    package let until: String?
    package let times: Int
    package let madeBy: String

    /// - Parameter now: whether it is in force.
    package init(_ ban: Ban, at now: Timestamp) {
        id = ban.id.rawValue
        network = ban.network.description
        kind = ban.kind.rawValue
        state = (ban.isInForce(at: now) ? Ban.State.inForce : .over).rawValue
        isAutomatic = ban.isAutomatic
        reason = ban.reason
        since = RFC3339.text(ban.since)
        until = ban.until.map { RFC3339.text($0) }
        times = ban.times
        madeBy = ban.madeBy
    }
}
