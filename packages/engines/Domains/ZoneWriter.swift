package import Logging
package import MailModel
package import MailPorts
import Metrics

/// Writes the records of domains where their zones are kept.
///
/// Invariants: a domain is written by a connection of its own organisation, whoever asks; what the plan does not name is not
/// touched, and the server makes all of a plan or nothing, and only while the zone is as it was seen.
package struct ZoneWriter: Sendable {
    package struct Limits: Sendable {
        /// Of records that are written.
        package var ttl = 3_600
        /// Time between two looks at what was written by itself.
        package var intervalSeconds: Int64 = 21_600
        /// Until a failed write is tried again; doubles.
        package var retrySeconds: Int64 = 60
        package init() {}
    }

    /// Times that a domain's server is asked in a minute, by people and programs.
    static let asksPerMinute = 30
    /// Plans that one write makes when the zone changes meanwhile.
    static let attempts = 3
    static let longestRetry: Int64 = 21_600
    /// Records of one kind in an audit line, and octets of each.
    static let auditedRecords = 50
    static let auditedOctets = 160

    let life: DomainLife
    package let store: any ZoneStore
    let publishing: any ZonePublishing
    let secrets: any SecretSealing
    let limiter: any RateLimiter
    let limits: Limits
    let logger: Logger

    package init(
        life: DomainLife,
        store: any ZoneStore,
        publishing: any ZonePublishing,
        secrets: any SecretSealing,
        limiter: any RateLimiter,
        limits: Limits = Limits(),
        logger: Logger = Logger(label: "zones")
    ) {
        self.life = life
        self.store = store
        self.publishing = publishing
        self.secrets = secrets
        self.limiter = limiter
        self.limits = limits
        self.logger = logger
    }

    package func connection(of member: ZoneMember) async throws(ZoneWriteFault) -> ZoneConnection {
        let found = try await stored { () async throws(StoreError) in
            try await store.zoneConnection(covering: member.domain, of: member.organisation)
        }
        guard let found else { throw .connection(.notFound) }
        return found
    }

    // MARK: - Plan

    /// What writing would change now; changes nothing.
    ///
    /// - Parameter replacing: steps by their names, of which somebody else's records are to be replaced.
    package func plan(
        _ member: ZoneMember,
        replacing: Set<String> = [],
        now: Timestamp
    ) async throws(ZoneWriteFault) -> ZonePlan {
        try await plan(member, try await connection(of: member), replacing, now)
    }

    func plan(
        _ member: ZoneMember,
        _ connection: ZoneConnection,
        _ replacing: Set<String>,
        _ now: Timestamp
    ) async throws(ZoneWriteFault) -> ZonePlan {
        let server = try server(connection)
        let wish = try await wish(member)
        let written = try await stored { () async throws(StoreError) in try await store.writtenRecords(of: member) }
        let sets = ZonePlanner.sets(wish.wanted, wish.kept, written)
        let found: [ZoneRecord]
        do throws(ZoneFault) {
            found = try await publishing.records(sets, at: server).flatMap(\.self)
        } catch {
            throw .zone(error)
        }
        var plan = ZonePlanner(
            zone: connection.zone,
            domain: member.domain,
            wanted: wish.wanted,
            kept: wish.kept,
            written: written,
            found: found,
            replacing: replacing,
            ttl: limits.ttl,
            now: now
        ).made()
        plan.wanted = Self.fingerprint(wish.wanted)
        return plan
    }

    func server(_ connection: ZoneConnection) throws(ZoneWriteFault) -> ZoneServer {
        guard let secret = secrets.open(connection.sealedSecret) else { throw .zone(.keyUnreadable) }
        return ZoneServer(
            zone: connection.zone,
            host: connection.host,
            port: connection.port,
            keyName: connection.keyName,
            algorithm: connection.algorithm,
            secret: secret
        )
    }

    /// What the zone is to have for the domain, and what may not go yet.
    func wish(
        _ member: ZoneMember
    ) async throws(ZoneWriteFault) -> (wanted: [DomainRecord], kept: [DomainRecord]) {
        switch member.state {
        case .pending:
            do throws(DomainFault) {
                let claim = try await life.claim(on: member.domain, organisation: member.organisation)
                let challenge = life.challenge(of: claim)
                let record = DomainRecord(
                    name: challenge.name,
                    kind: .txt,
                    purpose: .challenge,
                    value: challenge.text
                )
                return ([record], [])
            } catch {
                throw .connection(.notFound)
            }
        case .active, .suspended:
            return try await stored { () async throws(StoreError) in
                let wanted = try await life.service.records(of: member.domain)
                let retired = try await life.keys(of: member.domain).filter { $0.state == .retired }
                return (wanted, retired.map { DomainRecords.record(of: $0) })
            }
        case .deleted: return ([], [])
        }
    }

    // MARK: - Write

    /// Makes the changes of a plan.
    ///
    /// - Parameter id: that of the plan which was shown; `.stale` with the new one when it would be another by now. nil for
    ///   whatever is to be changed now.
    package func write(
        _ member: ZoneMember,
        plan id: String? = nil,
        replacing: Set<String> = [],
        actor: DomainLife.Actor,
        now: Timestamp
    ) async throws(ZoneWriteFault) -> ZonePlan {
        let connection = try await connection(of: member)
        var attempt = 1
        while true {
            let plan: ZonePlan
            do throws(ZoneWriteFault) {
                plan = try await self.plan(member, connection, replacing, now)
                if let id, id != plan.id { throw .stale(plan) }
                try await apply(plan, member, connection, actor, now)
                return plan
            } catch .zone(.changed) where attempt < Self.attempts {
                // Somebody was faster: the next plan sees what they have done, and is refused where another was shown.
                attempt += 1
            } catch {
                if case .zone(let fault) = error { try await noteFault(fault, member, now) }
                throw error
            }
        }
    }

    /// Writes what the plan says, and notes what came of it.
    func apply(
        _ plan: ZonePlan,
        _ member: ZoneMember,
        _ connection: ZoneConnection,
        _ actor: DomainLife.Actor,
        _ now: Timestamp
    ) async throws(ZoneWriteFault) {
        let change = plan.change
        if !change.isEmpty {
            let server = try server(connection)
            try await stored { () async throws(StoreError) in
                try await store.intendRecords(change.additions, of: member, at: now)
            }
            do throws(ZoneFault) {
                try await publishing.apply(change, at: server)
            } catch {
                Counter(label: "oonrumail_zone_writes_total", dimensions: [("outcome", error.word)]).increment()
                // Where nothing is known the note stays: what is there by then is ours.
                if error.isCertain { try await forget(change.additions, member, now) }
                throw .zone(error)
            }
            Counter(label: "oonrumail_zone_writes_total", dimensions: [("outcome", "written")]).increment()
        }
        try await noteSuccess(plan, member, connection, actor, now)
    }

    /// Another text where something else is wanted.
    static func fingerprint(_ wanted: [DomainRecord]) -> String {
        wanted.map { "\($0.name) \($0.kind.rawValue) \($0.value)" }.sorted().joined(separator: "\n")
    }

    /// Work of the store, with its errors as they are for a connection.
    func stored<Value>(
        _ work: () async throws(StoreError) -> Value
    ) async throws(ZoneWriteFault) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch {
            throw .connection(ConnectionFault(error))
        }
    }
}

package enum ZoneWriteFault: Error, Sendable {
    /// `.notFound`: none covers the domain, or there is no such domain.
    case connection(ConnectionFault)
    /// What was shown is not what would be written now.
    case stale(ZonePlan)
    case zone(ZoneFault)
}
