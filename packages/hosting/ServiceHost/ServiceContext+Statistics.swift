package import Domains
import MailPorts
import PlatformConfig

extension ServiceContext {
    package func statistics() async throws -> DomainStatistics {
        DomainStatistics(
            store: try await ports.statistics(),
            upkeep: try await ports.domains(),
            keptDays: settings.statisticsRetention.components.seconds / 86_400
        )
    }
}
