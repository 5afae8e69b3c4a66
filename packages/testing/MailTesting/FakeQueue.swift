package import MailModel
package import MailPorts
package import NIOCore
import Synchronization

/// The outbound queue in memory: leases with fences, as the stores have them.
package final class FakeQueue: QueueStore {
    private struct Row {
        var lease: QueueLease
        var dueAt: Timestamp
        var fence: Int64 = 0
        var isLeased = false
    }

    private struct State {
        /// One row for each recipient, its lease template with that recipient alone.
        var rows: [Row] = []
        var contents: [QueueID: ByteBuffer] = [:]
        var fence: Int64 = 0
        var finished: [QueueResult] = []
        var finishFailures: [StoreError] = []
        var readFailure: StoreError?
        var renewals = 0
        var claims: [QueueClaim] = []
        var leaseFailures: [StoreError] = []
        var renewalFailures: [StoreError] = []
    }

    private let state = Mutex(State())
    package init() {}

    /// Puts a message for recipients of one domain.
    package func put(_ lease: QueueLease, content: String = "", dueAt: Timestamp) {
        state.withLock { state in
            state.contents[lease.queueID] = ByteBuffer(string: content)
            for recipient in lease.recipients {
                var template = lease
                template.recipients = [recipient]
                state.rows.append(Row(lease: template, dueAt: dueAt))
            }
        }
    }

    /// The next calls of `finish` throw these, one each.
    package func failFinish(_ errors: [StoreError]) { state.withLock { $0.finishFailures = errors } }
    /// The next calls of `renew` throw these, one each.
    package func failRenewals(_ errors: [StoreError]) { state.withLock { $0.renewalFailures = errors } }
    /// The next calls of `lease` throw these, one each.
    package func failLeases(_ errors: [StoreError]) { state.withLock { $0.leaseFailures = errors } }
    package func failRead(_ error: StoreError?) { state.withLock { $0.readFailure = error } }
    /// Gives every lease to somebody else.
    package func steal() {
        state.withLock { state in
            state.fence += 1
            for index in state.rows.indices { state.rows[index].fence = state.fence }
        }
    }

    package var results: [QueueResult] { state.withLock { $0.finished } }
    package var renewals: Int { state.withLock { $0.renewals } }
    package var claims: [QueueClaim] { state.withLock { $0.claims } }
    /// What waits: canonical addresses and when they are due.
    package var waiting: [String: Timestamp] {
        state.withLock { state in
            Dictionary(state.rows.map { ($0.lease.recipients[0].address.canonical, $0.dueAt) }) { first, _ in first }
        }
    }

    // MARK: - Worker

    package func lease(_ claim: QueueClaim) async throws(StoreError) -> [QueueLease] {
        try state.withLock { state throws(StoreError) in
            state.claims.append(claim)
            if !state.leaseFailures.isEmpty { throw state.leaseFailures.removeFirst() }
            var leases: [QueueLease] = []
            for index in state.rows.indices where state.rows[index].dueAt <= claim.now {
                let row = state.rows[index]
                guard !claim.excluding.contains(row.lease.domain), claim.reclaims || !row.isLeased else { continue }
                if let at = leases.firstIndex(where: {
                    $0.queueID == row.lease.queueID && $0.domain == row.lease.domain
                }) {
                    leases[at].recipients += row.lease.recipients
                    state.rows[index].fence = leases[at].fence
                } else {
                    guard leases.count < claim.limit else { continue }
                    state.fence += 1
                    var lease = row.lease
                    lease.fence = state.fence
                    lease.leasedAt = claim.now
                    leases.append(lease)
                    state.rows[index].fence = state.fence
                }
                state.rows[index].isLeased = true
                state.rows[index].dueAt = claim.until
            }
            return leases
        }
    }

    package func bringForward(now: Timestamp, beyond horizon: Int64) async throws(StoreError) -> Int {
        state.withLock { state in
            let late = state.rows.indices.filter { state.rows[$0].dueAt > now.adding(seconds: horizon) }
            for index in late { state.rows[index].dueAt = now }
            return late.count
        }
    }

    package func renew(_ lease: QueueLease, now: Timestamp, until: Timestamp) async throws(StoreError) {
        let isHeld = try state.withLock { state throws(StoreError) in
            state.renewals += 1
            if !state.renewalFailures.isEmpty { throw state.renewalFailures.removeFirst() }
            var isHeld = false
            for index in state.rows.indices where state.rows[index].fence == lease.fence && state.rows[index].isLeased {
                state.rows[index].dueAt = until
                isHeld = true
            }
            return isHeld
        }
        guard isHeld else { throw .notFound }
    }

    package func finish(_ lease: QueueLease, _ result: QueueResult) async throws(StoreError) {
        let failure = state.withLock { state -> StoreError? in
            if !state.finishFailures.isEmpty { return state.finishFailures.removeFirst() }
            let owned = state.rows.filter { $0.fence == lease.fence && $0.isLeased }.map(\.lease.recipients[0].address)
            guard Set(owned) == Set(result.outcomes.map(\.address)) else { return .notFound }
            for outcome in result.outcomes {
                guard
                    let index = state.rows.firstIndex(where: {
                        $0.fence == lease.fence && $0.lease.recipients[0].address == outcome.address
                    })
                else { continue }
                switch outcome.result {
                case .delivered, .failed: state.rows.remove(at: index)
                case .deferred(let until):
                    state.rows[index].isLeased = false
                    state.rows[index].dueAt = until
                    state.rows[index].lease.recipients[0].attempts += 1
                }
            }
            state.finished.append(result)
            return nil
        }
        if let failure { throw failure }
    }

    package func read(_ id: QueueID, submitter: AccountID, range: Range<Int>) async throws(StoreError) -> ByteBuffer {
        let (content, failure) = state.withLock { ($0.contents[id], $0.readFailure) }
        if let failure { throw failure }
        guard let content else { throw .notFound }
        let clamped = range.clamped(to: 0..<content.readableBytes)
        return content.getSlice(at: clamped.lowerBound, length: clamped.count) ?? ByteBuffer()
    }

    package func nextDue() async throws(StoreError) -> Timestamp? { state.withLock { $0.rows.map(\.dueAt).min() } }
    package func depth() async throws(StoreError) -> Int { state.withLock { $0.rows.count } }

    // MARK: - Operator: not what this fake is for

    package func entries(after: QueueID?, limit: Int) async throws(StoreError) -> [QueueEntry] { [] }
    package func entry(_ id: QueueID) async throws(StoreError) -> (recipients: [QueueEntry], attempts: [QueueAttempt]) {
        throw .notFound
    }
    package func retryNow(
        _ selection: QueueSelection,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Int { 0 }
    package func hold(_ selection: QueueSelection, audit: AuditEvent) async throws(StoreError) -> Int { 0 }
    package func release(
        _ selection: QueueSelection,
        now: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Int { 0 }
    package func cancel(_ selection: QueueSelection, actor: String, now: Timestamp) async throws(StoreError) -> Int {
        0
    }
}
