package import Logging
package import MailModel
package import MailPorts
import Metrics

/// Removes deleted accounts for good once their grace is over.
package struct PeopleUpkeep: Sendable {
    /// The right to do it; one process at a time has it.
    static let task = "accounts"
    /// Longer than one account's removal takes.
    static let leaseSeconds: Int64 = 300
    /// Accounts that one pass removes; the next pass goes on.
    static let purgedAtOnce = 100

    private let store: any PeopleStore
    private let leases: any DomainStore
    private let logger: Logger

    package init(
        store: any PeopleStore,
        leases: any DomainStore,
        logger: Logger = Logger(label: "accounts")
    ) {
        self.store = store
        self.leases = leases
        self.logger = logger
    }

    /// - Parameters:
    ///   - holder: names this process among those that share the database.
    ///   - clock: read before each removal, as they take their time.
    /// - Returns: how many accounts are gone; 0 when another process does it.
    package func pass(holder: String, clock: any WallClock) async throws(StoreError) -> Int {
        let lease = UpkeepLease(Self.task, in: leases, holder: holder, seconds: Self.leaseSeconds, clock: clock)
        return try await lease.during { () async throws(StoreError) in try await purge(lease, clock) } ?? 0
    }

    private func purge(_ lease: UpkeepLease, _ clock: any WallClock) async throws(StoreError) -> Int {
        var gone = 0
        for id in try await store.accountsToPurge(now: clock.now(), limit: Self.purgedAtOnce) {
            let now = clock.now()
            guard !Task.isCancelled, try await lease.holds() else { return gone }
            let audit = PeopleActor.system.event("account.purge", "", now)
            guard try await store.purgeAccount(id, now: now, audit: audit) else { continue }
            gone += 1
            logger.notice("account removed for good", metadata: ["account": "\(id)"])
        }
        Counter(label: "oonrumail_accounts_removed_total").increment(by: gone)
        return gone
    }
}
