package import MailModel

/// A domain that an organisation says is its own and has not proved yet: it takes no mail, sends none and hides nobody's.
package struct DomainClaim: Hashable, Sendable {
    /// Stays the domain's when it is hosted.
    package var id: DomainID
    package var organisation: OrganisationID
    /// Lower case.
    package var name: String
    /// What the owner publishes; random, good for this organisation only, no secret.
    package var token: String
    package var createdAt: Timestamp
    /// The token proves nothing from then on.
    package var expiresAt: Timestamp
    package init(
        id: DomainID,
        organisation: OrganisationID,
        name: String,
        token: String,
        createdAt: Timestamp,
        expiresAt: Timestamp
    ) {
        self.id = id
        self.organisation = organisation
        self.name = name
        self.token = token
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// A domain in whatever state, as those see it who manage domains.
package enum DomainEntry: Hashable, Sendable {
    case claimed(DomainClaim)
    case hosted(HostedDomain)

    package var name: String {
        switch self {
        case .claimed(let claim): claim.name
        case .hosted(let domain): domain.name
        }
    }

    package var organisation: OrganisationID {
        switch self {
        case .claimed(let claim): claim.organisation
        case .hosted(let domain): domain.organisation
        }
    }
}

/// A place in the list of domains: names ascend, and organisations with the same name do.
package struct DomainPosition: Hashable, Sendable {
    package var name: String
    /// nil: after every organisation that has or claims the name.
    package var organisation: OrganisationID?
    package init(name: String, organisation: OrganisationID? = nil) {
        (self.name, self.organisation) = (name, organisation)
    }
}

/// A change of a hosted domain's state.
package enum DomainStep: Hashable, Sendable {
    /// Verified to suspended; the reason is for its owner.
    case suspend(reason: String)
    /// Suspended to verified.
    case resume
    /// Verified or suspended to deleted; everything of the domain goes after `purgeAt`.
    case delete(purgeAt: Timestamp)
    /// Deleted to what it was before.
    case restore
}

/// How a domain became hosted.
package enum DomainProof: String, Sendable {
    case txt, cname
}

/// A state of a domain's DNS, and how long it was so.
package struct DomainCheckRecord: Hashable, Sendable {
    /// Of the domain, lower case.
    package var name: String
    package var since: Timestamp
    package var lastSeen: Timestamp
    /// The worst of its records.
    package var status: String
    /// A line for each record; another text is another state.
    package var fingerprint: String
    package init(name: String, since: Timestamp, lastSeen: Timestamp, status: String, fingerprint: String) {
        self.name = name
        self.since = since
        self.lastSeen = lastSeen
        self.status = status
        self.fingerprint = fingerprint
    }
}

/// The lives of domains, from the claim of an organisation to the removal of all that a deleted one had.
///
/// Audit events are written in the transaction of what they tell of.
package protocol DomainStore: Sendable {
    /// Notes that the organisation says that the domain is its own.
    ///
    /// - Parameter limit: claims that one organisation may have at once.
    /// - Throws: `.alreadyExists` when it claims or has the domain already, `.refused` at the limit, `.notFound` for an
    ///   unknown organisation.
    func addClaim(
        _ name: String,
        organisation: OrganisationID,
        token: String,
        expiresAt: Timestamp,
        limit: Int,
        audit: AuditEvent
    ) async throws(StoreError) -> DomainClaim
    /// Gives a claim another token; `.notFound` when there is no such claim.
    func renewClaim(
        _ claim: DomainClaim,
        token: String,
        expiresAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> DomainClaim
    /// `.notFound` when there is no such claim.
    func removeClaim(_ claim: DomainClaim, audit: AuditEvent) async throws(StoreError)
    /// Of every organisation, by organisation.
    func claims(named name: String) async throws(StoreError) -> [DomainClaim]
    /// Makes a claimed domain a hosted one with its signing keys, and ends the claim.
    ///
    /// - Throws: `.notFound` when the claim is gone or has another token, `.alreadyExists` when the domain is hosted.
    func proveClaim(
        _ claim: DomainClaim,
        by proof: DomainProof,
        keys: [DKIMKey],
        audit: AuditEvent
    ) async throws(StoreError) -> HostedDomain
    /// Hosted and claimed domains in every state; of one organisation or all.
    func entries(
        of organisation: OrganisationID?,
        after: DomainPosition?,
        limit: Int
    ) async throws(StoreError) -> [DomainEntry]
    /// - Throws: `.notFound` when it is not hosted, `.refused` when its state does not allow the step.
    func take(_ step: DomainStep, on name: String, audit: AuditEvent) async throws(StoreError) -> HostedDomain

    // MARK: - Keys

    /// `.notFound` when the domain is not hosted, `.alreadyExists` when it has one of the selectors.
    func addKeys(_ keys: [DKIMKey], of domain: String, audit: AuditEvent) async throws(StoreError)
    /// Lets a published key sign; keys of its algorithm that signed retire, to be removed then.
    ///
    /// `.notFound`, or `.refused` when it is not published.
    func activateKey(
        _ selector: String,
        of domain: String,
        retiringUntil removeAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError)
    /// `.notFound`, or `.refused` when it is retired or no other key signs.
    func retireKey(
        _ selector: String,
        of domain: String,
        removeAt: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError)
    /// Verified domains with published keys, by name.
    func domainsWithWaitingKeys(limit: Int) async throws(StoreError) -> [String]
    /// Retired keys whose time is over, a line for each of them with its domain as the subject.
    func removeRetiredKeys(now: Timestamp, audit: AuditEvent) async throws(StoreError) -> Int

    // MARK: - Upkeep

    /// Deleted domains whose time is over.
    func domainsToPurge(now: Timestamp, limit: Int) async throws(StoreError) -> [String]
    /// Removes one account of such a domain with all its mail, or, when it has none left, the domain itself with its
    /// addresses and keys; nothing when its time is not over.
    ///
    /// - Returns: whether something is left.
    func purgeStep(_ name: String, now: Timestamp, audit: AuditEvent) async throws(StoreError) -> Bool
    /// Claims whose tokens have expired before then, a line for each of them with its domain as the subject.
    func removeClaims(expiredBefore moment: Timestamp, audit: AuditEvent) async throws(StoreError) -> Int
    /// Verified domains whose check is due, those that wait longest first.
    func domainsToCheck(now: Timestamp, limit: Int) async throws(StoreError) -> [String]
    /// Keeps what a check has seen, and when the next is due.
    ///
    /// - Parameters:
    ///   - isCertain: every record was answered for; otherwise it is no state to be kept.
    ///   - limit: states of the domain that are kept.
    ///   - event: what the organisation's webhook is told when it is another state than before, in the same transaction.
    /// - Returns: the state before, when there was one and it was another.
    /// - Throws: `.notFound` when the domain is not hosted.
    func noteCheck(
        _ check: DomainCheckRecord,
        isCertain: Bool,
        next: Timestamp,
        keeping limit: Int,
        telling event: WebhookEvent?
    ) async throws(StoreError) -> DomainCheckRecord?
    /// The newest first.
    func checks(of name: String, limit: Int) async throws(StoreError) -> [DomainCheckRecord]
    /// How many verified domains were last seen in which state; `unknown` before the first check.
    func checkedDomains() async throws(StoreError) -> [(status: String, count: Int)]
    /// Takes or keeps the right to do a piece of upkeep alone until then; false when another holder has it.
    func takeUpkeep(_ task: String, holder: String, until: Timestamp, now: Timestamp) async throws(StoreError) -> Bool
}

extension HostedDomain.Status {
    /// What people and programs read: `verified`, `suspended`, `deleted`.
    package var word: String {
        switch self {
        case .active: "verified"
        case .suspended: "suspended"
        case .deleted: "deleted"
        }
    }
}
