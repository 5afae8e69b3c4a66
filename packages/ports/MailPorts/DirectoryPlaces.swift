import MailModel

// Places of domains, accounts and organisations in their lists.

extension DomainEntry: Listed {
    package func place(by sort: DomainListing.Sort) -> ListPosition {
        switch (sort, self) {
        case (.name, _): ListPosition(key: .text(name), tie: organisation.rawValue)
        case (.createdAt, .claimed(let claim)):
            ListPosition(key: .number(claim.createdAt.microseconds), tie: organisation.rawValue)
        case (.createdAt, .hosted(let domain)):
            ListPosition(key: .number(domain.createdAt.microseconds), tie: organisation.rawValue)
        }
    }
}

extension Account: Listed {
    package func place(by sort: AccountListing.Sort) -> ListPosition {
        switch sort {
        case .email: ListPosition(key: .text(primaryAddress.canonical), tie: id.rawValue)
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: id.rawValue)
        }
    }
}

extension Person: Listed {
    package func place(by sort: AccountListing.Sort) -> ListPosition { account.place(by: sort) }
}

extension OrganisationRecord: Listed {
    package func place(by sort: OrganisationListing.Sort) -> ListPosition {
        switch sort {
        case .name: ListPosition(key: .text(name), tie: id.rawValue)
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: id.rawValue)
        }
    }
}
