import MailModel
package import MailPorts

extension FakeDirectory {
    private static func page<Row>(
        _ rows: [Row],
        _ place: (Row) -> (key: ListPosition.Key, tie: Int64),
        _ after: ListPosition?,
        isDescending: Bool,
        _ limit: Int
    ) -> [Row] {
        let precedes = { (left: (key: ListPosition.Key, tie: Int64), right: (key: ListPosition.Key, tie: Int64)) in
            switch (left.key, right.key) {
            case (.text(let one), .text(let other)): (one, left.tie) < (other, right.tie)
            case (.number(let one), .number(let other)): (one, left.tie) < (other, right.tie)
            case (.text, .number), (.number, .text): false
            }
        }
        let sorted = rows.sorted {
            isDescending ? precedes(place($1), place($0)) : precedes(place($0), place($1))
        }
        let rest = sorted.filter { row in
            guard let after else { return true }
            let end = (key: after.key, tie: after.tie)
            return isDescending ? precedes(place(row), end) : precedes(end, place(row))
        }
        return Array(rest.prefix(limit))
    }

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
        let place = { (entry: DomainEntry) -> (key: ListPosition.Key, tie: Int64) in
            switch (listing.sort, entry) {
            case (.name, _): (.text(entry.name), entry.organisation.rawValue)
            case (.createdAt, .claimed(let claim)): (.number(claim.createdAt.microseconds), claim.organisation.rawValue)
            case (.createdAt, .hosted(let domain)):
                (.number(domain.createdAt.microseconds), domain.organisation.rawValue)
            }
        }
        return Self.page(found, place, listing.after, isDescending: listing.isDescending, listing.limit)
    }

    package func accounts(_ listing: AccountListing) async throws(StoreError) -> [Account] {
        let all = try await accounts(ofDomain: listing.domain, after: nil, limit: .max)
        let found = all.filter { account in
            (listing.role == nil || account.role == listing.role)
                && (listing.status == nil || account.status == listing.status)
                && account.primaryAddress.canonical.utf8.starts(with: (listing.prefix ?? "").utf8)
        }
        let place = { (account: Account) -> (key: ListPosition.Key, tie: Int64) in
            switch listing.sort {
            case .email: (.text(account.primaryAddress.canonical), account.id.rawValue)
            case .createdAt: (.number(account.createdAt.microseconds), account.id.rawValue)
            }
        }
        return Self.page(found, place, listing.after, isDescending: listing.isDescending, listing.limit)
    }
}
