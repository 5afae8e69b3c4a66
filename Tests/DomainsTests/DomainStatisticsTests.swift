import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@testable import Domains

@Suite struct DomainStatisticsTests {
    private let store = FakeStatistics()
    private let directory = FakeDirectory()
    private let clock = ManualClock()
    private var today: CalendarDay { CalendarDay(clock.now()) }

    private func statistics(keptDays: Int64 = 400) -> DomainStatistics {
        DomainStatistics(store: store, upkeep: directory, keptDays: keptDays)
    }

    private func event(_ kind: TraceEvent.Kind, ago seconds: Int64 = 0) -> TraceEvent {
        TraceEvent(
            at: clock.now().adding(seconds: -seconds),
            kind: kind,
            queueID: QueueID(rawValue: "q"),
            sender: "",
            recipient: "ann@shop.test",
            detail: ""
        )
    }

    @Test func `a pass counts in bounded steps until nothing is left`() async throws {
        let events = DomainStatistics.eventsAtOnce * 2 + 1
        store.wait((0..<events).map { _ in event(.delivered) })
        #expect(try await statistics().pass(holder: "a", clock: clock) == events)
        #expect(store.limits == [Int](repeating: DomainStatistics.eventsAtOnce, count: 3))
        let period = try StatisticsPeriod(since: nil, until: nil, now: clock.now())
        #expect(try await statistics().report(ofDomain: "shop.test", period).total[.received] == Int64(events))
    }

    @Test func `another process does nothing meanwhile`() async throws {
        store.wait([event(.delivered)])
        let until = clock.now().adding(seconds: 60)
        #expect(try await directory.takeUpkeep("statistics", holder: "b", until: until, now: clock.now()))
        #expect(try await statistics().pass(holder: "a", clock: clock) == 0)
        #expect(store.limits.isEmpty)
    }

    @Test func `days are kept as long as they are to be`() async throws {
        var one = MailCounts()
        one[.sent] = 1
        for ago: Int64 in [0, 9, 10, 11] { store.put(one, of: "shop.test", on: today.adding(days: -ago)) }
        _ = try await statistics(keptDays: 10).pass(holder: "a", clock: clock)
        let period = try StatisticsPeriod(since: nil, until: nil, now: clock.now())
        #expect(try await statistics().report(ofDomain: "shop.test", period).total[.sent] == 3)
    }

    @Test func `a report has every day, and their sum`() async throws {
        var counts = MailCounts()
        (counts[.received], counts[.bounced]) = (3, 1)
        for ago: Int64 in [0, 2, 3] { store.put(counts, of: "shop.test", on: today.adding(days: -ago)) }
        let since = today.adding(days: -2).dashed
        let period = try StatisticsPeriod(since: since, until: nil, now: clock.now())
        let report = try await statistics().report(ofDomain: "shop.test", period)
        #expect(report.days.map(\.day) == [today.adding(days: -2), today.adding(days: -1), today])
        #expect(report.days.map(\.counts[.received]) == [3, 0, 3])
        #expect(report.total[.received] == 6 && report.total[.bounced] == 2 && report.total[.sent] == 0)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var since: String?
        var until: String?
        var days: Int = 0
        var fault: StatisticsFault?
        var testDescription: String { "\(since ?? "-") to \(until ?? "-")" }
    }

    @Test(
        "dates make a period, or a sentence",
        arguments: [
            Row(days: 30), Row(since: "2026-11-25", until: "2026-11-25", days: 1), Row(until: "2024-03-01", days: 30),
            Row(since: "2025-01-01", until: "2026-02-04", days: 400),
            Row(since: "2025-01-01", until: "2026-02-05", fault: .tooLong),
            Row(since: "2026-11-26", until: "2026-11-25", fault: .endsBeforeItBegins),
            Row(since: "2026-02-30", fault: .noDate("since")), Row(until: "", fault: .noDate("until")),
            Row(until: "9999-12-31", days: 30), Row(since: "1970-01-01", until: "1970-01-01", days: 1),
        ]
    )
    func periods(_ row: Row) {
        do throws(StatisticsFault) {
            let period = try StatisticsPeriod(since: row.since, until: row.until, now: clock.now())
            #expect(row.fault == nil && period.days.count == row.days)
            if let since = row.since { #expect(period.since.dashed == since) }
            if let until = row.until { #expect(period.until.dashed == until) }
        } catch {
            #expect(error == row.fault && !error.text.isEmpty)
        }
    }
}
