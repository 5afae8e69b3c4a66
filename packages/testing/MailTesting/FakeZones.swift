package import MailModel
package import MailPorts
import Synchronization

/// Connections and what was written, in memory.
package final class FakeZones: ZoneStore {
    private struct Key: Hashable {
        var organisation: OrganisationID
        var domain: String
        init(_ member: ZoneMember) { (organisation, domain) = (member.organisation, member.domain) }
    }
    private struct State {
        var connections: [ZoneConnection] = []
        var members: [ZoneMember] = []
        var written: [Key: [WrittenRecord]] = [:]
        var states: [Key: ZoneState] = [:]
        var audit: [AuditEvent] = []
    }
    private let state = Mutex(State())

    package init() {}

    package var audit: [AuditEvent] { state.withLock { $0.audit } }

    package func setMembers(_ members: [ZoneMember]) { state.withLock { $0.members = members } }

    package func zoneConnection(
        covering name: String,
        of organisation: OrganisationID
    ) async throws(StoreError) -> ZoneConnection? {
        state.withLock { state in
            state.connections.filter {
                $0.organisation == organisation
                    && (name == $0.zone || name.utf8.reversed().starts(with: ".\($0.zone)".utf8.reversed()))
            }.max { $0.zone.utf8.count < $1.zone.utf8.count }
        }
    }

    package func setZoneConnection(
        _ connection: ZoneConnection,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> ZoneConnection {
        state.withLock { state in
            var kept = connection
            kept.version += 1
            state.connections.removeAll { $0.organisation == kept.organisation && $0.zone == kept.zone }
            state.connections.append(kept)
            state.audit.append(audit)
            return kept
        }
    }

    package func removeZoneConnection(_ connection: ZoneConnection, audit: AuditEvent) async throws(StoreError) {
        state.withLock { state in
            state.connections.removeAll { $0.organisation == connection.organisation && $0.zone == connection.zone }
        }
    }

    package func zoneState(of member: ZoneMember) async throws(StoreError) -> ZoneState? {
        state.withLock { $0.states[Key(member)] }
    }

    package func writtenRecords(of member: ZoneMember) async throws(StoreError) -> [WrittenRecord] {
        state.withLock { $0.written[Key(member)] ?? [] }
    }

    package func intendRecords(
        _ records: [ZoneRecord],
        of member: ZoneMember,
        at now: Timestamp
    ) async throws(StoreError) {
        state.withLock { state in
            var known = state.written[Key(member)] ?? []
            for one in records where !known.contains(where: { $0.set == one.set && $0.value == one.value }) {
                known.append(WrittenRecord(set: one.set, value: one.value, at: now, isConfirmed: false))
            }
            state.written[Key(member)] = known
        }
    }

    package func noteZone(
        _ outcome: ZoneOutcome,
        at now: Timestamp,
        audit: AuditEvent?
    ) async throws(StoreError) {
        state.withLock { state in
            var known = state.written[Key(outcome.member)] ?? []
            known.removeAll { one in outcome.gone.contains { $0.set == one.set && $0.value == one.value } }
            for place in known.indices
            where outcome.confirmed.contains(where: { $0.set == known[place].set && $0.value == known[place].value }) {
                (known[place].isConfirmed, known[place].at) = (true, now)
            }
            state.written[Key(outcome.member)] = known
            if let kept = outcome.state { state.states[Key(outcome.member)] = kept }
            if let audit { state.audit.append(audit) }
        }
    }

    package func zoneMembers(after: ZoneMember?, limit: Int) async throws(StoreError) -> [ZoneMember] {
        after == nil ? state.withLock { $0.members } : []
    }
}

/// A name server with one zone, whose records tests see and change.
package final class FakeZoneServer: ZonePublishing {
    private struct State {
        var records: [ZoneRecord] = []
        var fault: ZoneFault?
        var changes: [ZoneChange] = []
        var servers: [ZoneServer] = []
        var next: (@Sendable () -> Void)?
    }
    private let state = Mutex(State())

    package init() {}

    package var records: [ZoneRecord] { state.withLock { $0.records } }
    /// Updates that were taken.
    package var changes: [ZoneChange] { state.withLock { $0.changes } }
    /// Who was asked, each time.
    package var servers: [ZoneServer] { state.withLock { $0.servers } }

    package func put(_ name: String, _ kind: DNSRecordKind, _ value: String) {
        state.withLock { $0.records.append(Self.kept(ZoneRecord(set: ZoneSet(name, kind), ttl: 300, value: value))) }
    }

    package func remove(_ name: String, _ kind: DNSRecordKind) {
        state.withLock { $0.records.removeAll { $0.set == ZoneSet(name, kind) } }
    }

    /// Every question and update from now on; nil ends it.
    package func fail(_ fault: ZoneFault?) { state.withLock { $0.fault = fault } }

    /// Done once, between the next look and the change that follows it.
    package func beforeChange(_ work: @escaping @Sendable () -> Void) { state.withLock { $0.next = work } }

    package func mayAsk(_ host: String) -> Bool { host != "10.0.0.1" }

    package func records(_ sets: [ZoneSet], at server: ZoneServer) async throws(ZoneFault) -> [[ZoneRecord]] {
        let (fault, records) = state.withLock { state in
            state.servers.append(server)
            return (state.fault, state.records)
        }
        if let fault { throw fault }
        return sets.map { set in
            let alias = records.filter { $0.set == ZoneSet(set.name, .cname) }
            return alias.isEmpty ? records.filter { $0.set == set } : alias
        }
    }

    package func apply(_ change: ZoneChange, at server: ZoneServer) async throws(ZoneFault) {
        state.withLock { state in
            let work = state.next
            state.next = nil
            return work
        }?()
        let fault = state.withLock { state -> ZoneFault? in
            if let fault = state.fault { return fault }
            let holds = change.requirements.allSatisfy { requirement in
                switch requirement {
                case .unused(let name): !state.records.contains { $0.set.name == name }
                case .absent(let set): !state.records.contains { $0.set == set }
                case .exactly(let set, let wanted):
                    Set(state.records.filter { $0.set == set }.map(\.data)) == Set(wanted.map(\.data))
                }
            }
            guard holds else { return .changed }
            state.records.removeAll { one in change.removals.contains { $0.set == one.set && $0.data == one.data } }
            state.records += change.additions.map(Self.kept)
            state.changes.append(change)
            return nil
        }
        if let fault { throw fault }
    }

    private static func kept(_ record: ZoneRecord) -> ZoneRecord {
        var record = record
        record.data = Array(record.value.utf8)
        return record
    }
}
