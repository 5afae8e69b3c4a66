import Accounts
import Domains
import MailModel
import MailPorts
import Telemetry

/// A domain as the interface shows it, in whatever state.
struct DomainDocument: Encodable {
    struct Record: Encodable {
        var name: String
        var type: String
        var value: String
        var ttl: Int
    }

    /// What a pending domain's owner publishes: the TXT record or the CNAME record.
    struct Challenge: Encodable {
        var name: String
        var txt: String
        var cname: String
        var expiresAt: String
    }

    var name: String
    var organisationID: Int64
    /// `pending`, `verified`, `suspended`, `deleted`.
    var status: String
    var createdAt: String
    /// Why it is suspended.
    var reason: String?
    /// When a deleted one is removed for good.
    var removedAt: String?
    var challenge: Challenge?
    var dnsRecords: [Record]?

    init(_ domain: HostedDomain, records: [PublishedRecord]? = nil) {
        name = domain.name
        organisationID = domain.organisation.rawValue
        status = domain.status.word
        createdAt = RFC3339.text(domain.createdAt)
        reason = domain.reason
        removedAt = domain.purgeAt.map { RFC3339.text($0) }
        dnsRecords = records?.map { Record(name: $0.name, type: $0.type, value: $0.value, ttl: $0.ttl) }
    }

    init(_ claim: DomainClaim, _ challenge: DomainChallenge) {
        name = claim.name
        organisationID = claim.organisation.rawValue
        status = "pending"
        createdAt = RFC3339.text(claim.createdAt)
        self.challenge = Challenge(
            name: challenge.name,
            txt: challenge.text,
            cname: "\(challenge.alias).",
            expiresAt: RFC3339.text(claim.expiresAt)
        )
    }

    init(_ entry: DomainEntry, _ life: DomainLife) {
        switch entry {
        case .hosted(let domain): self.init(domain)
        case .claimed(let claim): self.init(claim, life.challenge(of: claim))
        }
    }
}
