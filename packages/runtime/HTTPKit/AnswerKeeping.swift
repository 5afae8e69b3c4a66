/// Names a request that may be sent again.
package struct AnswerKey: Hashable, Sendable {
    package var principal: Int64
    /// SHA-256 of the client's `Idempotency-Key`.
    package var hash: [UInt8]
    /// SHA-256 of method, target and body.
    package var fingerprint: [UInt8]
    package init(principal: Int64, hash: [UInt8], fingerprint: [UInt8]) {
        (self.principal, self.hash, self.fingerprint) = (principal, hash, fingerprint)
    }
}

/// What is known of a request that came with an `Idempotency-Key`.
package enum AnswerClaim: Sendable {
    /// It is new, and running from now on; the ticket ends that.
    case begun(ticket: [UInt8])
    case running
    /// The key was used for another request.
    case differs
    /// It was done; nil: its answer was too large to keep, or cannot be read any more.
    case done(APIResponse?)
    /// The account keeps as many as it may.
    case full(retryAfterSeconds: Int)
}

/// Keeps the answers of requests that succeeded, for their being sent again; shared by replicas.
package protocol AnswerKeeping: Sendable {
    func begin(_ key: AnswerKey) async throws -> AnswerClaim
    /// Ends what `begin` began, with the answer to give from now on.
    func keep(_ answer: APIResponse, of key: AnswerKey, ticket: [UInt8]) async throws
    /// Ends what `begin` began, as if it had not been.
    func forget(_ key: AnswerKey, ticket: [UInt8]) async throws
    /// Runs the body while no other replica runs one of the same name; nil when the turn did not come in time.
    func inTurn<Value: Sendable>(_ name: [UInt8], _ body: @Sendable () async throws -> Value) async throws -> Value?
}
