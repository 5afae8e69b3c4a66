import Logging
package import MailModel
package import MailPorts

extension DomainLife {
    /// The right to do the upkeep; one process at a time has it.
    static let upkeepTask = "domains"
    /// Longer than one account's removal takes.
    static let leaseSeconds: Int64 = 300
    /// Deleted domains that one pass removes; the next pass goes on.
    static let purgedAtOnce = 100

    /// Removes deleted domains whose grace is over with all that they had, and claims that nobody proved in time.
    ///
    /// - Parameters:
    ///   - holder: names this process among those that share the database.
    ///   - clock: read before each step, as removals take their time.
    /// - Returns: how many domains and claims are gone; 0 when another process does it.
    package func upkeep(holder: String, clock: any WallClock) async throws(StoreError) -> Int {
        let lease = UpkeepLease(Self.upkeepTask, in: store, holder: holder, seconds: Self.leaseSeconds, clock: clock)
        return try await lease.during { () async throws(StoreError) in try await upkeep(lease, clock) } ?? 0
    }

    private func upkeep(_ lease: UpkeepLease, _ clock: any WallClock) async throws(StoreError) -> Int {
        var gone = 0
        for name in try await store.domainsToPurge(now: clock.now(), limit: Self.purgedAtOnce) {
            var isLeft = true
            while isLeft {
                let now = clock.now()
                guard !Task.isCancelled, try await lease.holds() else { return gone }
                let audit = event("domain.purge", name, nil, Actor("system"), now)
                isLeft = try await store.purgeStep(name, now: now, audit: audit)
            }
            gone += 1
            logger.notice("domain removed for good", metadata: ["domain": "\(name)"])
        }
        // As long again as they could be proved: the owner reads why the proof fails.
        let moment = clock.now().adding(seconds: -limits.challengeSeconds)
        let expired = event("domain.claim_expired", "", nil, Actor("system"), clock.now())
        return gone + (try await store.removeClaims(expiredBefore: moment, audit: expired))
            + (try await keepKeys(now: clock.now()))
    }
}
