import Logging
import MailModel
import MailPorts
import MailSearch
import Metrics
import ServiceLifecycle

/// Brings the search index up to date at intervals.
///
/// Invariants: of all processes one at a time does it; while the index is away nothing is lost, it goes on where it was; a stop
/// ends the wait at once.
struct SearchIndexService: Service {
    let indexer: SearchIndexer
    /// Names this process.
    let holder: String
    let clock: any WallClock
    let interval: Duration
    let logger = Logger(label: "search")

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: interval)) != nil { await pass() }
        }
    }

    private func pass() async {
        do throws(SearchFault) {
            let count = try await indexer.pass(holder: holder, clock: clock)
            if count > 0 { logger.debug("indexed", metadata: ["messages": "\(count)"]) }
        } catch {
            Counter(label: "oonrumail_search_failures_total").increment()
            // The index's own faults are logged where they are seen.
            if case .store(let cause) = error { logger.error("not indexed", metadata: ["error": "\(cause)"]) }
        }
    }
}
