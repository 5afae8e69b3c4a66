package import MailModel

/// Whom an access token speaks for, by the number that rates are counted and answers kept under.
package protocol RequestPrincipal: Sendable {
    var principalID: Int64 { get }
}

/// What stands between a listener and its routes: rates, and answers that are kept for requests that are sent again.
package struct RequestGate: Sendable {
    /// How many requests a window of time takes.
    package struct Rate: Hashable, Sendable {
        package var limit: Int
        package var windowSeconds: Int
        package init(limit: Int, windowSeconds: Int) { (self.limit, self.windowSeconds) = (limit, windowSeconds) }
    }

    /// A window after one request was counted, or refused.
    package struct Count: Hashable, Sendable {
        package var isAllowed: Bool
        /// Requests that the window still takes.
        package var remaining: Int
        /// Seconds until it takes more.
        package var resetSeconds: Int
        package init(isAllowed: Bool, remaining: Int, resetSeconds: Int) {
            (self.isAllowed, self.remaining, self.resetSeconds) = (isAllowed, remaining, resetSeconds)
        }
    }

    /// Counts one request for a key, in counters that replicas share.
    package typealias Counter = @Sendable (_ key: String, _ rate: Rate) async -> Count

    /// Requests of one account, whichever session; nil: no limit.
    package var accountRate: Rate?
    /// Requests of one client's address (of its /64 for IPv6: `IPAddress.client`), signed in or not; nil: no limit.
    package var addressRate: Rate?
    /// Whose requests are not counted by address: front ends that many people come through.
    package var exempt: [IPNetwork] = []
    /// Seconds until a request of a client that is banned may come again; nil: it is let in.
    package var barrier: (@Sendable (_ remote: IPAddress, _ request: BarredRequest) -> Int?)?
    private let counter: Counter?
    /// nil: `Idempotency-Key` is ignored, and conditional changes take no turns.
    let answers: (any AnswerKeeping)?

    package init(counter: Counter? = nil, answers: (any AnswerKeeping)? = nil) {
        self.counter = counter
        self.answers = answers
    }

    /// What a barrier may look at.
    package struct BarredRequest: Sendable {
        package var method: String
        package var path: String
        /// The access token that comes with it, not verified.
        package var token: String?
    }

    /// Before everything else, from memory.
    func requireUnbarred(_ remote: IPAddress?, _ request: BarredRequest) throws(Problem) {
        guard let barrier, let remote, let seconds = barrier(remote, request) else { return }
        throw Problem(
            .networkBanned,
            detail: "Too much misuse came from your network; who is signed in stays so.",
            headers: ["Retry-After": "\(seconds)", "Connection": "close"]
        )
    }

    func countAddress(_ remote: IPAddress?, _ ledger: ResponseLedger) async throws(Problem) {
        guard let addressRate, let remote, !exempt.contains(where: { $0.contains(remote) }) else { return }
        try await count("address", "http.address:\(remote.client)", addressRate, ledger)
    }

    func countAccount(_ id: Int64, _ ledger: ResponseLedger) async throws(Problem) {
        guard let accountRate else { return }
        try await count("account", "http.account:\(id)", accountRate, ledger)
    }

    private func count(_ name: String, _ key: String, _ rate: Rate, _ ledger: ResponseLedger) async throws(Problem) {
        guard let counter, !ledger.hasCounted(name) else { return }
        let count = await counter(key, rate)
        ledger.note(ResponseLedger.Limit(name: name, rate: rate, count: count))
        guard count.isAllowed else {
            throw Problem(
                .tooManyRequests,
                detail: "This \(name) may ask \(rate.limit) times in \(rate.windowSeconds) seconds.",
                headers: ["Retry-After": "\(max(1, count.resetSeconds))"]
            )
        }
    }
}
