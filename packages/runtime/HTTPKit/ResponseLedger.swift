import Synchronization

/// What is learnt on the way of one request: for the header of its answer, whatever the answer is, and for the audit trail.
final class ResponseLedger: Sendable {
    struct Limit: Sendable {
        var name: String
        var rate: RequestGate.Rate
        var count: RequestGate.Count
    }

    private struct State {
        var limits: [Limit] = []
        var principal: Int64?
        var acting: ActingCaller.Note?
    }

    private let state = Mutex(State())

    /// A limit of the same name counts once: a conditional change asks its route for what is there.
    func note(_ limit: Limit) { state.withLock { $0.limits.append(limit) } }
    func hasCounted(_ name: String) -> Bool { state.withLock { $0.limits.contains { $0.name == name } } }

    /// Whose request it is, once that is known.
    var principal: Int64? { state.withLock { $0.principal } }
    func note(principal: Int64) { state.withLock { $0.principal = principal } }

    /// What writes the request down, once it is known that somebody acts as another in it.
    var acting: ActingCaller.Note? { state.withLock { $0.acting } }
    func note(acting: @escaping ActingCaller.Note) { state.withLock { $0.acting = acting } }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10 §3, §4): lists of structured fields.
    var headers: [(name: String, value: String)] {
        let limits = state.withLock { $0.limits }
        guard !limits.isEmpty else { return [] }
        let policies = limits.map { "\"\($0.name)\";q=\($0.rate.limit);w=\($0.rate.windowSeconds)" }
        let counts = limits.map { "\"\($0.name)\";r=\($0.count.remaining);t=\($0.count.resetSeconds)" }
        return [
            ("RateLimit-Policy", policies.joined(separator: ", ")), ("RateLimit", counts.joined(separator: ", ")),
        ]
    }
}
