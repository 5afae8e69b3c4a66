package import MailModel

// Pages of the lists that have addresses in them; ties by address.

/// What a list of a domain's aliases is asked for.
package struct AliasListing: Listing {
    package enum Sort: String, ListSort {
        case address
        /// By the first of them.
        case targets
        package var isTieNumber: Bool { false }
    }

    package var domain: String
    /// How the addresses begin, in canonical form.
    package var prefix: String?
    /// How one of the targets begins, in canonical form.
    package var target: String?
    /// A part of the address or of a target, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.address
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(domain: String, limit: Int) { (self.domain, self.limit) = (domain, limit) }
}

extension Alias: Listed {
    package func place(by sort: AliasListing.Sort) -> ListPosition {
        switch sort {
        case .address: ListPosition(key: .text(address.canonical), tie: address.canonical)
        case .targets: ListPosition(key: .text(targets.first?.canonical ?? ""), tie: address.canonical)
        }
    }
}

/// What a list of a domain's distribution lists is asked for.
package struct DistributionListing: Listing {
    package enum Sort: String, ListSort {
        case address, name
        case createdAt = "created_at"
        package var isTieNumber: Bool { false }
    }

    package var domain: String
    package var posting: PostingRule?
    /// A part of the address or of the name, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.address
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(domain: String, limit: Int) { (self.domain, self.limit) = (domain, limit) }
}

extension DistributionList: Listed {
    package func place(by sort: DistributionListing.Sort) -> ListPosition {
        switch sort {
        case .address: ListPosition(key: .text(address.canonical), tie: address.canonical)
        case .name: ListPosition(key: .text(name), tie: address.canonical)
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: address.canonical)
        }
    }
}

/// Who belongs to a list, and since when.
package struct ListMember: Hashable, Sendable {
    package var address: EmailAddress
    package var addedAt: Timestamp
    package init(address: EmailAddress, addedAt: Timestamp) { (self.address, self.addedAt) = (address, addedAt) }
}

/// What the members of a distribution list are asked for.
package struct MemberListing: Listing {
    package enum Sort: String, ListSort {
        case address
        case addedAt = "added_at"
        package var isTieNumber: Bool { false }
    }

    package var list: EmailAddress
    /// In lower case.
    package var domain: String?
    /// A part of the address, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.address
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(list: EmailAddress, limit: Int) { (self.list, self.limit) = (list, limit) }
}

extension ListMember: Listed {
    package func place(by sort: MemberListing.Sort) -> ListPosition {
        switch sort {
        case .address: ListPosition(key: .text(address.canonical), tie: address.canonical)
        case .addedAt: ListPosition(key: .number(addedAt.microseconds), tie: address.canonical)
        }
    }
}

/// What a list of an account's masked addresses is asked for.
package struct MaskedListing: Listing {
    package enum Sort: String, ListSort {
        case address, site
        case createdAt = "created_at"
        case lastUsedAt = "last_used_at"
        package var isTieNumber: Bool { false }
    }

    package var account: AccountID
    package var isEnabled: Bool?
    /// All of it.
    package var site: String?
    /// A part of the address, the label or the site, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.address
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(account: AccountID, limit: Int) { (self.account, self.limit) = (account, limit) }
}

extension MaskedAddress: Listed {
    package func place(by sort: MaskedListing.Sort) -> ListPosition {
        switch sort {
        case .address: ListPosition(key: .text(address.canonical), tie: address.canonical)
        case .site: ListPosition(key: .text(site), tie: address.canonical)
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: address.canonical)
        case .lastUsedAt: ListPosition(key: .number(lastUsedAt?.microseconds ?? 0), tie: address.canonical)
        }
    }
}

// MARK: - By address

extension AddressStore {
    /// By address, after one.
    package func aliases(ofDomain domain: String, after: String?, limit: Int) async throws(StoreError) -> [Alias] {
        var listing = AliasListing(domain: domain, limit: limit)
        listing.after = after.map { ListPosition(key: .text($0), tie: $0) }
        return try await aliases(listing)
    }
}

extension ListStore {
    /// By address, after one.
    package func lists(
        ofDomain domain: String,
        after: String?,
        limit: Int
    ) async throws(StoreError) -> [DistributionList] {
        var listing = DistributionListing(domain: domain, limit: limit)
        listing.after = after.map { ListPosition(key: .text($0), tie: $0) }
        return try await lists(listing)
    }

    /// By address, after one.
    package func members(
        of list: EmailAddress,
        after: String?,
        limit: Int
    ) async throws(StoreError) -> [EmailAddress] {
        var listing = MemberListing(list: list, limit: limit)
        listing.after = after.map { ListPosition(key: .text($0), tie: $0) }
        return try await members(listing).map(\.address)
    }
}
