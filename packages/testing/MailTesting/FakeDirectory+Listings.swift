import MailModel
package import MailPorts

extension FakeDirectory {
    package func domains(_ listing: DomainListing) async throws(StoreError) -> [DomainEntry] {
        let all = try await entries(of: listing.organisation, after: nil, limit: .max)
        let found = all.filter { entry in
            let word =
                switch entry {
                case .claimed: "pending"
                case .hosted(let domain): domain.status.word
                }
            return (listing.status == nil || listing.status?.rawValue == word)
                && entry.name.utf8.starts(with: (listing.prefix ?? "").utf8)
        }
        return listing.page(of: found)
    }

    package func accounts(_ listing: AccountListing) async throws(StoreError) -> [Account] {
        let all = try await accounts(ofDomain: listing.domain, after: nil, limit: .max)
        let found = all.filter { account in
            (listing.role == nil || account.role == listing.role)
                && (listing.status == nil || account.status == listing.status)
                && account.primaryAddress.canonical.utf8.starts(with: (listing.prefix ?? "").utf8)
        }
        return listing.page(of: found)
    }
}
