package import MailModel
package import MailPorts
import Synchronization

/// Bans in memory.
package final class FakeBans: BanStore {
    private struct State {
        var rows: [Ban] = []
        var number: Int64 = 0
        var audit: [AuditEvent] = []
        var failure: StoreError?
    }

    private let state = Mutex(State())
    package init() {}

    package var audit: [AuditEvent] { state.withLock { $0.audit } }
    package var rows: [Ban] { state.withLock { $0.rows } }
    /// Everything later throws it; nil ends that.
    package func fail(with error: StoreError?) { state.withLock { $0.failure = error } }

    package func ban(
        _ order: AutomaticBan,
        audit: @escaping @Sendable (Ban) -> AuditEvent
    ) async throws(StoreError) -> AutomaticBanOutcome {
        try change { state throws(StoreError) in
            let known = state.rows.first { $0.network == order.network.masked }
            if let known, known.isInForce(at: order.at) { return .unnecessary }
            guard state.rows.count < order.limit else { return .full }
            let times = (known?.times ?? 0) + 1
            let until = order.at.adding(seconds: order.growth.seconds(of: times))
            let ban = Self.put(order.network, .ban, true, order.reason, order.at, until, times, Ban.platform, &state)
            state.audit.append(audit(ban))
            return .made(ban)
        }
    }

    package func putBan(_ order: ManualBan, audit: AuditEvent) async throws(StoreError) -> Ban {
        try change { state throws(StoreError) in
            guard state.rows.count < order.limit else { throw .refused("too many") }
            state.audit.append(audit)
            return Self.put(
                order.network,
                order.kind,
                false,
                order.reason,
                order.at,
                order.until,
                order.kind == .ban ? 1 : 0,
                order.madeBy,
                &state
            )
        }
    }

    package func liftBan(
        _ id: BanID,
        now: Timestamp,
        audit: @escaping @Sendable (Ban) -> AuditEvent
    ) async throws(StoreError) -> Ban {
        try change { state throws(StoreError) in
            guard let index = state.rows.firstIndex(where: { $0.id == id && $0.isInForce(at: now) }) else {
                throw .notFound
            }
            state.audit.append(audit(state.rows[index]))
            (state.rows[index].until, state.rows[index].times, state.rows[index].number) = (now, 0, state.number)
            return state.rows[index]
        }
    }

    package func ban(_ id: BanID) async throws(StoreError) -> Ban? {
        try change { state throws(StoreError) in state.rows.first { $0.id == id } }
    }

    package func bans(_ listing: BanListing) async throws(StoreError) -> [Ban] {
        try change { state throws(StoreError) in
            state.rows.filter { ban in
                (listing.kind.map { $0 == ban.kind } ?? true)
                    && (listing.state.map { ($0 == .inForce) == ban.isInForce(at: listing.now) } ?? true)
                    && (listing.covering.map { ban.network.contains($0) } ?? true)
            }
        }
    }

    package func banChanges(after number: Int64, limit: Int) async throws(StoreError) -> [Ban] {
        try change { state throws(StoreError) in
            Array(state.rows.filter { $0.number > number }.sorted { $0.number < $1.number }.prefix(limit))
        }
    }

    package func sweepBans(endedBefore time: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try change { state throws(StoreError) in
            let before = state.rows.count
            state.rows.removeAll { $0.until.map { $0 < time } ?? false }
            return before - state.rows.count
        }
    }

    private func change<Value: Sendable>(
        _ body: (inout State) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let outcome: Result<Value, StoreError> = state.withLock { state in
            if let failure = state.failure { return .failure(failure) }
            state.number += 1
            do throws(StoreError) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    private static func put(
        _ network: IPNetwork,
        _ kind: Ban.Kind,
        _ isAutomatic: Bool,
        _ reason: String,
        _ since: Timestamp,
        _ until: Timestamp?,
        _ times: Int,
        _ madeBy: String,
        _ state: inout State
    ) -> Ban {
        let known = state.rows.first { $0.network == network.masked }
        let ban = Ban(
            id: known?.id ?? BanID(state.number),
            network: network.masked,
            kind: kind,
            isAutomatic: isAutomatic,
            reason: reason,
            since: since,
            until: until,
            times: times,
            madeBy: madeBy,
            number: state.number
        )
        state.rows.removeAll { $0.id == ban.id }
        state.rows.append(ban)
        return ban
    }
}
