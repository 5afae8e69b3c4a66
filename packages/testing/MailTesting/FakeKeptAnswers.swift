package import MailModel
package import MailPorts
import Synchronization

/// Kept answers in memory.
package final class FakeKeptAnswers: KeptAnswerStore {
    private struct Row {
        var fingerprint: [UInt8]
        var ticket: [UInt8]
        var until: Timestamp
        var isDone = false
        var answer: [UInt8]?
    }

    private struct Name: Hashable {
        var account: AccountID
        var hash: [UInt8]
        init(_ key: KeptAnswerKey) { (account, hash) = (key.account, key.hash) }
    }

    private let rows = Mutex<[Name: Row]>([:])
    package init() {}

    /// What lies in the store, for who looks for secrets in it.
    package var octets: [UInt8] { rows.withLock { $0.values.flatMap { $0.answer ?? [] } } }

    package func beginAnswer(
        _ key: KeptAnswerKey,
        ticket: [UInt8],
        limits: KeptAnswerLimits,
        now: Timestamp
    ) async throws(StoreError) -> KeptAnswerOutcome {
        rows.withLock { rows in
            if let row = rows[Name(key)], row.until > now {
                guard row.fingerprint == key.fingerprint else { return .differs }
                return row.isDone ? .done(row.answer) : .running
            }
            let others = rows.keys.count { $0.account == key.account && $0 != Name(key) }
            guard others < limits.perAccount else { return .full }
            rows[Name(key)] = Row(
                fingerprint: key.fingerprint,
                ticket: ticket,
                until: now.adding(seconds: limits.runningSeconds)
            )
            return .begun
        }
    }

    package func keepAnswer(
        _ answer: [UInt8]?,
        of key: KeptAnswerKey,
        ticket: [UInt8],
        until: Timestamp
    ) async throws(StoreError) {
        rows.withLock { rows in
            guard var row = rows[Name(key)], row.ticket == ticket else { return }
            (row.answer, row.isDone, row.until) = (answer, true, until)
            rows[Name(key)] = row
        }
    }

    package func forgetAnswer(_ key: KeptAnswerKey, ticket: [UInt8]) async throws(StoreError) {
        rows.withLock { rows in
            if rows[Name(key)]?.ticket == ticket { rows[Name(key)] = nil }
        }
    }

    package func sweepAnswers(now: Timestamp, limit: Int) async throws(StoreError) -> Int {
        rows.withLock { rows in
            let over = rows.filter { $0.value.until <= now }.keys.prefix(limit)
            for name in over { rows[name] = nil }
            return over.count
        }
    }
}
