package import MailModel

/// What smtp-server asks of a domain before it looks at an address.
package struct DomainFacts: Equatable, Sendable {
    /// In lower case.
    package var name: String
    package var organisation: OrganisationID
    package var status: HostedDomain.Status
    /// Whether there are keys to sign its mail with.
    package var hasDKIM: Bool
    package init(name: String, organisation: OrganisationID, status: HostedDomain.Status, hasDKIM: Bool) {
        (self.name, self.organisation, self.status, self.hasDKIM) = (name, organisation, status, hasDKIM)
    }
}

/// Facts of hosted domains where every process finds them sooner than in the database.
///
/// It may forget anything at any time, and may be away: nobody waits for it, and nothing that it does not say is concluded.
/// What is kept after a change was announced is never older than the change.
package protocol DomainCache: Sendable {
    func facts(of domain: String) async -> DomainFacts?
    func keep(_ facts: DomainFacts) async
    /// The domain has changed or gone: called after the commit, and what readers of the old state keep for some seconds is refused.
    func forget(_ domain: String) async
}
