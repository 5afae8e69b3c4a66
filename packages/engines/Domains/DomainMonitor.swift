import Logging
package import MailModel
package import MailPorts
import Metrics

/// Checks every verified domain on a schedule, keeps what it saw, and tells owners and their webhooks of changes.
///
/// Invariants: of all processes one at a time checks; an answer that did not come is no change, and is asked for again
/// at the next time.
package struct DomainMonitor: Sendable {
    package struct Schedule: Sendable {
        /// Time between two checks of a domain; each adds up to a tenth, so that they do not come together.
        package var intervalSeconds: Int64 = 21_600
        /// States of a domain that are kept.
        package var history = 100
        package var webhooks = WebhookLimits()
        package init() {}
    }

    static let task = "domain-dns"
    /// Longer than one check takes.
    static let leaseSeconds: Int64 = 120
    /// Domains looked at side by side.
    static let atOnce = 8
    /// Domains of one pass; the next one goes on.
    static let passLimit = 1_000

    private let checker: DomainChecker
    private let store: any DomainStore
    private let directory: any DirectoryStore
    private let notice: OwnerNotice
    private let schedule: Schedule
    private let logger: Logger

    init(
        checker: DomainChecker,
        store: any DomainStore,
        directory: any DirectoryStore,
        notice: OwnerNotice,
        schedule: Schedule,
        logger: Logger
    ) {
        self.checker = checker
        self.store = store
        self.directory = directory
        self.notice = notice
        self.schedule = schedule
        self.logger = logger
    }

    /// Checks a domain now and keeps what was seen; its owner is told nothing, as somebody is looking.
    package func check(_ name: String, now: Timestamp) async throws(StoreError) -> DomainReport {
        let report = try await checker.check(name, now: now)
        _ = try await note(report)
        return report
    }

    /// The newest state first.
    package func history(of name: String, limit: Int) async throws(StoreError) -> [DomainCheckRecord] {
        try await store.checks(of: name, limit: limit)
    }

    /// Checks what is due.
    ///
    /// - Returns: how many domains were checked; 0 when another process does it.
    package func pass(holder: String, clock: any WallClock) async throws(StoreError) -> Int {
        let lease = UpkeepLease(Self.task, in: store, holder: holder, seconds: Self.leaseSeconds, clock: clock)
        let checked = try await lease.during { () async throws(StoreError) in
            var checked = 0
            while checked < Self.passLimit, !Task.isCancelled, try await lease.holds() {
                let now = clock.now()
                let due = try await store.domainsToCheck(now: now, limit: Self.atOnce)
                guard !due.isEmpty else { break }
                await withDiscardingTaskGroup { group in
                    for name in due { group.addTask { await checkAndTell(name, now: now) } }
                }
                checked += due.count
            }
            return checked
        }
        for (status, count) in try await store.checkedDomains() {
            Gauge(label: "oonrumail_domain_dns", dimensions: [("state", status)]).record(count)
        }
        return checked ?? 0
    }

    private func checkAndTell(_ name: String, now: Timestamp) async {
        do throws(StoreError) {
            let report = try await checker.check(name, now: now)
            let before = try await note(report)
            if let before, report.status != .unreachable { try await tell(report, before: before) }
        } catch {
            Counter(label: "oonrumail_domain_check_failures_total").increment()
            logger.error("a domain's DNS was not checked", metadata: ["domain": "\(name)", "error": "\(error)"])
        }
    }

    /// Keeps the report.
    ///
    /// - Returns: the state before, when it was another one.
    private func note(_ report: DomainReport) async throws(StoreError) -> DomainCheckRecord? {
        let jitter = Int64.random(in: 0...max(1, schedule.intervalSeconds / 10))
        let id = WebhookEventBody.randomID()
        return try await store.noteCheck(
            DomainCheckRecord(
                name: report.domain,
                since: report.checkedAt,
                lastSeen: report.checkedAt,
                status: report.status.rawValue,
                fingerprint: report.fingerprint
            ),
            isCertain: !report.records.contains { $0.status == .unreachable },
            next: report.checkedAt.adding(seconds: schedule.intervalSeconds + jitter),
            keeping: schedule.history,
            // Whoever looked: programs are told of every change.
            telling: WebhookEvent(
                id: id,
                kind: WebhookEventBody.changeKind,
                giveUpSeconds: schedule.webhooks.giveUpSeconds,
                waiting: WebhookLimits.waiting,
                body: { WebhookEventBody.change(id, report, $0, before: $1) }
            )
        )
    }

    private func tell(_ report: DomainReport, before: DomainCheckRecord) async throws(StoreError) {
        Counter(label: "oonrumail_domain_dns_changes_total").increment()
        logger.notice(
            "a domain's DNS has changed",
            metadata: [
                "domain": "\(report.domain)", "before": "\(before.status)", "now": "\(report.status.rawValue)",
            ]
        )
        guard let domain = try await directory.domain(named: report.domain) else { return }
        try await notice.send(
            to: domain.organisation,
            subject: "DNS of \(report.domain): \(before.status) before, \(report.status.rawValue) now",
            text: Self.text(report),
            now: report.checkedAt
        )
    }

    private static func text(_ report: DomainReport) -> String {
        let wrong = report.records.filter { $0.status != .ok }
        guard !wrong.isEmpty else { return "All records of \(report.domain) are as they should be." }
        let lines = wrong.map { check in
            "\(check.record.name) \(check.record.kind.rawValue): \(check.status.rawValue)\n  \(check.advice)"
        }
        return "Records of \(report.domain) that are not as they should be:\n\n\(lines.joined(separator: "\n"))"
    }
}
