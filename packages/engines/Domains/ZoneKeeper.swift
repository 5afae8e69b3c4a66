package import Logging
package import MailModel
package import MailPorts
import Metrics

/// Writes records when they change, without anybody asking, for connections that are automatic.
///
/// Invariants: of all processes one at a time writes; what fails is tried again ever more rarely and owners are told once;
/// a claim is proved by its organisation's own connection or not at all, and by what DNS says in any case.
package struct ZoneKeeper: Sendable {
    static let task = "zones"
    /// Longer than one domain's look and write take.
    static let leaseSeconds: Int64 = 180
    /// Domains of one page when all are gone through.
    static let page = 200
    /// Domains that one pass asks servers for; the next one goes on with those that wait.
    static let passLimit = 500
    /// Organisations whose domains are gone through side by side.
    static let atOnce = 8
    /// Failures of one organisation in a pass before its other domains wait for the next: servers that do not answer take
    /// their time, and it is not the others'.
    static let mostFailures = 5
    /// Attempts that fail before owners are told.
    static let toldAfter = 3

    let writer: ZoneWriter
    private let upkeep: any DomainStore
    let notice: OwnerNotice
    private let logger: Logger
    private let actor = DomainLife.Actor("system")

    package init(
        writer: ZoneWriter,
        upkeep: any DomainStore,
        notice: OwnerNotice,
        logger: Logger = Logger(label: "zones")
    ) {
        self.writer = writer
        self.upkeep = upkeep
        self.notice = notice
        self.logger = logger
    }

    private var life: DomainLife { writer.life }
    var store: any ZoneStore { writer.store }

    /// Goes through all domains that a connection covers and does what is due.
    ///
    /// - Returns: how many domains' servers were asked; 0 when another process does it.
    package func pass(holder: String, clock: any WallClock) async throws(StoreError) -> Int {
        let lease = UpkeepLease(Self.task, in: upkeep, holder: holder, seconds: Self.leaseSeconds, clock: clock)
        let count = try await lease.during { () async throws(StoreError) in try await keepAll(lease, clock) }
        guard let count else { return 0 }
        Gauge(label: "oonrumail_zone_domains", dimensions: [("state", "failing")]).record(count.failing)
        Gauge(label: "oonrumail_zone_domains", dimensions: [("state", "kept")]).record(count.total - count.failing)
        return count.asked
    }

    private func keepAll(_ lease: UpkeepLease, _ clock: any WallClock) async throws(StoreError) -> Count {
        var all = Count()
        var failures: [OrganisationID: Int] = [:]
        var last: ZoneMember?
        while !Task.isCancelled {
            let members = try await store.zoneMembers(after: last, limit: Self.page)
            var rest = Dictionary(grouping: members, by: \.organisation).sorted { $0.key < $1.key }[...]
            while !rest.isEmpty, all.asked < Self.passLimit {
                let round = rest.prefix(Self.atOnce)
                rest = rest.dropFirst(Self.atOnce)
                for (organisation, count) in try await keep(round.map(\.value), failures, lease, clock) {
                    failures[organisation, default: 0] += count.failed
                    all.add(count)
                }
            }
            guard members.count == Self.page, all.asked < Self.passLimit, let end = members.last else { break }
            last = end
        }
        return all
    }

    private struct Count: Sendable {
        var total = 0
        /// Domains whose server was asked, and those of them for which that failed.
        var asked = 0
        var failed = 0
        /// With those whose time has not come again.
        var failing = 0

        mutating func add(_ other: Count) {
            total += other.total
            asked += other.asked
            failed += other.failed
            failing += other.failing
        }
    }

    /// Several organisations' domains side by side, each one's in turn.
    private func keep(
        _ groups: [[ZoneMember]],
        _ failures: [OrganisationID: Int],
        _ lease: UpkeepLease,
        _ clock: any WallClock
    ) async throws(StoreError) -> [(OrganisationID, Count)] {
        typealias Outcome = (OrganisationID, Result<Count, StoreError>)
        let outcomes = await withTaskGroup(of: Outcome?.self, returning: [Outcome].self) { group in
            for members in groups {
                group.addTask {
                    guard let first = members.first?.organisation else { return nil }
                    do throws(StoreError) {
                        return (first, .success(try await keep(members, failures[first] ?? 0, lease, clock)))
                    } catch {
                        return (first, .failure(error))
                    }
                }
            }
            var all: [Outcome] = []
            for await one in group { if let one { all.append(one) } }
            return all
        }
        var counts: [(OrganisationID, Count)] = []
        for (organisation, outcome) in outcomes { counts.append((organisation, try outcome.get())) }
        return counts
    }

    private func keep(
        _ members: [ZoneMember],
        _ before: Int,
        _ lease: UpkeepLease,
        _ clock: any WallClock
    ) async throws(StoreError) -> Count {
        var count = Count()
        for member in members where !Task.isCancelled {
            count.total += 1
            guard before + count.failed < Self.mostFailures else { continue }
            let now = clock.now()
            guard try await lease.holds() else { break }
            do throws(ZoneWriteFault) {
                switch try await keep(member, now) {
                case .nothing: ()
                case .waiting: count.failing += 1
                case .done: count.asked += 1
                }
            } catch {
                count.asked += 1
                if case .zone = error { (count.failed, count.failing) = (count.failed + 1, count.failing + 1) }
                try await noteFailure(error, member, now)
            }
        }
        return count
    }

    // MARK: - One domain

    private enum Kept {
        case nothing
        /// It has failed, and its time has not come again.
        case waiting
        case done
    }

    private func keep(_ member: ZoneMember, _ now: Timestamp) async throws(ZoneWriteFault) -> Kept {
        let connection = try await writer.connection(of: member)
        switch member.state {
        case .suspended: return .nothing
        case .deleted: guard connection.removesRecords else { return .nothing }
        case .pending, .active: guard connection.isAutomatic else { return .nothing }
        }
        let state = try await writer.stored { () async throws(StoreError) in try await store.zoneState(of: member) }
        if member.state == .active { try await rotate(member, now) }
        let wanted = ZoneWriter.fingerprint(try await writer.wish(member).wanted)
        let isNew = state.map { $0.wanted != wanted } ?? true
        // What fails waits for its time, whatever is wanted.
        if let state, now < state.nextAt, !isNew || state.failures > 0 {
            return state.failures > 0 ? .waiting : .nothing
        }
        try await write(member, connection, isNew, now)
        return .done
    }

    private func write(
        _ member: ZoneMember,
        _ connection: ZoneConnection,
        _ isNew: Bool,
        _ now: Timestamp
    ) async throws(ZoneWriteFault) {
        var plan = try await writer.plan(member, connection, [], now)
        // Nothing else is wanted than what was written: others have changed it.
        let drift = plan.steps.filter { $0.action == .add || $0.action == .replace }
        if !isNew, !drift.isEmpty, !connection.repairsDrift {
            return try await report(drift, member, plan, now)
        }
        do throws(ZoneWriteFault) {
            try await writer.apply(plan, member, connection, actor, now)
        } catch .zone(.changed) {
            plan = try await writer.plan(member, connection, [], now)
            try await writer.apply(plan, member, connection, actor, now)
        } catch {
            throw error
        }
        if member.state == .pending { try await prove(member, plan, now) }
    }

    /// Keeps in mind what others have changed; nothing is written.
    private func report(
        _ drift: [ZonePlan.Step],
        _ member: ZoneMember,
        _ plan: ZonePlan,
        _ now: Timestamp
    ) async throws(ZoneWriteFault) {
        let names = drift.prefix(ZonePlanner.shownValues).map { "\($0.name) \($0.kind.rawValue)" }
        try await writer.stored { () async throws(StoreError) in
            var state = try await store.zoneState(of: member) ?? ZoneState(nextAt: now)
            state.wanted = plan.wanted
            state.fault = "Changed at the server by others, and left so: \(names.joined(separator: ", "))."
            (state.failures, state.failingSince, state.isTold) = (0, nil, false)
            state.nextAt = now.adding(seconds: writer.limits.intervalSeconds)
            try await store.noteZone(ZoneOutcome(member: member, state: state), at: now, audit: nil)
        }
        Counter(label: "oonrumail_zone_writes_total", dimensions: [("outcome", "drift_reported")]).increment()
    }

    /// Looks for the challenge as for anybody's: by what DNS says, not by what was written.
    private func prove(_ member: ZoneMember, _ plan: ZonePlan, _ now: Timestamp) async throws(ZoneWriteFault) {
        var claimedAt = now
        do throws(DomainFault) {
            let claim = try await life.claim(on: member.domain, organisation: member.organisation)
            claimedAt = claim.createdAt
            _ = try await life.verify(claim, actor: actor, now: now)
            return
        } catch {
            // Not seen yet, or not to be had any more: it is looked for again, ever more rarely.
            let text = ZoneKeeper.sentence(error)
            let age = now.seconds - claimedAt.seconds
            try await writer.stored { () async throws(StoreError) in
                var state = try await store.zoneState(of: member) ?? ZoneState(nextAt: now)
                state.fault = text
                state.wanted = plan.wanted
                // No failure of writing: no mail is sent for it.
                state.nextAt = now.adding(seconds: min(ZoneWriter.longestRetry, max(writer.limits.retrySeconds, age)))
                try await store.noteZone(ZoneOutcome(member: member, state: state), at: now, audit: nil)
            }
        }
    }

    private static func sentence(_ fault: DomainFault) -> String {
        switch fault {
        case .conflict: "The domain is proved, but another organisation has it: an operator must decide."
        case .challengeExpired: "The challenge has expired: ask for another one."
        case .challengeMissing, .dnsUnavailable, .notFound, .ambiguous, .keyNotSeen, .store:
            "The challenge is written; the domain is verified when DNS shows it."
        }
    }

    /// Makes new keys where those that sign are too old: they are published, seen and used without anybody.
    private func rotate(_ member: ZoneMember, _ now: Timestamp) async throws(ZoneWriteFault) {
        guard life.limits.rotationSeconds > 0 else { return }
        let moment = now.adding(seconds: -life.limits.rotationSeconds)
        try await writer.stored { () async throws(StoreError) in
            let keys = try await life.keys(of: member.domain)
            for algorithm in DKIMKey.Algorithm.allCases {
                let own = keys.filter { $0.algorithm == algorithm }
                guard own.contains(where: { $0.state == .signing && $0.createdAt <= moment }),
                    !own.contains(where: { $0.state == .published || FixedSelector($0) != nil })
                else { continue }
                _ = try await life.rotate(member.domain, algorithm: algorithm, actor: actor, now: now)
            }
        }
    }
}
