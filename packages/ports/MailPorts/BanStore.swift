package import MailModel

package struct BanID: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int64
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
    package var description: String { "\(rawValue)" }
}

/// A network whose connections are refused, or one that is never refused.
package struct Ban: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable { case ban, exemption }
    /// Who makes automatic ones.
    package static let platform = "system"

    package enum State: String, CaseIterable, Sendable {
        case inForce = "in_force"
        case over
    }

    package var id: BanID
    /// By its first address.
    package var network: IPNetwork
    package var kind: Kind
    /// Made by the platform, not by a person.
    package var isAutomatic: Bool
    package var reason: String
    package var since: Timestamp
    /// nil: until somebody lifts it.
    package var until: Timestamp?
    /// How many times it was banned while it was remembered, this time among them.
    package var times: Int
    /// `system`, `cli`, or an account's address.
    package var madeBy: String
    /// Grows with every change of any; what processes read on from.
    package var number: Int64

    package init(
        id: BanID,
        network: IPNetwork,
        kind: Kind,
        isAutomatic: Bool,
        reason: String,
        since: Timestamp,
        until: Timestamp?,
        times: Int,
        madeBy: String,
        number: Int64
    ) {
        self.id = id
        self.network = network
        self.kind = kind
        self.isAutomatic = isAutomatic
        self.reason = reason
        self.since = since
        self.until = until
        self.times = times
        self.madeBy = madeBy
        self.number = number
    }

    package func isInForce(at now: Timestamp) -> Bool { until.map { $0 > now } ?? true }
}

/// How long bans of the platform last: each repeat longer than the one before, up to a bound.
package struct BanGrowth: Hashable, Sendable {
    package var firstSeconds: Int64 = 900
    /// How many times as long the next one is.
    package var factor: Int64 = 4
    /// Shorter than servers keep mail for (RFC 5321 §4.5.4.1: four to five days), so that none is lost.
    package var longestSeconds: Int64 = 259_200
    /// How long after its end a ban counts as an earlier one.
    package var memorySeconds: Int64 = 2_592_000
    package init() {}

    /// Of the `times`-th ban, 1 for the first.
    package func seconds(of times: Int) -> Int64 {
        var seconds = min(firstSeconds, longestSeconds)
        for _ in 1..<max(1, times) {
            guard seconds < longestSeconds, factor > 1 else { break }
            // Without overflow, whatever the settings are.
            seconds = seconds > longestSeconds / factor ? longestSeconds : seconds * factor
        }
        return seconds
    }
}

/// A ban that the platform makes by itself.
package struct AutomaticBan: Sendable {
    package var network: IPNetwork
    package var reason: String
    package var at: Timestamp
    package var growth: BanGrowth
    /// Rows of the platform's own bans, in force or remembered.
    package var limit: Int
    package init(network: IPNetwork, reason: String, at: Timestamp, growth: BanGrowth, limit: Int) {
        self.network = network
        self.reason = reason
        self.at = at
        self.growth = growth
        self.limit = limit
    }
}

package enum AutomaticBanOutcome: Equatable, Sendable {
    case made(Ban)
    /// The network is banned or exempt already.
    case unnecessary
    /// There are as many in force as may be.
    case full
}

/// A ban or an exemption that a person makes.
package struct ManualBan: Sendable {
    package var network: IPNetwork
    package var kind: Ban.Kind
    package var reason: String
    package var at: Timestamp
    package var until: Timestamp?
    package var madeBy: String
    /// Rows that people made and that are in force.
    package var limit: Int
    package init(
        network: IPNetwork,
        kind: Ban.Kind,
        reason: String,
        at: Timestamp,
        until: Timestamp?,
        madeBy: String,
        limit: Int
    ) {
        self.network = network
        self.kind = kind
        self.reason = reason
        self.at = at
        self.until = until
        self.madeBy = madeBy
        self.limit = limit
    }
}

/// What a list of bans is asked for.
package struct BanListing: Listing {
    package enum Sort: String, ListSort {
        case since
        /// Those without an end first.
        case until
        case network
        package var isNumber: Bool { self != .network }
    }

    package var kind: Ban.Kind?
    package var state: Ban.State?
    package var isAutomatic: Bool?
    /// Only those that the address is in.
    package var covering: IPAddress?
    /// A part of the network, of the reason or of who made it.
    package var text: String?
    package var now: Timestamp
    package var sort = Sort.since
    package var isDescending = true
    package var after: ListPosition?
    package var limit: Int
    package init(now: Timestamp, limit: Int) { (self.now, self.limit) = (now, limit) }
}

extension Ban: Listed {
    package func place(by sort: BanListing.Sort) -> ListPosition {
        switch sort {
        case .since: ListPosition(key: .number(since.microseconds), tie: id.rawValue)
        case .until: ListPosition(key: .number(until?.microseconds ?? 0), tie: id.rawValue)
        case .network: ListPosition(key: .text(network.description), tie: id.rawValue)
        }
    }
}

/// Bans and exemptions, one row a network, the same for every process.
///
/// Changes are numbered in the order in which they become visible; no row that is in force is ever deleted.
package protocol BanStore: Sendable {
    /// Bans a network for as long as its earlier bans say; takes the line of the audit trail for what came of it.
    func ban(
        _ order: AutomaticBan,
        audit: @escaping @Sendable (Ban) -> AuditEvent
    ) async throws(StoreError) -> AutomaticBanOutcome
    /// Puts a ban or an exemption in force in place of what the network has; `.refused` when there are too many.
    func putBan(_ order: ManualBan, audit: AuditEvent) async throws(StoreError) -> Ban
    /// Ends a ban or an exemption, and forgets how often the network was banned; `.notFound` when it is not in force.
    func liftBan(
        _ id: BanID,
        now: Timestamp,
        audit: @escaping @Sendable (Ban) -> AuditEvent
    ) async throws(StoreError) -> Ban
    func ban(_ id: BanID) async throws(StoreError) -> Ban?
    func bans(_ listing: BanListing) async throws(StoreError) -> [Ban]
    /// What has changed behind the number, in order.
    func banChanges(after number: Int64, limit: Int) async throws(StoreError) -> [Ban]
    /// Deletes up to `limit` rows that ended before; gives how many.
    func sweepBans(endedBefore time: Timestamp, limit: Int) async throws(StoreError) -> Int
}
