import Logging
import MailModel
import MailPorts

/// What came of a write, for who looks at the domain and for the trail.
extension ZoneWriter {
    /// Keeps that the zone is as it should be, with the line of what was changed for it.
    func noteSuccess(
        _ plan: ZonePlan,
        _ member: ZoneMember,
        _ connection: ZoneConnection,
        _ actor: DomainLife.Actor,
        _ now: Timestamp
    ) async throws(ZoneWriteFault) {
        try await stored { () async throws(StoreError) in
            var state = ZoneState(nextAt: now.adding(seconds: limits.intervalSeconds))
            state.wanted = plan.wanted
            state.writtenAt = now
            let left = plan.conflicts.map { "\($0.name) \($0.kind.rawValue)" }
            if !left.isEmpty {
                state.fault = "Not written, because something else is there: \(left.joined(separator: ", "))."
            }
            var outcome = ZoneOutcome(member: member, state: state)
            outcome.confirmed = plan.change.additions + plan.found
            outcome.gone = plan.gone + plan.change.removals
            let isChanged = !plan.change.isEmpty || !plan.found.isEmpty
            let audit = AuditEvent(
                at: now,
                actor: actor.name,
                action: "zone.write",
                subject: member.domain,
                remote: actor.remote,
                detail: AuditDetail().adding("zone", connection.zone)
                    .changing(
                        "records",
                        from: Self.listed(plan.change.removals),
                        to: Self.listed(plan.change.additions + plan.found)
                    ).text
            )
            try await store.noteZone(outcome, at: now, audit: isChanged ? audit : nil)
            guard isChanged else { return }
            logger.notice(
                "records written",
                metadata: [
                    "domain": "\(member.domain)", "zone": "\(connection.zone)",
                    "added": "\(plan.change.additions.count)", "removed": "\(plan.change.removals.count)",
                ]
            )
        }
    }

    /// What was to be written was certainly not.
    func forget(
        _ intended: [ZoneRecord],
        _ member: ZoneMember,
        _ now: Timestamp
    ) async throws(ZoneWriteFault) {
        try await stored { () async throws(StoreError) in
            let before = try await store.writtenRecords(of: member).filter(\.isConfirmed)
            var outcome = ZoneOutcome(member: member)
            outcome.gone = intended.filter { one in !before.contains { $0.set == one.set && $0.value == one.value } }
            try await store.noteZone(outcome, at: now, audit: nil)
        }
    }

    /// Keeps the failure for who looks at the domain.
    func noteFault(_ fault: ZoneFault, _ member: ZoneMember, _ now: Timestamp) async throws(ZoneWriteFault) {
        try await stored { () async throws(StoreError) in
            var state = try await store.zoneState(of: member) ?? ZoneState(nextAt: now)
            state.fault = fault.advice
            state.failingSince = state.failingSince ?? now
            let wait = min(Self.longestRetry, limits.retrySeconds << min(16, state.failures))
            state.failures += 1
            state.nextAt = now.adding(seconds: wait)
            try await store.noteZone(ZoneOutcome(member: member, state: state), at: now, audit: nil)
        }
        logger.warning("records not written", metadata: ["domain": "\(member.domain)", "fault": "\(fault.word)"])
    }

    private static func listed(_ records: [ZoneRecord]) -> String? {
        guard !records.isEmpty else { return nil }
        let lines = records.prefix(auditedRecords).map { DomainLife.shown(ZonePlan.line($0), auditedOctets) }
        let more = records.count > auditedRecords ? ["and \(records.count - auditedRecords) more"] : []
        return (lines + more).joined(separator: "; ")
    }
}
