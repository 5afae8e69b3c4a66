package import MailModel
package import MailPorts
import Metrics

/// What went through domains, day by day: counted from the trace at intervals, and read.
///
/// Of all processes one at a time counts; each step is bounded and a transaction of its own, so that a process that dies leaves
/// the rest to the next one.
package struct DomainStatistics: Sendable {
    static let task = "statistics"
    /// Longer than most steps take; two that overlap count nothing twice, one of them is for nothing.
    static let leaseSeconds: Int64 = 20
    /// Trace events of one step: some milliseconds of a writer.
    static let eventsAtOnce = 2_000
    /// Rows that go in one transaction.
    static let rowsAtOnce = 1_000

    private let store: any StatisticsStore
    private let upkeep: any DomainStore
    private let keptDays: Int64

    /// - Parameter keptDays: days that counts are kept beside the present one.
    package init(store: any StatisticsStore, upkeep: any DomainStore, keptDays: Int64) {
        (self.store, self.upkeep, self.keptDays) = (store, upkeep, keptDays)
    }

    // MARK: - Counting

    /// Counts what there is to count, and removes what was kept long enough.
    ///
    /// - Returns: how many events were counted; 0 when another process does it.
    package func pass(holder: String, clock: any WallClock) async throws(StoreError) -> Int {
        let lease = UpkeepLease(Self.task, in: upkeep, holder: holder, seconds: Self.leaseSeconds, clock: clock)
        let count = try await lease.during { () async throws(StoreError) in try await countAll(lease, clock) }
        try await showLag(clock.now())
        return count ?? 0
    }

    private func countAll(_ lease: UpkeepLease, _ clock: any WallClock) async throws(StoreError) -> Int {
        var count = 0
        while !Task.isCancelled, try await lease.holds() {
            let step = try await store.countEvents(limit: Self.eventsAtOnce, now: clock.now())
            count += step.events
            guard step.isLast else { continue }
            while !Task.isCancelled, try await lease.holds() {
                let first = CalendarDay(clock.now()).adding(days: -keptDays)
                guard try await store.removeCounts(before: first, limit: Self.rowsAtOnce) == Self.rowsAtOnce else {
                    break
                }
            }
            break
        }
        return count
    }

    /// Every process shows it, whoever counts.
    private func showLag(_ now: Timestamp) async throws(StoreError) {
        let oldest = try await store.oldestUncounted()
        let lag = oldest.map { max(0, now.seconds - $0.seconds) } ?? 0
        Gauge(label: "oonrumail_statistics_lag_seconds").record(lag)
    }

    // MARK: - Reading

    /// Every day of the period with its counts, and their sum.
    package func report(
        ofDomain name: String,
        _ period: StatisticsPeriod
    ) async throws(StoreError) -> StatisticsReport {
        let found = try await store.counts(ofDomain: name, period)
        var total = MailCounts()
        for counts in found.values { total += counts }
        return StatisticsReport(
            domain: name,
            period: period,
            days: period.days.map { ($0, found[$0] ?? MailCounts()) },
            total: total
        )
    }
}

/// Why dates make no period; each is the fault of who asked (permanent).
package enum StatisticsFault: Error, Equatable, Sendable {
    /// The name says which of the two it is.
    case noDate(String)
    case endsBeforeItBegins
    case tooLong

    /// A sentence for whoever asked.
    package var text: String {
        switch self {
        case .noDate(let name): "\(name) takes a date such as 2026-11-25, from 1970 on"
        case .endsBeforeItBegins: "since must not be after until"
        case .tooLong: "a period has at most \(StatisticsPeriod.longest) days"
        }
    }
}

extension StatisticsPeriod {
    /// Days of a period that says nothing of its beginning.
    package static let standard: Int64 = 30

    /// Reads what a query or a command says; the last thirty days by default.
    package init(since: String?, until: String?, now: Timestamp) throws(StatisticsFault) {
        let end = try until.map { text throws(StatisticsFault) in try Self.day(text, "until") } ?? CalendarDay(now)
        let begin =
            try since.map { text throws(StatisticsFault) in try Self.day(text, "since") }
            ?? end.adding(days: 1 - Self.standard)
        guard begin <= end else { throw .endsBeforeItBegins }
        guard let period = StatisticsPeriod(since: begin, until: end) else { throw .tooLong }
        self = period
    }

    private static func day(_ text: String, _ name: String) throws(StatisticsFault) -> CalendarDay {
        guard let day = CalendarDay(dashed: text) else { throw .noDate(name) }
        return day
    }
}
