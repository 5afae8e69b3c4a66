import MailModel
import MailPorts
import Testing

/// Every list that the store sorts: all of it by pages of any length, in every order, and filters as by hand.
@Suite struct ListWalkConformance {
    private func event(_ test: StoreUnderTest, actor: String = "cli") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: actor, action: "list", subject: "shop.test")
    }

    private func has(_ text: String, _ part: String) -> Bool {
        let (whole, part) = (EmailAddress.lowercased(text), EmailAddress.lowercased(part))
        return Array(whole.utf8).contains(Array(part.utf8))
    }

    private func begins(_ text: String, _ start: String) -> Bool { text.utf8.starts(with: start.utf8) }

    /// Local parts whose octets are in another order than their letters, in dictionaries.
    private static let names = ["a", "a-b", "a_b", "a.b", "a%c", "B", "z", "zz", "\u{E9}t\u{E9}", "e\u{301}", "~", "0"]

    @Test(arguments: StoreFactory.all) func aThousandAliases(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test").primaryAddress
        _ = try await test.account("ann@mill.test")
        var made: [Alias] = []
        for number in 0..<1_050 {
            let name = "\(Self.names[number % Self.names.count])\(number % 7 == 0 ? "" : ".")x\(number)"
            let targets =
                number % 3 == 0 ? [ann, .sample("T\(number % 50)@Away.test")] : [.sample("t\(number % 50)@away.test")]
            made.append(Alias(address: .sample("\(name)@shop.test"), targets: targets))
        }
        made += Self.names.map { Alias(address: .sample("\($0)@shop.test"), targets: [ann]) }
        for alias in made { try await store.addAlias(alias, audit: event(test)) }
        try await store.addAlias(Alias(address: .sample("a@mill.test"), targets: [ann]), audit: event(test))
        func found(_ change: (inout AliasListing) -> Void, _ holds: (Alias) -> Bool) async throws {
            var listing = AliasListing(domain: "SHOP.test", limit: 1)
            change(&listing)
            let wanted = made.filter(holds)
            let rows = try await walk(
                listing,
                lengths: [101, 500],
                count: wanted.count,
                name: { $0.address.canonical },
                fetch: { page in try await store.aliases(page) }
            )
            #expect(Set(rows) == Set(wanted))
            #expect(rows.allSatisfy { row in wanted.first { $0.address == row.address }?.targets == row.targets })
        }
        try await found({ _ in }, { _ in true })
        for start in ["a", "a_", "a%", "b", "\u{E9}", "e", "~", "nobody"] {
            try await found({ $0.prefix = start }, { begins($0.address.canonical, start) })
        }
        for start in ["t1", "ann@shop.test", "t49@away.test", "%"] {
            try await found({ $0.target = start }, { $0.targets.contains { begins($0.canonical, start) } })
        }
        for part in ["X10", "AWAY", "_", "\u{E9}"] {
            let holds = { (alias: Alias) in ([alias.address] + alias.targets).contains { has($0.canonical, part) } }
            try await found({ $0.text = part }, holds)
        }
        try await found(
            { ($0.prefix, $0.target, $0.text) = ("a", "t", "5") },
            { alias in
                begins(alias.address.canonical, "a") && alias.targets.contains { begins($0.canonical, "t") }
                    && ([alias.address] + alias.targets).contains { has($0.canonical, "5") }
            }
        )
    }

    @Test(arguments: StoreFactory.all) func listsAndTheirMembers(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        var lists: [DistributionList] = []
        for (place, name) in Self.names.enumerated() {
            if place % 3 == 0 { test.clock.advance(seconds: 1) }
            lists.append(
                DistributionList(
                    address: .sample("\(name)@shop.test"),
                    organisation: ann.organisation,
                    name: place % 4 == 0 ? "Same" : "Name \(place % 5)",
                    posting: PostingRule.allCases[place % PostingRule.allCases.count],
                    maximumSize: nil,
                    createdAt: test.clock.now()
                )
            )
            try await store.addList(lists[place], owners: [], audit: event(test))
        }
        func found(_ change: (inout DistributionListing) -> Void, _ holds: (DistributionList) -> Bool) async throws {
            var listing = DistributionListing(domain: "shop.test", limit: 1)
            change(&listing)
            let wanted = lists.filter(holds)
            let rows = try await walk(
                listing,
                count: wanted.count,
                name: { $0.address.canonical },
                fetch: { page in try await store.lists(page) }
            )
            #expect(Set(rows) == Set(wanted))
        }
        try await found({ _ in }, { _ in true })
        try await found({ $0.posting = .named }, { $0.posting == .named })
        try await found({ $0.text = "name 1" }, { has($0.name, "name 1") })
        try await found({ $0.text = "a_" }, { has($0.address.canonical, "a_") })

        var members: [EmailAddress] = []
        for number in 0..<40 {
            if number % 9 == 0 { test.clock.advance(seconds: 1) }
            members.append(.sample("\(Self.names[number % 12])\(number)@\(number % 4 == 0 ? "Away" : "shop").test"))
            _ = try await store.addMembers([members[number]], to: lists[0].address, atMost: 99, audit: event(test))
        }
        func belong(_ change: (inout MemberListing) -> Void, _ holds: (EmailAddress) -> Bool) async throws {
            var listing = MemberListing(list: lists[0].address, limit: 1)
            change(&listing)
            let wanted = members.filter(holds)
            let rows = try await walk(
                listing,
                count: wanted.count,
                name: { $0.address.canonical },
                fetch: { page in try await store.members(page) }
            )
            #expect(Set(rows.map(\.address)) == Set(wanted))
        }
        try await belong({ _ in }, { _ in true })
        try await belong({ $0.domain = "away.test" }, { $0.domain == "away.test" })
        try await belong({ $0.text = "Z1" }, { has($0.canonical, "z1") })
    }

    @Test(arguments: StoreFactory.all) func maskedAddresses(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        var made: [MaskedAddress] = []
        for number in 0..<30 {
            if number % 4 == 0 { test.clock.advance(seconds: 1) }
            let mask = MaskedAddress(
                address: .sample("m\(number * 7 % 30)@shop.test"),
                account: number % 10 == 9 ? bob.id : ann.id,
                label: "Label \(number % 6)",
                site: number % 3 == 0 ? "" : "Site\(number % 4).example",
                isEnabled: number % 5 != 0,
                createdAt: test.clock.now()
            )
            try await store.addMaskedAddress(mask, atMost: 99, audit: event(test))
            if mask.account == ann.id { made.append(mask) }
        }
        // Mail has come to some of them, to two of them at one time.
        for place in [3, 4, 8, 20] {
            if place != 4 { test.clock.advance(seconds: 5) }
            var copy = LocalCopy(account: ann.id, recipient: made[place].address)
            copy.isMasked = true
            _ = try await store.deliver(.example(Octets.text(10), at: test.clock.now(), to: [copy]))
            made[place].lastUsedAt = test.clock.now()
        }
        func found(_ change: (inout MaskedListing) -> Void, _ holds: (MaskedAddress) -> Bool) async throws {
            var listing = MaskedListing(account: ann.id, limit: 1)
            change(&listing)
            let wanted = made.filter(holds)
            let rows = try await walk(
                listing,
                count: wanted.count,
                name: { $0.address.canonical },
                fetch: { page in try await store.maskedAddresses(page) }
            )
            #expect(Set(rows) == Set(wanted))
        }
        try await found({ _ in }, { _ in true })
        for isEnabled in [true, false] { try await found({ $0.isEnabled = isEnabled }, { $0.isEnabled == isEnabled }) }
        try await found({ $0.site = "Site1.example" }, { $0.site == "Site1.example" })
        try await found({ $0.site = "site1.example" }, { _ in false })
        try await found({ $0.text = "site1" }, { has($0.site, "site1") })
        try await found({ $0.text = "label 2" }, { has($0.label, "label 2") })
        try await found({ $0.text = "m1" }, { has($0.address.canonical, "m1") })
    }

    @Test(arguments: StoreFactory.all) func theAuditTrailBothWays(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await test.account("ann@shop.test")
        let before = try await test.store.auditTrail(AuditListing(limit: 9)).count
        for number in 0..<25 {
            try await test.store.recordAudit(event(test, actor: "actor\(number % 3)@shop.test"))
        }
        for (actor, count) in [(nil, 25 + before), ("actor0@shop.test", 9), ("nobody", 0)] as [(String?, Int)] {
            var filter = AuditFilter()
            filter.actor = actor
            let rows = try await walk(
                AuditListing(filter, limit: 1),
                count: count,
                name: { "\($0.number)" },
                fetch: { page in try await test.store.auditTrail(page) }
            )
            #expect(rows.map(\.number) == rows.map(\.number).sorted(by: >))
        }
    }
}
