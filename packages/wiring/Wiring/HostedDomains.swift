import Accounts
import Domains
import MailModel
import MailPorts

/// The domains engine, as the managers of accounts see it.
struct HostedDomains: DomainAdministration {
    let service: DomainService

    func addDomain(
        _ name: String,
        organisation: OrganisationID,
        actor: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> HostedDomain {
        try await service.addDomain(
            name,
            organisation: organisation,
            actor: DomainLife.Actor(actor, remote: remote),
            now: now
        )
    }

    func records(of domain: String) async throws(StoreError) -> [PublishedRecord] {
        try await service.records(of: domain).map {
            PublishedRecord(name: $0.name, type: $0.kind.rawValue, value: $0.value, ttl: $0.ttl)
        }
    }

    func zoneFile(of domain: String) async throws(StoreError) -> String { try await service.zoneFile(of: domain) }
}
