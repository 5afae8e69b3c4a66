import Logging
import Metrics
import ServiceLifecycle

/// Does its work at intervals until the process stops.
///
/// Invariants: passes do not overlap; a failure is counted and logged, and the next interval tries again; a stop ends the wait at
/// once and cancels the pass.
package struct PeriodicService: Service {
    private let interval: Duration
    private let first: Duration
    private let failures: String
    private let complaint: String
    private let logger: Logger
    private let pass: @Sendable () async throws -> Void

    /// - Parameters:
    ///   - label: of the logger.
    ///   - interval: between the end of one pass and the beginning of the next.
    ///   - first: before the first pass; nil: as long as between two.
    ///   - failures: the counter of passes that failed.
    ///   - complaint: what the log says of one.
    package init(
        _ label: String,
        every interval: Duration,
        first: Duration? = nil,
        failures: String,
        complaint: String,
        pass: @escaping @Sendable () async throws -> Void
    ) {
        self.interval = interval
        self.first = first ?? interval
        self.failures = failures
        self.complaint = complaint
        self.pass = pass
        logger = Logger(label: label)
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var wait = first
            while (try? await Task.sleep(for: wait)) != nil {
                do {
                    try await pass()
                } catch {
                    Counter(label: failures).increment()
                    logger.error("\(complaint)", metadata: ["error": "\(error)"])
                }
                wait = interval
            }
        }
    }
}
