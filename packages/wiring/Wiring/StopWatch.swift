import Glibc
import HTTPKit
import ServiceLifecycle
import Synchronization

/// Tells health checks when the process is told to stop; a second signal ends the process at once.
struct StopWatch: Service {
    let health: HealthRegistry

    func run() async throws {
        try? await gracefulShutdown()
        health.reportStopping()
        signal(SIGTERM, SIG_DFL)
        signal(SIGINT, SIG_DFL)
    }
}

/// Counts down to zero once.
final class Countdown: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    /// True for the last call.
    func down() -> Bool { left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 }
}
