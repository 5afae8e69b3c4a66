package import MailModel

/// What a list of domains is asked for.
package struct DomainListing: Listing {
    package enum Sort: String, ListSort {
        case name
        case createdAt = "created_at"
    }
    /// As `DomainDocument` words it.
    package enum Status: String, CaseIterable, Sendable { case pending, verified, suspended, deleted }

    /// nil: every organisation.
    package var organisation: OrganisationID?
    package var status: Status?
    /// How the names begin, in lower case.
    package var prefix: String?
    /// Only hosted ones on which the account has a permission.
    package var permittedTo: AccountID?
    package var sort = Sort.name
    package var isDescending = false
    /// By name a text, by time microseconds; ties by organisation.
    package var after: ListPosition?
    package var limit: Int
    package init(organisation: OrganisationID?, limit: Int) { (self.organisation, self.limit) = (organisation, limit) }
}

/// What a list of a domain's accounts is asked for.
package struct AccountListing: Listing {
    package enum Sort: String, ListSort {
        case email
        case createdAt = "created_at"
    }

    package var domain: String
    package var role: Role?
    package var status: Account.Status?
    /// How the primary addresses begin, in canonical form.
    package var prefix: String?
    package var sort = Sort.email
    package var isDescending = false
    /// By address a text, by time microseconds; ties by account.
    package var after: ListPosition?
    package var limit: Int
    package init(domain: String, limit: Int) { (self.domain, self.limit) = (domain, limit) }
}

/// Lists as people leaf through them: sorted, filtered, in pages that go on from a place.
package protocol ListingStore: Sendable {
    /// Hosted and claimed domains.
    func domains(_ listing: DomainListing) async throws(StoreError) -> [DomainEntry]
    func accounts(_ listing: AccountListing) async throws(StoreError) -> [Account]
}
