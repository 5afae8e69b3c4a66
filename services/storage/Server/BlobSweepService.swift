package import Logging
package import MailModel
package import MailPorts
import Metrics
import ServiceLifecycle

/// Removes message files that no row names, old trace events and answers that were kept long enough, at intervals.
///
/// Invariants: only one sweep runs at a time; a failure is logged and the next interval tries again; a stop ends the wait at once.
package struct BlobSweepService: Service {
    package struct Intervals: Sendable {
        package var between: Duration = .seconds(3_600)
        /// Age before an orphan goes: longer than any delivery takes.
        package var graceSeconds: Int64 = 86_400
        package var traceSeconds: Int64 = 2_592_000
        package init() {}
    }

    private let maintenance: any MaintenanceStore
    private let trace: any TraceStore
    private let answers: any KeptAnswerStore
    private let clock: any WallClock
    private let intervals: Intervals
    private let logger: Logger

    package init(
        maintenance: any MaintenanceStore,
        trace: any TraceStore,
        answers: any KeptAnswerStore,
        clock: any WallClock,
        intervals: Intervals = Intervals(),
        logger: Logger = Logger(label: "storage")
    ) {
        self.maintenance = maintenance
        self.trace = trace
        self.answers = answers
        self.clock = clock
        self.intervals = intervals
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: intervals.between)) != nil { await sweep() }
        }
    }

    /// Rows of one transaction.
    private static let answersAtOnce = 1_000

    private func sweepAnswers(_ now: Timestamp) async throws(StoreError) {
        while try await answers.sweepAnswers(now: now, limit: Self.answersAtOnce) == Self.answersAtOnce {}
    }

    package func sweep() async {
        let now = clock.now()
        do throws(StoreError) {
            let blobs = try await maintenance.sweepBlobs(graceSeconds: intervals.graceSeconds, now: now)
            let events = try await trace.prune(olderThan: now.adding(seconds: -intervals.traceSeconds))
            try await sweepAnswers(now)
            Counter(label: "oonrumail_storage_swept_blobs_total").increment(by: blobs)
            Counter(label: "oonrumail_storage_pruned_trace_events_total").increment(by: events)
            guard blobs + events > 0 else { return }
            logger.info(
                "swept",
                metadata: ["blobs": .stringConvertible(blobs), "trace_events": .stringConvertible(events)]
            )
        } catch {
            Counter(label: "oonrumail_storage_sweep_failures_total").increment()
            logger.error("sweep failed", metadata: ["error": .string("\(error)")])
        }
    }
}
