package import Domains
package import MailPorts
package import PlatformConfig

extension ServiceContext {
    package func zoneWriter() async throws -> ZoneWriter { try await ZoneWriter(life, ports, settings) }
}

extension ZoneWriter {
    package init(_ life: DomainLife, _ ports: any PortProvider, _ settings: PlatformSettings) async throws {
        var limits = Limits()
        limits.ttl = Int(settings.zoneRecordTTL.components.seconds)
        limits.intervalSeconds = settings.domainCheckInterval.components.seconds
        limits.retrySeconds = settings.zoneRetry.components.seconds
        self.init(
            life: life,
            store: try await ports.zones(),
            publishing: try await ports.zonePublishing(),
            secrets: try await ports.secrets(),
            limiter: try await ports.limits(),
            limits: limits
        )
    }
}
