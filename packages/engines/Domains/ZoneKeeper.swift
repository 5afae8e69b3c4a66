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
    /// Attempts that fail before owners are told.
    static let toldAfter = 3

    private let writer: ZoneWriter
    private let upkeep: any DomainStore
    private let notice: OwnerNotice
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
    private var store: any ZoneStore { writer.store }

    /// Goes through all domains that a connection covers and does what is due.
    ///
    /// - Returns: how many domains' servers were asked; 0 when another process does it.
    package func pass(holder: String, clock: any WallClock) async throws(StoreError) -> Int {
        guard try await takes(holder, clock.now()) else { return 0 }
        var (asked, failing, total) = (0, 0, 0)
        var last: ZoneMember?
        while !Task.isCancelled {
            let members = try await store.zoneMembers(after: last, limit: Self.page)
            for member in members where !Task.isCancelled && asked < Self.passLimit {
                let now = clock.now()
                guard try await takes(holder, now) else { return asked }
                total += 1
                do throws(ZoneWriteFault) {
                    if try await keep(member, now) { asked += 1 }
                } catch {
                    asked += 1
                    failing += 1
                    try await noteFailure(error, member, now)
                }
            }
            guard members.count == Self.page, asked < Self.passLimit, let end = members.last else { break }
            last = end
        }
        Gauge(label: "oonrumail_zone_domains", dimensions: [("state", "failing")]).record(failing)
        Gauge(label: "oonrumail_zone_domains", dimensions: [("state", "kept")]).record(total - failing)
        return asked
    }

    private func takes(_ holder: String, _ now: Timestamp) async throws(StoreError) -> Bool {
        try await upkeep.takeUpkeep(
            Self.task,
            holder: holder,
            until: now.adding(seconds: Self.leaseSeconds),
            now: now
        )
    }

    // MARK: - One domain

    /// - Returns: whether anything was due.
    private func keep(_ member: ZoneMember, _ now: Timestamp) async throws(ZoneWriteFault) -> Bool {
        let connection = try await writer.connection(of: member)
        switch member.state {
        case .suspended: return false
        case .deleted: guard connection.removesRecords else { return false }
        case .pending, .active: guard connection.isAutomatic else { return false }
        }
        let state = try await writer.stored { () async throws(StoreError) in try await store.zoneState(of: member) }
        if member.state == .active { try await rotate(member, now) }
        let wanted = ZoneWriter.fingerprint(try await writer.wish(member).wanted)
        let isNew = state.map { $0.wanted != wanted } ?? true
        // What fails waits for its time, whatever is wanted.
        guard let state else { return try await write(member, connection, isNew, now) }
        guard now >= state.nextAt || (isNew && state.failures == 0) else { return false }
        return try await write(member, connection, isNew, now)
    }

    private func write(
        _ member: ZoneMember,
        _ connection: ZoneConnection,
        _ isNew: Bool,
        _ now: Timestamp
    ) async throws(ZoneWriteFault) -> Bool {
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
        return true
    }

    /// Keeps in mind what others have changed; nothing is written.
    private func report(
        _ drift: [ZonePlan.Step],
        _ member: ZoneMember,
        _ plan: ZonePlan,
        _ now: Timestamp
    ) async throws(ZoneWriteFault) -> Bool {
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
        return true
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

    // MARK: - Failures

    private func noteFailure(
        _ fault: ZoneWriteFault,
        _ member: ZoneMember,
        _ now: Timestamp
    ) async throws(StoreError) {
        switch fault {
        case .store(let error): throw error
        // Gone meanwhile, or changed by others: the next pass sees.
        case .notFound, .conflict, .stale, .tooMany, .objection: return
        case .zone(let fault):
            do throws(ZoneWriteFault) {
                try await writer.noteFault(fault, member, now)
            } catch {
                guard case .store(let error) = error else { return }
                throw error
            }
        }
        guard var state = try await store.zoneState(of: member), state.failures >= Self.toldAfter, !state.isTold else {
            return
        }
        try await notice.send(
            to: member.organisation,
            subject: "The DNS records of \(member.domain) cannot be written",
            text: """
                The platform tries to write the DNS records of \(member.domain) by itself, and cannot:

                \(state.fault ?? "")

                It goes on trying, ever more rarely. `GET /api/domains/\(member.domain)/dns/connection` shows how it goes,
                `POST /api/domains/\(member.domain)/dns/connection/check` tries it now.
                """,
            now: now
        )
        state.isTold = true
        try await store.noteZone(ZoneOutcome(member: member, state: state), at: now, audit: nil)
    }
}
