package import MailModel
package import MailPorts
import Synchronization

/// Counts in memory; what waits to be counted is told by the test.
package final class FakeStatistics: StatisticsStore {
    private struct State {
        var counts: [String: [CalendarDay: MailCounts]] = [:]
        var waiting: [TraceEvent] = []
        var limits: [Int] = []
    }

    private let state = Mutex(State())
    package init() {}

    package func put(_ counts: MailCounts, of domain: String, on day: CalendarDay) {
        state.withLock { $0.counts[domain, default: [:]][day] = counts }
    }

    package func wait(_ events: [TraceEvent]) { state.withLock { $0.waiting += events } }

    /// Of each step that was asked for.
    package var limits: [Int] { state.withLock { $0.limits } }

    package func countEvents(limit: Int, now: Timestamp) async throws(StoreError) -> CountingStep {
        state.withLock { state in
            state.limits.append(limit)
            let some = state.waiting.prefix(limit)
            state.waiting.removeFirst(some.count)
            for event in some {
                guard let (count, domain) = event.counted else { continue }
                state.counts[domain, default: [:]][CalendarDay(event.at), default: MailCounts()][count] += 1
            }
            return CountingStep(events: some.count, isLast: state.waiting.isEmpty)
        }
    }

    package func oldestUncounted() async throws(StoreError) -> Timestamp? {
        state.withLock { $0.waiting.first?.at }
    }

    package func counts(
        ofDomain name: String,
        _ period: StatisticsPeriod
    ) async throws(StoreError) -> [CalendarDay: MailCounts] {
        state.withLock { state in
            (state.counts[name] ?? [:]).filter { period.since <= $0.key && $0.key <= period.until }
        }
    }

    package func removeCounts(before day: CalendarDay, limit: Int) async throws(StoreError) -> Int {
        state.withLock { state in
            var removed = 0
            for (name, days) in state.counts {
                for old in days.keys where old < day && removed < limit {
                    state.counts[name]?[old] = nil
                    removed += 1
                }
            }
            return removed
        }
    }
}
