package import MailModel
package import MailPorts

/// A record that the owner of a domain publishes.
package struct PublishedRecord: Hashable, Sendable {
    /// Fully qualified, without the final dot.
    package var name: String
    /// `MX`, `TXT`, `CNAME`.
    package var type: String
    /// As a zone file writes it after the type; TXT values without quotes, in one piece.
    package var value: String
    package var ttl: Int
    package init(name: String, type: String, value: String, ttl: Int = 3_600) {
        self.name = name
        self.type = type
        self.value = value
        self.ttl = ttl
    }
}

/// Hosted domains with their keys and records, as those see them who manage accounts; the Domains engine stands behind it.
package protocol DomainAdministration: Sendable {
    /// Adds the domain with new signing keys. `.alreadyExists` if any organisation has it, `.refused` for what is no domain name.
    func addDomain(
        _ name: String,
        organisation: OrganisationID,
        actor: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> HostedDomain
    /// MX, SPF, DKIM and DMARC; `.notFound` when the domain is not hosted here.
    func records(of domain: String) async throws(StoreError) -> [PublishedRecord]
    /// The same as a zone file (RFC 1035 §5).
    func zoneFile(of domain: String) async throws(StoreError) -> String
}
