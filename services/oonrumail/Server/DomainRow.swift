import Accounts
import Domains
import MailPorts
import Telemetry

/// A domain as commands print it in JSON.
struct DomainRow: Encodable {
    struct Record: Encodable {
        var name: String
        var type: String
        var value: String
        var ttl: Int
    }

    struct Challenge: Encodable {
        var name: String
        var txt: String
        var cname: String
        var expiresAt: String
    }

    var name: String
    var organisation: String
    /// `pending`, `verified`, `suspended`, `deleted`.
    var status: String
    var createdAt: String
    var reason: String?
    var removedAt: String?
    var challenge: Challenge?
    var records: [Record]?

    init(_ domain: HostedDomain, _ organisation: String, _ records: [PublishedRecord]? = nil) {
        name = domain.name
        self.organisation = organisation
        status = domain.status.word
        createdAt = RFC3339.text(domain.createdAt)
        reason = domain.reason
        removedAt = domain.purgeAt.map { RFC3339.text($0) }
        self.records = records?.map { Record(name: $0.name, type: $0.type, value: $0.value, ttl: $0.ttl) }
    }

    init(_ claim: DomainClaim, _ organisation: String, _ life: DomainLife) {
        let challenge = life.challenge(of: claim)
        name = claim.name
        self.organisation = organisation
        status = "pending"
        createdAt = RFC3339.text(claim.createdAt)
        self.challenge = Challenge(
            name: challenge.name,
            txt: challenge.text,
            cname: "\(challenge.alias).",
            expiresAt: RFC3339.text(claim.expiresAt)
        )
    }

    init(_ entry: DomainEntry, _ organisation: String, _ life: DomainLife) {
        switch entry {
        case .claimed(let claim): self.init(claim, organisation, life)
        case .hosted(let domain): self.init(domain, organisation)
        }
    }

    /// What the owner of a pending domain has to do.
    static func instructions(_ claim: DomainClaim, _ life: DomainLife) -> String {
        let challenge = life.challenge(of: claim)
        return """
            \(claim.name) is pending. Publish one of
              \(challenge.name). 300 IN TXT "\(challenge.text)"
              \(challenge.name). 300 IN CNAME \(challenge.alias).
            before \(RFC3339.text(claim.expiresAt)), then run `oonrumail domain verify \(claim.name)`.
            """
    }
}
