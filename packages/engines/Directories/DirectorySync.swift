import Logging
package import MailModel
package import MailPorts
import Metrics

/// Brings accounts to what directories have, at intervals and by hand.
///
/// Invariants: nobody is removed; no more than the connection's share is suspended in one run, and nobody after an empty answer;
/// only who was suspended by it is restored by it; of all processes one at a time runs a domain.
package struct DirectorySync: Sendable {
    /// What a run did or, without changes, would do.
    package struct Report: Sendable {
        package var run: DirectoryRun
        /// Addresses with what becomes of them, the first of many.
        package var lines: [(address: String, what: String)] = []
    }

    package static let mostLines = 200
    private static let task = "directories"
    /// Longer than one person takes; renewed on the way.
    private static let leaseSeconds: Int64 = 120
    private static let page = 500
    /// Domains of one pass; the next one goes on.
    private static let passLimit = 100
    static let reason = "not in the directory any more"

    private let service: DirectoryService
    private let upkeep: any DomainStore
    /// Tells the domain's owners, by organisation.
    private let tell:
        @Sendable (OrganisationID, _ subject: String, _ text: String, Timestamp) async throws(StoreError) -> Void
    private let logger = Logger(label: "directory")

    package init(
        service: DirectoryService,
        upkeep: any DomainStore,
        tell:
            @escaping @Sendable (OrganisationID, _ subject: String, _ text: String, Timestamp) async throws(StoreError)
            -> Void
    ) {
        (self.service, self.upkeep, self.tell) = (service, upkeep, tell)
    }

    /// Runs what is due.
    ///
    /// - Returns: how many domains were run; 0 when another process does it.
    package func pass(holder: String, clock: any WallClock) async throws(StoreError) -> Int {
        var done = 0
        for domain in try await service.store.directoriesToSync(now: clock.now(), limit: Self.passLimit) {
            guard !Task.isCancelled, let connection = try await service.store.directoryConnection(of: domain) else {
                continue
            }
            let before = try await service.store.directoryRun(of: domain)
            guard
                let report = try await run(connection, isDry: false, actor: "system", holder: holder, clock: clock)
            else { continue }
            done += 1
            // Once, and not each time again.
            if report.run.outcome != .done, report.run.outcome != before?.outcome {
                try await complain(connection, report.run)
            }
        }
        return done
    }

    /// - Returns: nil when another process runs the domain.
    package func run(
        _ connection: DirectoryConnection,
        isDry: Bool,
        actor: String,
        holder: String,
        clock: any WallClock
    ) async throws(StoreError) -> Report? {
        let lease = UpkeepLease(
            "\(Self.task):\(connection.domain)",
            in: upkeep,
            holder: holder,
            seconds: Self.leaseSeconds,
            clock: clock
        )
        return try await lease.during { () async throws(StoreError) in
            try await run(connection, isDry, actor, lease, clock)
        }
    }

    private func run(
        _ connection: DirectoryConnection,
        _ isDry: Bool,
        _ actor: String,
        _ lease: UpkeepLease,
        _ clock: any WallClock
    ) async throws(StoreError) -> Report {
        let start = clock.now()
        var report = Report(run: DirectoryRun(startedAt: start, endedAt: start, outcome: .done))
        do throws(DirectoryFault) {
            let open = try service.opened(connection)
            let (asking, limit) = (service.asking, service.limits.people)
            let entries = try await service.ask(connection, isForced: true, now: start) {
                () async throws(DirectoryFault) in
                try await asking.everyone(in: open, atMost: limit)
            }
            report.run.seen = Int64(entries.count)
            do throws(StoreError) {
                try await bring(entries, connection, isDry, actor, lease, clock, &report)
            } catch {
                throw .malformed("store")
            }
        } catch {
            report.run.outcome = .failed
            report.run.detail =
                error == .malformed("store") ? "The platform's own store failed on the way." : error.advice
            service.note(error, connection.domain)
        }
        report.run.endedAt = clock.now()
        if !isDry {
            let interval = service.limits.syncSeconds
            let next = start.adding(seconds: interval + Int64.random(in: 0...max(1, interval / 10)))
            try await service.store.noteDirectoryRun(report.run, of: connection.domain, next: next)
            Counter(
                label: "oonrumail_directory_syncs_total",
                dimensions: [("outcome", report.run.outcome.rawValue)]
            ).increment()
        }
        return report
    }

    // MARK: - Entries

    private func bring(
        _ entries: [DirectoryEntry],
        _ connection: DirectoryConnection,
        _ isDry: Bool,
        _ actor: String,
        _ lease: UpkeepLease,
        _ clock: any WallClock,
        _ report: inout Report
    ) async throws(StoreError) {
        var present: Set<AccountID> = []
        for (index, entry) in entries.enumerated() where !entry.isDisabled {
            if index % Self.page == Self.page - 1 { _ = try await lease.holds() }
            if Task.isCancelled { break }
            do throws(StoreError) {
                let admission: DirectoryAdmission?
                if isDry {
                    admission = try await service.store.preview(entry, by: connection, makes: connection.makesAccounts)
                } else {
                    let now = clock.now()
                    admission = try await service.admit(entry, connection, updates: true, actor: actor, now: now)
                }
                take(admission, entry, &present, &report)
            } catch .refused(let why) {
                // One that a limit keeps out is no reason to leave out the others.
                report.run.skipped += 1
                note(entry.address, "skipped: \(why)", &report)
            } catch {
                throw error
            }
        }
        guard !Task.isCancelled else {
            report.run.outcome = .failed
            report.run.detail = "The process stopped on the way."
            return
        }
        try await suspend(entries.isEmpty, present, connection, isDry, actor, clock, &report)
    }

    private func take(
        _ admission: DirectoryAdmission?,
        _ entry: DirectoryEntry,
        _ present: inout Set<AccountID>,
        _ report: inout Report
    ) {
        switch admission {
        case nil:
            report.run.made += 1
            note(entry.address, "made", &report)
        case .admitted(let account, let change)?:
            present.insert(account.id)
            switch change {
            case .made: report.run.made += 1
            case .changed: report.run.changed += 1
            case .restored: report.run.restored += 1
            case .unchanged: return
            }
            note(entry.address, change.rawValue, &report)
        case .noAccount?, .addressTaken?, .anotherPerson?, .otherDomain?, .roleAbove?, .suspended?, .connectionChanged?:
            report.run.skipped += 1
            note(entry.address, "skipped: \(admission?.code ?? "")", &report)
        }
    }

    private func note(_ address: EmailAddress, _ what: String, _ report: inout Report) {
        guard report.lines.count < Self.mostLines else { return }
        report.lines.append((address.canonical, what))
    }

    // MARK: - Who is gone

    private func suspend(
        _ isEmpty: Bool,
        _ present: Set<AccountID>,
        _ connection: DirectoryConnection,
        _ isDry: Bool,
        _ actor: String,
        _ clock: any WallClock,
        _ report: inout Report
    ) async throws(StoreError) {
        var gone: [DirectoryMember] = []
        var active = 0
        var after: AccountID?
        while true {
            let page = try await service.store.directoryMembers(of: connection.domain, after: after, limit: Self.page)
            active += page.count(where: \.isActive)
            gone += page.filter { $0.isActive && !present.contains($0.account) }
            guard page.count == Self.page, let last = page.last else { break }
            after = last.account
        }
        guard !gone.isEmpty else { return }
        let most = Self.mostSuspended(of: active, connection.mostSuspended)
        guard !isEmpty, gone.count <= most else {
            report.run.outcome = .held
            report.run.detail =
                isEmpty
                ? "The directory has nobody: nobody was suspended."
                : "\(gone.count) of \(active) people are not in the directory any more, and one run suspends \(most) at most: "
                    + "nobody was suspended."
            return
        }
        for member in gone {
            if !isDry {
                let audit = AuditEvent(
                    at: clock.now(),
                    actor: actor,
                    action: "account.suspend",
                    subject: member.address.canonical
                )
                let isDone = try await service.store.suspendMember(
                    member.account,
                    by: connection,
                    reason: Self.reason,
                    audit: audit
                )
                guard isDone else { continue }
            }
            report.run.suspended += 1
            note(member.address, "suspended", &report)
        }
    }

    /// The share of the active people, but one at least where the share is not 0.
    package static func mostSuspended(of active: Int, _ percent: Int) -> Int {
        percent == 0 ? 0 : max(1, active * percent / 100)
    }

    // MARK: - Owners

    private func complain(_ connection: DirectoryConnection, _ run: DirectoryRun) async throws(StoreError) {
        guard let domain = try await service.directory.domain(named: connection.domain) else { return }
        logger.warning(
            "a directory was not synchronised",
            metadata: ["domain": "\(connection.domain)", "outcome": "\(run.outcome.rawValue)"]
        )
        try await tell(
            domain.organisation,
            "The directory of \(connection.domain) was not synchronised",
            """
            People of \(connection.domain) come from a directory, and the last synchronisation did not do all of it:

            \(run.detail)

            Accounts stay as they are. The next run comes by itself; oonrumail directory test, or the page of the domain, tells more.
            """,
            run.endedAt
        )
    }
}
