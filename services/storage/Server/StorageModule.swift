import MailPorts
import MailSearch
import PlatformConfig
package import ServiceHost

/// The storage service: the store's health and its upkeep, and the search index.
package enum StorageModule {
    package static func make(_ context: ServiceContext) async throws -> HostedService {
        var intervals = BlobSweepService.Intervals()
        intervals.between = context.settings.sweepInterval
        intervals.graceSeconds = context.settings.sweepGrace.components.seconds
        intervals.traceSeconds = context.settings.traceRetention.components.seconds
        let sweep = BlobSweepService(
            maintenance: try await context.ports.maintenance(),
            trace: try await context.ports.trace(),
            answers: try await context.ports.keptAnswers(),
            clock: context.clock,
            intervals: intervals
        )
        let audit = QuotaAuditService(
            quotas: try await context.ports.quotas(),
            interval: context.settings.quotaAuditInterval
        )
        let retention = RetentionService(
            policies: try await context.ports.policies(),
            upkeep: try await context.ports.domains(),
            clock: context.clock,
            interval: context.settings.retentionInterval,
            holder: context.holder
        )
        var service = HostedService(name: "storage", services: [sweep, audit, retention])
        if let index = try await context.ports.searchIndex() { try await add(index, to: &service, context) }
        return service
    }

    private static func add(
        _ index: any SearchIndex,
        to service: inout HostedService,
        _ context: ServiceContext
    ) async throws {
        let source = try await context.ports.searchSource()
        let indexer = SearchIndexer(
            source: source,
            mailboxes: try await context.ports.mailboxes(),
            leases: try await context.ports.domains(),
            index: index
        )
        service.services.append(
            SearchIndexService(
                indexer: indexer,
                holder: context.holder,
                clock: context.clock,
                interval: context.settings.searchInterval
            )
        )
        let routes = SearchRoutes(
            search: MessageSearch(source: source, index: index),
            sharing: try await context.ports.mailboxSharing(),
            tokens: context.tokens,
            clock: context.clock
        )
        service.routes.append(routes.routes())
    }
}
