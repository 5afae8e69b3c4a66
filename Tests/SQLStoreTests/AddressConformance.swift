import MailModel
import MailPorts
import Testing

/// Aliases, rules of domains, lists and masked addresses, on every engine.
@Suite("Port: AddressStore") struct AddressConformance {
    static func audit(_ action: String, _ subject: String = "shop.test") -> AuditEvent {
        AuditEvent(at: Timestamp(seconds: 1_800_000_000), actor: "cli", action: action, subject: subject)
    }

    private func expectRefused(
        _ location: SourceLocation = #_sourceLocation,
        _ work: () async throws -> Void
    ) async {
        do {
            try await work()
            Issue.record("it was done", sourceLocation: location)
        } catch StoreError.refused {
            ()
        } catch {
            Issue.record("\(error)", sourceLocation: location)
        }
    }

    private func renamed(_ masked: MaskedAddress, _ address: EmailAddress) -> MaskedAddress {
        var masked = masked
        masked.address = address
        return masked
    }

    @Test(arguments: StoreFactory.all)
    func `aliases come in pages, change whole and lead in no circle`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test").primaryAddress
        let made = ["b@shop.test", "a@shop.test", "c@shop.test"].map {
            Alias(address: .sample($0), targets: [ann, .sample("out@elsewhere.test")])
        }
        for alias in made { try await store.addAlias(alias, audit: Self.audit("alias.add")) }
        let first = try await store.aliases(ofDomain: "Shop.test", after: nil, limit: 2)
        #expect(first.map(\.address.description) == ["a@shop.test", "b@shop.test"])
        #expect(first[0].targets == made[0].targets)
        #expect(
            try await store.aliases(ofDomain: "shop.test", after: "b@shop.test", limit: 2).map(\.address.description)
                == ["c@shop.test"]
        )
        await #expect(throws: StoreError.alreadyExists) {
            try await store.addAlias(Alias(address: ann, targets: [ann]), audit: Self.audit("alias.add"))
        }
        let (a, b, c) = (made[1].address, made[0].address, made[2].address)
        try await store.setTargets(of: Alias(address: a, targets: [b]), audit: Self.audit("alias.change"))
        try await store.setTargets(of: Alias(address: b, targets: [c]), audit: Self.audit("alias.change"))
        await expectRefused {
            try await store.setTargets(of: Alias(address: c, targets: [ann, a]), audit: Self.audit("alias.change"))
        }
        await expectRefused {
            let own = EmailAddress.sample("own@shop.test")
            try await store.addAlias(Alias(address: own, targets: [own]), audit: Self.audit("alias.add"))
        }
        // What was refused has changed nothing.
        #expect(try await store.alias(c)?.targets == made[2].targets)
        #expect(try await store.alias(.sample("own@shop.test")) == nil)
        await #expect(throws: StoreError.notFound) {
            try await store.setTargets(of: Alias(address: ann, targets: [c]), audit: Self.audit("alias.change"))
        }
        try await store.removeAlias(a, audit: Self.audit("alias.remove"))
        await #expect(throws: StoreError.notFound) { try await store.removeAlias(a, audit: Self.audit("alias.remove")) }
        #expect(try await store.resolve(a) == .unknownAddress)
        let trail = try await store.auditTrail(AuditFilter(), before: nil, limit: 100)
        #expect(trail.count { $0.event.action == "alias.change" } == 2)
    }

    @Test(arguments: StoreFactory.all)
    func `a domain that means another has every address of it, and sends as it`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        _ = try await test.account("eve@other.test")
        for name in ["shop.example", "third.test"] {
            _ = try await store.addDomain(name, organisation: ann.organisation, keys: [])
        }
        try await store.addAlias(
            Alias(address: .sample("info@shop.test"), targets: [ann.primaryAddress]),
            audit: Self.audit("alias.add")
        )
        let event = Self.audit("domain.alias")
        try await store.setDomainAlias("shop.example", of: "shop.test", audit: event)
        #expect(try await store.routing(of: "shop.example")?.aliasOf == "shop.test")
        #expect(try await store.domainAliases(of: "shop.test") == ["shop.example"])
        let resolved = RecipientResolution.account(ann.id, usedBytes: 0, quotaBytes: nil)
        #expect(try await store.resolve(.sample("Ann@shop.example")) == resolved)
        #expect(try await store.resolve(.sample("ann+news@shop.example")) == resolved)
        #expect(try await store.resolve(.sample("info@shop.example")) == .alias([ann.primaryAddress]))
        #expect(try await store.resolve(.sample("nobody@shop.example")) == .unknownAddress)
        let sending = Set(try await store.sendingAddresses(of: ann.id).map(\.description))
        #expect(sending == ["ann@shop.test", "info@shop.test", "ann@shop.example", "info@shop.example"])

        // Nothing else lives there, and no circle comes about.
        await expectRefused { _ = try await test.account("bob@shop.example") }
        await expectRefused {
            try await store.addAlias(
                Alias(address: .sample("x@shop.example"), targets: [ann.primaryAddress]),
                audit: event
            )
        }
        for (domain, main) in [
            ("shop.test", "shop.example"), ("shop.test", "third.test"), ("third.test", "shop.example"),
            ("third.test", "third.test"), ("third.test", "other.test"), ("third.test", "nowhere.test"),
        ] {
            await expectRefused {
                try await store.setDomainAlias(domain, of: main, audit: event)
            }
        }
        _ = try await store.take(.suspend(reason: "x"), on: "shop.test", audit: event)
        #expect(try await store.resolve(.sample("ann@shop.example")) == .suspended)
        _ = try await store.take(.resume, on: "shop.test", audit: event)
        try await store.setDomainAlias("shop.example", of: nil, audit: event)
        #expect(try await store.resolve(.sample("ann@shop.example")) == .unknownAddress)
        #expect(try await store.sendingAddresses(of: ann.id).count == 2)
    }

    @Test(arguments: StoreFactory.all)
    func `details are divided as the domain says`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let jane = try await test.account("mary-jane@shop.test")
        let found = { (account: Account) in
            RecipientResolution.account(account.id, usedBytes: 0, quotaBytes: nil)
        }
        #expect(try await store.resolve(.sample("ann+a+b@shop.test")) == found(ann))
        #expect(try await store.resolve(.sample("ann-a@shop.test")) == .unknownAddress)
        #expect(try await store.resolve(.sample("+a@shop.test")) == .unknownAddress)
        let event = Self.audit("domain.subaddressing")
        try await store.setSeparator(.minus, of: "shop.test", audit: event)
        #expect(try await store.resolve(.sample("ann-a-b@shop.test")) == found(ann))
        #expect(try await store.resolve(.sample("mary-jane@shop.test")) == found(jane))
        #expect(try await store.resolve(.sample("Mary-Jane-news@shop.test")) == found(jane))
        #expect(try await store.resolve(.sample("ann+a@shop.test")) == .unknownAddress)
        #expect(try await store.separators(of: ann.id) == ["shop.test": .minus])
        try await store.setSeparator(.off, of: "shop.test", audit: event)
        #expect(try await store.resolve(.sample("ann-a@shop.test")) == .unknownAddress)
        #expect(try await store.resolve(.sample("ann+a@shop.test")) == .unknownAddress)
        try await store.setAccountStatus(ann.id, .suspended)
        try await store.setSeparator(.plus, of: "shop.test", audit: event)
        #expect(try await store.resolve(.sample("ann+a@shop.test")) == .suspended)
        await #expect(throws: StoreError.notFound) {
            try await store.setSeparator(.plus, of: "nowhere.test", audit: event)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a catch-all goes to an account of the organisation or to what takes mail`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test").primaryAddress
        let eve = try await test.account("eve@other.test").primaryAddress
        let event = Self.audit("domain.catch_all")
        #expect(try await store.routing(of: "shop.test") == DomainRouting())
        for wanted in [CatchAll.deliver(ann), .forward(.sample("else@where.example")), .forward(eve)] {
            try await store.setCatchAll(wanted, of: "Shop.test", audit: event)
            #expect(try await store.routing(of: "shop.test")?.catchAll == wanted)
        }
        for refused in [CatchAll.deliver(eve), .deliver(.sample("no@shop.test")), .forward(.sample("no@shop.test"))] {
            await expectRefused {
                try await store.setCatchAll(refused, of: "shop.test", audit: event)
            }
        }
        try await store.setCatchAll(nil, of: "shop.test", audit: event)
        #expect(try await store.routing(of: "shop.test")?.catchAll == nil)
        #expect(try await store.routing(of: "nowhere.test") == nil)
    }

    @Test(arguments: StoreFactory.all)
    func `masked addresses are their account's alone`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        let event = Self.audit("masked_address.add")
        let masks = ["k1@shop.test", "k2@shop.test"].map {
            MaskedAddress(
                address: .sample($0),
                account: ann.id,
                label: "Tea \"shop\"",
                site: "tea.example",
                isEnabled: true,
                createdAt: test.clock.now()
            )
        }
        for mask in masks { try await store.addMaskedAddress(mask, atMost: 2, audit: event) }
        var listing = MaskedListing(account: ann.id, limit: 10)
        #expect(try await store.maskedAddresses(listing) == masks)
        listing.after = masks[0].place(by: .address)
        #expect(try await store.maskedAddresses(listing) == [masks[1]])
        #expect(try await store.maskedAddress(masks[0].address, of: bob.id) == nil)
        #expect(
            try await store.resolve(.sample("K1@shop.test")) == .masked(ann.id, usedBytes: 0, quotaBytes: nil)
        )
        #expect(try await store.sendingAddresses(of: ann.id).contains(masks[0].address))
        #expect(try await store.credential(for: masks[0].address) == nil)

        let third = renamed(masks[0], .sample("k3@shop.test"))
        await expectRefused { try await store.addMaskedAddress(third, atMost: 2, audit: event) }
        let taken = renamed(masks[0], bob.primaryAddress)
        await #expect(throws: StoreError.alreadyExists) {
            try await store.addMaskedAddress(taken, atMost: 9, audit: event)
        }
        await #expect(throws: StoreError.alreadyExists) { _ = try await test.account("k1@shop.test") }

        var copy = LocalCopy(account: ann.id, recipient: masks[0].address)
        copy.isMasked = true
        let now = test.clock.now()
        _ = try await store.deliver(.example(Octets.text(10), at: now, to: [copy]))
        #expect(try await store.maskedAddress(masks[0].address, of: ann.id)?.lastUsedAt == now)

        var off = masks[0]
        off.isEnabled = false
        try await store.changeMaskedAddress(off, audit: event)
        #expect(try await store.resolve(off.address) == .suspended)
        #expect(try await !store.sendingAddresses(of: ann.id).contains(off.address))
        var foreign = off
        foreign.account = bob.id
        let others = foreign
        await #expect(throws: StoreError.notFound) { try await store.changeMaskedAddress(others, audit: event) }
        await #expect(throws: StoreError.notFound) {
            try await store.removeMaskedAddress(masks[1].address, of: bob.id, audit: event)
        }
        try await store.removeMaskedAddress(masks[1].address, of: ann.id, audit: event)
        #expect(try await store.resolve(masks[1].address) == .unknownAddress)
        try await store.setAccountStatus(ann.id, .suspended)
        #expect(try await store.resolve(masks[0].address) == .suspended)
    }
}
