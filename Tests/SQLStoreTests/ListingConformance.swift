import MailModel
import MailPorts
import Testing

@Suite struct ListingConformance {
    /// Every page of two, joined.
    private func all<Row>(
        _ page: (ListPosition?) async throws -> [Row],
        _ place: (Row) -> ListPosition
    ) async throws -> [Row] {
        var found: [Row] = []
        while true {
            let next = try await page(found.last.map(place))
            #expect(next.count <= 2)
            found += next
            if next.count < 2 { return found }
        }
    }

    @Test(arguments: StoreFactory.all)
    func accountsAreSortedFilteredAndPagedWhole(_ factory: StoreFactory) async throws {
        let here = try await factory.make()
        for name in ["cy", "ann", "b_b", "bob", "bxb"] {
            try await here.account("\(name)@shop.test")
            here.clock.advance(seconds: name == "ann" ? 0 : 1)
        }
        try await here.account("other@mill.test")
        func names(_ change: (inout AccountListing) -> Void) async throws -> [String] {
            var listing = AccountListing(domain: "SHOP.test", limit: 2)
            change(&listing)
            let asked = listing
            return try await all(
                { after in
                    var page = asked
                    page.after = after
                    return try await here.store.accounts(page)
                },
                { (account: Account) in
                    asked.sort == .email
                        ? ListPosition(key: .text(account.primaryAddress.canonical), tie: account.id.rawValue)
                        : ListPosition(key: .number(account.createdAt.microseconds), tie: account.id.rawValue)
                }
            ).map { (account: Account) in String(account.primaryAddress.canonical.split(separator: "@")[0]) }
        }
        #expect(try await names { _ in } == ["ann", "b_b", "bob", "bxb", "cy"])
        #expect(try await names { $0.isDescending = true } == ["cy", "bxb", "bob", "b_b", "ann"])
        // Made in the same moment: by number.
        #expect(try await names { $0.sort = .createdAt } == ["cy", "ann", "b_b", "bob", "bxb"])
        #expect(
            try await names { ($0.sort, $0.isDescending) = (.createdAt, true) } == ["bxb", "bob", "b_b", "ann", "cy"]
        )
        #expect(try await names { $0.prefix = "b_" } == ["b_b"])
        #expect(try await names { $0.prefix = "%" } == [])
        #expect(try await names { $0.role = .owner } == [])
        let ann = try #require(try await here.store.account(withAddress: .sample("ann@shop.test")))
        try await here.store.setAccountStatus(ann.id, .suspended)
        #expect(try await names { $0.status = .suspended } == ["ann"])
        #expect(try await names { ($0.status, $0.prefix) = (.active, "b") } == ["b_b", "bob", "bxb"])
    }

    @Test(arguments: StoreFactory.all)
    func domainsOfEveryStateAreSortedFilteredAndPagedWhole(_ factory: StoreFactory) async throws {
        let here = try await factory.make()
        let first = try await here.store.addOrganisation(name: "first").id
        let second = try await here.store.addOrganisation(name: "second").id
        for (name, owner) in [("c.test", first), ("a.test", second), ("b.test", first)] {
            _ = try await here.store.addDomain(name, organisation: owner, keys: [])
            here.clock.advance(seconds: 1)
        }
        func names(_ change: (inout DomainListing) -> Void) async throws -> [String] {
            var listing = DomainListing(organisation: nil, limit: 2)
            change(&listing)
            let asked = listing
            return try await all(
                { after in
                    var page = asked
                    page.after = after
                    return try await here.store.domains(page)
                },
                { (entry: DomainEntry) in
                    switch (asked.sort, entry) {
                    case (.name, _): ListPosition(key: .text(entry.name), tie: entry.organisation.rawValue)
                    case (.createdAt, .hosted(let domain)):
                        ListPosition(key: .number(domain.createdAt.microseconds), tie: entry.organisation.rawValue)
                    case (.createdAt, .claimed(let claim)):
                        ListPosition(key: .number(claim.createdAt.microseconds), tie: entry.organisation.rawValue)
                    }
                }
            ).map(\.name)
        }
        #expect(try await names { _ in } == ["a.test", "b.test", "c.test"])
        #expect(try await names { $0.isDescending = true } == ["c.test", "b.test", "a.test"])
        #expect(try await names { $0.sort = .createdAt } == ["c.test", "a.test", "b.test"])
        #expect(try await names { $0.organisation = first } == ["b.test", "c.test"])
        #expect(try await names { $0.prefix = "b" } == ["b.test"])
        #expect(try await names { $0.status = .pending } == [])
        #expect(try await names { $0.status = .verified } == ["a.test", "b.test", "c.test"])
        #expect(try await names { $0.status = .deleted } == [])
    }
}
