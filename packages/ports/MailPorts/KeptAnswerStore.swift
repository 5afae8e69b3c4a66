package import MailModel

/// A request that may be sent again, as the store knows it: by hashes.
package struct KeptAnswerKey: Hashable, Sendable {
    /// `.system` for turns that belong to nobody.
    package var account: AccountID
    /// SHA-256 of the name that the client gave.
    package var hash: [UInt8]
    /// SHA-256 of the request; another one under the same name is refused.
    package var fingerprint: [UInt8]
    package init(account: AccountID, hash: [UInt8], fingerprint: [UInt8]) {
        (self.account, self.hash, self.fingerprint) = (account, hash, fingerprint)
    }
}

package enum KeptAnswerOutcome: Equatable, Sendable {
    /// Nobody had begun it, or whoever had is taken for dead: the caller has it now.
    case begun
    case running
    case differs
    /// nil: its answer was not kept.
    case done([UInt8]?)
    /// The account has as many as it may.
    case full
}

package struct KeptAnswerLimits: Sendable {
    /// How long a request may run before another takes it for dead.
    package var runningSeconds: Int64 = 120
    /// How long an answer is kept.
    package var keepSeconds: Int64 = 86_400
    /// Requests of one account that are known at once.
    package var perAccount = 10_000
    package init() {}
}

/// Answers of requests that were done, for their being sent again; every replica sees them.
package protocol KeptAnswerStore: Sendable {
    /// Begins the request if it is new, in one transaction.
    ///
    /// - Parameter ticket: random, names the one who has it now.
    func beginAnswer(
        _ key: KeptAnswerKey,
        ticket: [UInt8],
        limits: KeptAnswerLimits,
        now: Timestamp
    ) async throws(StoreError) -> KeptAnswerOutcome
    /// Ends the running request with its answer (sealed by the caller); nothing when another has taken it over.
    ///
    /// - Parameter answer: nil: known as done, without the answer.
    func keepAnswer(
        _ answer: [UInt8]?,
        of key: KeptAnswerKey,
        ticket: [UInt8],
        until: Timestamp
    ) async throws(StoreError)
    /// Ends the running request as if it had not begun; nothing when another has taken it over.
    func forgetAnswer(_ key: KeptAnswerKey, ticket: [UInt8]) async throws(StoreError)
    /// Removes what is over, at most `limit` of them; how many.
    func sweepAnswers(now: Timestamp, limit: Int) async throws(StoreError) -> Int
}
