package import Logging
package import MailModel
package import MailPorts
import Metrics

/// Looks at the certificates of all names that the platform serves, and tells of their ends in time.
///
/// Invariants: of all processes one at a time looks and tells; an end is told of thirty and seven days before it and when it
/// has come, once each; where nobody answers, the certificate that was seen before is still the one that ends.
package struct CertificateWatch: Sendable {
    package struct Schedule: Sendable {
        /// Time between two looks at a certificate; each adds up to a tenth, so that they do not come together.
        package var intervalSeconds: Int64 = 21_600
        package init() {}
    }

    static let task = "certificates"
    /// Longer than the looks of one round take: four addresses, each with two minutes at the longest timeout that can be set.
    static let leaseSeconds: Int64 = 600
    /// Looked at side by side.
    static let atOnce = 8
    /// Looks of one pass; the next one goes on.
    static let passLimit = 2_000
    /// Names of one letter.
    static let newsLimit = 100

    let store: any CertificateStore
    let upkeep: any DomainStore
    let look: CertificateLook
    /// What is watched; domains join and leave by themselves.
    package let arrangement: CertificateArrangement
    let notice: OwnerNotice
    private let schedule: Schedule
    private let gauges = CertificateGauges()
    let logger: Logger

    package init(
        store: any CertificateStore,
        upkeep: any DomainStore,
        look: CertificateLook,
        arrangement: CertificateArrangement,
        notice: OwnerNotice,
        schedule: Schedule = Schedule(),
        logger: Logger = Logger(label: "certificates")
    ) {
        self.store = store
        self.upkeep = upkeep
        self.look = look
        self.arrangement = arrangement
        self.notice = notice
        self.schedule = schedule
        self.logger = logger
    }

    /// Looks at what is due and tells what there is to tell; shows the metrics in any case.
    ///
    /// - Returns: how many certificates were looked at; 0 when another process does it.
    package func pass(holder: String, clock: any WallClock) async throws(StoreError) -> Int {
        let lease = UpkeepLease(Self.task, in: upkeep, holder: holder, seconds: Self.leaseSeconds, clock: clock)
        let count = try await lease.during { () async throws(StoreError) in
            try await store.arrangeCertificates(arrangement)
            let count = try await lookAtDue(lease, clock)
            if !Task.isCancelled, try await lease.holds() { try await tell(now: clock.now()) }
            return count
        }
        let seen = try await store.certificatesByEnd(limit: CertificateGauges.shown)
        gauges.show(seen, counts: try await store.certificateCounts(), now: clock.now())
        return count ?? 0
    }

    /// Looks now, and keeps what was seen where the name is watched.
    package func check(_ watched: WatchedCertificate, now: Timestamp) async throws(StoreError) -> WatchedCertificate {
        var watched = watched
        let start = arrangement.start(at: watched.place)
        let sight = await look.look(at: watched.place, start: start, isOwn: watched.domain == nil, now: now)
        try await keep(sight, of: watched.place)
        watched.sight = sight
        return watched
    }

    /// As many at once as in a pass: servers that do not answer take their time side by side.
    ///
    /// - Returns: in the order given.
    package func check(
        _ places: [WatchedCertificate],
        now: Timestamp
    ) async throws(StoreError) -> [WatchedCertificate] {
        var seen: [WatchedCertificate] = []
        var rest = places[...]
        while !rest.isEmpty {
            let round = rest.prefix(Self.atOnce)
            rest = rest.dropFirst(Self.atOnce)
            let outcomes = await withTaskGroup(of: (Int, Result<WatchedCertificate, StoreError>).self) { group in
                for (index, place) in round.enumerated() {
                    group.addTask { (index, await outcome(of: place, now)) }
                }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            for index in 0..<round.count {
                if let outcome = outcomes[index] { seen.append(try outcome.get()) }
            }
        }
        return seen
    }

    private func outcome(
        of place: WatchedCertificate,
        _ now: Timestamp
    ) async -> Result<WatchedCertificate, StoreError> {
        do throws(StoreError) {
            return .success(try await check(place, now: now))
        } catch {
            return .failure(error)
        }
    }

    private func lookAtDue(_ lease: UpkeepLease, _ clock: any WallClock) async throws(StoreError) -> Int {
        var count = 0
        let start = clock.now()
        while count < Self.passLimit, !Task.isCancelled {
            let now = clock.now()
            guard try await lease.holds() else { break }
            // What is due anew meanwhile waits for the next pass: after this one comes the telling.
            let due = try await store.certificatesToCheck(now: start, limit: Self.atOnce)
            guard !due.isEmpty else { break }
            await withDiscardingTaskGroup { group in
                for one in due {
                    group.addTask {
                        do throws(StoreError) {
                            _ = try await check(one, now: now)
                        } catch {
                            Counter(label: "oonrumail_certificate_check_failures_total").increment()
                            logger.error(
                                "what was seen of a certificate was not kept",
                                metadata: ["name": "\(one.place)", "error": "\(error)"]
                            )
                        }
                    }
                }
            }
            count += due.count
        }
        return count
    }

    private func keep(_ sight: CertificateSight, of place: CertificatePlace) async throws(StoreError) {
        let jitter = Int64.random(in: 0...max(1, schedule.intervalSeconds / 10))
        do throws(StoreError) {
            try await store.noteCertificate(
                sight,
                at: place,
                next: sight.at.adding(seconds: schedule.intervalSeconds + jitter)
            )
        } catch .notFound {
            // Its domain has gone meanwhile, or somebody asked for a name that is not watched.
        }
    }
}
