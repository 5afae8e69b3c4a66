import MailModel
import MailPorts

/// What becomes of a write that failed.
extension ZoneKeeper {
    /// Keeps the fault where the domain's managers see it, and tells owners once it has come again and again.
    func noteFailure(
        _ fault: ZoneWriteFault,
        _ member: ZoneMember,
        _ now: Timestamp
    ) async throws(StoreError) {
        switch fault {
        case .connection(.store(let error)): throw error
        // Gone meanwhile, or changed by others: the next pass sees.
        case .connection, .stale: return
        case .zone(let fault):
            do throws(ZoneWriteFault) {
                try await writer.noteFault(fault, member, now)
            } catch {
                guard case .connection(.store(let error)) = error else { return }
                throw error
            }
        }
        guard var state = try await store.zoneState(of: member), state.failures >= Self.toldAfter, !state.isTold else {
            return
        }
        try await notice.send(
            to: member.organisation,
            subject: "The DNS records of \(member.domain) cannot be written",
            text: """
                The platform tries to write the DNS records of \(member.domain) by itself, and cannot:

                \(state.fault ?? "")

                It goes on trying, ever more rarely. `GET /api/domains/\(member.domain)/dns/connection` shows how it goes,
                `POST /api/domains/\(member.domain)/dns/connection/check` tries it now.
                """,
            now: now
        )
        state.isTold = true
        try await store.noteZone(ZoneOutcome(member: member, state: state), at: now, audit: nil)
    }
}
