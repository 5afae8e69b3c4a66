import MailPorts
import PlatformConfig
package import ServiceHost

/// The storage service: the store's health and its upkeep.
package enum StorageModule {
    package static func make(_ context: ServiceContext) async throws -> HostedService {
        var intervals = BlobSweepService.Intervals()
        intervals.between = context.settings.sweepInterval
        intervals.graceSeconds = context.settings.sweepGrace.components.seconds
        intervals.traceSeconds = context.settings.traceRetention.components.seconds
        let sweep = BlobSweepService(
            maintenance: try await context.ports.maintenance(),
            trace: try await context.ports.trace(),
            clock: context.clock,
            intervals: intervals
        )
        return HostedService(name: "storage", services: [sweep])
    }
}
