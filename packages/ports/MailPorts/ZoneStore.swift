package import MailModel

/// How an organisation's zone is written: for each of its domains that is the zone's name or below it.
package struct ZoneConnection: Hashable, Sendable {
    package var organisation: OrganisationID
    /// Lower case, without the final dot.
    package var zone: String
    package var host: String
    package var port: UInt16
    package var keyName: String
    package var algorithm: ZoneKeyAlgorithm
    /// Sealed with the master key.
    package var sealedSecret: [UInt8]
    /// Records are written when they change, without anybody asking.
    package var isAutomatic = false
    /// What others change at the server is set right again; otherwise it is told only.
    package var repairsDrift = true
    /// Of deleted domains the records that were written here go.
    package var removesRecords = false
    /// 0 before it is kept.
    package var version: Int64 = 0
    package var changedAt: Timestamp?

    package init(
        organisation: OrganisationID,
        zone: String,
        host: String,
        port: UInt16,
        keyName: String,
        algorithm: ZoneKeyAlgorithm,
        sealedSecret: [UInt8]
    ) {
        self.organisation = organisation
        self.zone = zone
        self.host = host
        self.port = port
        self.keyName = keyName
        self.algorithm = algorithm
        self.sealedSecret = sealedSecret
    }
}

/// A domain of an organisation, hosted or claimed: what one organisation writes is nothing to another.
package struct ZoneMember: Hashable, Sendable {
    package enum State: String, Sendable {
        case pending
        case active, suspended, deleted
    }
    package var organisation: OrganisationID
    package var domain: String
    package var state: State
    package init(organisation: OrganisationID, domain: String, state: State) {
        (self.organisation, self.domain, self.state) = (organisation, domain, state)
    }
}

/// A record that was written here, or was about to be when nothing more was heard.
package struct WrittenRecord: Hashable, Sendable {
    package var set: ZoneSet
    package var value: String
    package var at: Timestamp
    /// Whether the server has said that it has it.
    package var isConfirmed: Bool
    package init(set: ZoneSet, value: String, at: Timestamp, isConfirmed: Bool) {
        (self.set, self.value, self.at, self.isConfirmed) = (set, value, at, isConfirmed)
    }
}

/// How the writing of a domain's records goes.
package struct ZoneState: Hashable, Sendable {
    /// What was wanted when it was written last.
    package var wanted = ""
    package var writtenAt: Timestamp?
    /// A sentence for the owner; nil when all is well.
    package var fault: String?
    package var failingSince: Timestamp?
    /// Attempts that failed one after the other.
    package var failures = 0
    package var nextAt: Timestamp
    /// Owners have been told of the failure.
    package var isTold = false
    package init(nextAt: Timestamp) { self.nextAt = nextAt }
}

/// What came of a write.
package struct ZoneOutcome: Sendable {
    package var member: ZoneMember
    package var confirmed: [ZoneRecord] = []
    /// Records that are gone, or never came.
    package var gone: [ZoneRecord] = []
    /// nil leaves it as it is.
    package var state: ZoneState?
    package init(member: ZoneMember, state: ZoneState? = nil) { (self.member, self.state) = (member, state) }
}

/// Connections with name servers, and what was written by them.
///
/// Audit events are written in the transaction of what they tell of.
package protocol ZoneStore: Sendable {
    /// That of the longest zone of the organisation which the name is in.
    func zoneConnection(
        covering name: String,
        of organisation: OrganisationID
    ) async throws(StoreError) -> ZoneConnection?
    /// Keeps a connection; its version is made here. What has failed is tried again at once.
    ///
    /// - Throws: `.alreadyExists` when the version in force is not `expected`.
    func setZoneConnection(
        _ connection: ZoneConnection,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> ZoneConnection
    /// Records stay where they are; `.notFound` when there is none.
    func removeZoneConnection(_ connection: ZoneConnection, audit: AuditEvent) async throws(StoreError)

    func zoneState(of member: ZoneMember) async throws(StoreError) -> ZoneState?
    func writtenRecords(of member: ZoneMember) async throws(StoreError) -> [WrittenRecord]
    /// Notes what is about to be written: whoever dies meanwhile leaves the knowledge that it is ours.
    func intendRecords(_ records: [ZoneRecord], of member: ZoneMember, at now: Timestamp) async throws(StoreError)
    func noteZone(_ outcome: ZoneOutcome, at now: Timestamp, audit: AuditEvent?) async throws(StoreError)

    /// Domains and claims that a connection covers which does something by itself, by organisation and name.
    func zoneMembers(after: ZoneMember?, limit: Int) async throws(StoreError) -> [ZoneMember]
}
