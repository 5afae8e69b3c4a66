import MailModel
import MailPorts
import Testing

@Suite struct DomainConformance {
    private static let soon = Timestamp(seconds: 1_800_000_600)

    private func audit(_ action: String) -> AuditEvent {
        AuditEvent(at: Timestamp(seconds: 1_800_000_000), actor: "cli", action: action, subject: "shop.test")
    }

    private func claim(
        _ store: any EveryStorePort,
        _ organisation: OrganisationID,
        _ name: String = "shop.test",
        limit: Int = 10
    ) async throws(StoreError) -> DomainClaim {
        try await store.addClaim(
            name,
            organisation: organisation,
            token: "token-of-\(organisation.rawValue)",
            expiresAt: Self.soon,
            limit: limit,
            audit: audit("domain.claim")
        )
    }

    private func key(_ domain: String) -> DKIMKey {
        DKIMKey(
            domain: domain,
            selector: "s1",
            algorithm: .ed25519SHA256,
            sealedPrivateKey: [1],
            publicKey: [2],
            createdAt: Self.soon
        )
    }

    @Test(arguments: StoreFactory.all)
    func `a claimed domain is not hosted, and several organisations may claim it`(_ factory: StoreFactory) async throws
    {
        let test = try await factory.make()
        let store = test.store
        let first = try await store.addOrganisation(name: "First").id
        let second = try await store.addOrganisation(name: "Second").id
        let one = try await claim(store, first, "Shop.TEST")
        let two = try await claim(store, second)
        #expect(one.name == "shop.test" && one.id != two.id && one.expiresAt == Self.soon)
        #expect(try await store.claims(named: "SHOP.test") == [one, two])
        #expect(try await store.domain(named: "shop.test") == nil)
        #expect(try await store.resolve(.sample("ann@shop.test")) == .notHosted)
        #expect(try await store.domains(of: nil, after: nil, limit: 10).isEmpty)
        await #expect(throws: StoreError.self) {
            try await store.addAlias(.sample("a@shop.test"), targets: [.sample("b@c.test")])
        }
        await #expect(throws: StoreError.alreadyExists) { try await claim(store, first) }
        await #expect(throws: StoreError.notFound) { try await claim(store, OrganisationID(99)) }
        await #expect(throws: StoreError.self) { try await claim(store, second, "more.test", limit: 1) }
    }

    @Test(arguments: StoreFactory.all)
    func `of two organisations one proves the domain, with the token it was given`(_ factory: StoreFactory) async throws
    {
        let test = try await factory.make()
        let store = test.store
        let first = try await claim(store, store.addOrganisation(name: "First").id)
        let second = try await claim(store, store.addOrganisation(name: "Second").id)
        let renewed = try await store.renewClaim(
            first,
            token: "other",
            expiresAt: Self.soon,
            audit: audit("domain.challenge")
        )
        #expect(try await store.claims(named: "shop.test").map(\.token) == ["other", second.token])
        await #expect(throws: StoreError.notFound) {
            try await store.proveClaim(first, by: .txt, keys: [], audit: audit("domain.verify"))
        }
        let domain = try await store.proveClaim(
            renewed,
            by: .txt,
            keys: [key("shop.test")],
            audit: audit("domain.verify")
        )
        #expect(domain.id == first.id && domain.organisation == first.organisation && domain.status == .active)
        #expect(try await store.domain(named: "shop.test") == domain)
        #expect(try await store.signingKeys(of: "shop.test").map(\.selector) == ["s1"])
        await #expect(throws: StoreError.alreadyExists) {
            try await store.proveClaim(second, by: .cname, keys: [key("shop.test")], audit: audit("domain.verify"))
        }
        // The claim that failed is still there, and the domain is its first prover's.
        #expect(try await store.claims(named: "shop.test") == [second])
        #expect(try await store.domain(named: "shop.test")?.organisation == first.organisation)
        await #expect(throws: StoreError.alreadyExists) { try await claim(store, first.organisation) }
        try await store.removeClaim(second, audit: audit("domain.withdraw"))
        await #expect(throws: StoreError.notFound) {
            try await store.removeClaim(second, audit: audit("domain.withdraw"))
        }
        await #expect(throws: StoreError.notFound) {
            try await store.renewClaim(second, token: "x", expiresAt: Self.soon, audit: audit("domain.challenge"))
        }
    }

    @Test(arguments: StoreFactory.all)
    func `the list shows every state, page by page`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        // Its folder goes with it.
        defer { withExtendedLifetime(test) {} }
        let store = test.store
        let first = try await store.addOrganisation(name: "First").id
        let second = try await store.addOrganisation(name: "Second").id
        for name in ["b.test", "d.test"] { _ = try await store.addDomain(name, organisation: first, keys: []) }
        _ = try await store.take(.delete(purgeAt: Self.soon), on: "d.test", audit: audit("domain.delete"))
        for (name, owner) in [("a.test", first), ("b.test", second), ("c.test", second), ("c.test", first)] {
            _ = try await claim(store, owner, name)
        }
        let expected = ["a.test 1", "b.test 1", "b.test 2", "c.test 1", "c.test 2", "d.test 1"]
        var seen: [String] = []
        var after: DomainPosition?
        while true {
            let page = try await store.entries(of: nil, after: after, limit: 2)
            seen += page.map { "\($0.name) \($0.organisation.rawValue)" }
            guard let last = page.last else { break }
            after = DomainPosition(name: last.name, organisation: last.organisation)
        }
        #expect(seen == expected)
        #expect(try await store.entries(of: second, after: nil, limit: 9).map(\.name) == ["b.test", "c.test"])
        #expect(
            try await store.entries(of: nil, after: DomainPosition(name: "b.test"), limit: 1).map(\.name) == ["c.test"]
        )
        #expect(try await store.domains(of: nil, after: nil, limit: 9).map(\.name) == ["b.test"])
    }

    @Test(arguments: StoreFactory.all)
    func `a suspended domain neither takes nor sends, a deleted one is not hosted`(_ factory: StoreFactory) async throws
    {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let info = EmailAddress.sample("info@shop.test")
        try await store.addAlias(info, targets: [ann.primaryAddress])
        #expect(try await store.sendingAddresses(of: ann.id).count == 2)

        let suspended = try await store.take(
            .suspend(reason: "unpaid"),
            on: "SHOP.test",
            audit: audit("domain.suspend")
        )
        #expect(suspended.status == .suspended && suspended.reason == "unpaid")
        #expect(try await store.resolve(ann.primaryAddress) == .suspended)
        #expect(try await store.resolve(.sample("nobody@shop.test")) == .suspended)
        #expect(try await store.sendingAddresses(of: ann.id).isEmpty)
        #expect(try await store.credential(for: ann.primaryAddress) != nil)
        await #expect(throws: StoreError.refused("the domain is suspended")) {
            try await store.take(.suspend(reason: "again"), on: "shop.test", audit: audit("domain.suspend"))
        }

        let deleted = try await store.take(.delete(purgeAt: Self.soon), on: "shop.test", audit: audit("domain.delete"))
        #expect(try await store.signInEndings(after: 0, limit: 10).map(\.account) == [ann.id])
        #expect(deleted.status == .deleted && deleted.purgeAt == Self.soon)
        for address in [ann.primaryAddress, info, .sample("nobody@shop.test")] {
            #expect(try await store.resolve(address) == .notHosted)
        }
        #expect(try await store.credential(for: ann.primaryAddress) == nil)
        #expect(try await store.account(ann.id)?.status == .suspended)
        await #expect(throws: StoreError.self) { try await test.account("new@shop.test") }

        // Deleting and restoring does not end a suspension.
        let restored = try await store.take(.restore, on: "shop.test", audit: audit("domain.restore"))
        #expect(restored.status == .suspended && restored.reason == "unpaid" && restored.purgeAt == nil)
        await #expect(throws: StoreError.self) {
            try await store.take(.restore, on: "shop.test", audit: audit("domain.restore"))
        }
        let resumed = try await store.take(.resume, on: "shop.test", audit: audit("domain.resume"))
        #expect(resumed.status == .active && resumed.reason == nil)
        #expect(try await store.sendingAddresses(of: ann.id).count == 2)
        #expect(try await store.account(ann.id)?.status == .active)
        await #expect(throws: StoreError.notFound) {
            try await store.take(.resume, on: "other.test", audit: audit("x"))
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a deleted domain goes for good with its accounts and their mail, when its time is over`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@other.test")
        try await store.addAlias(.sample("info@shop.test"), targets: [bob.primaryAddress])
        try await test.deliver(Octets.text(500), to: [ann, bob])
        let now = test.clock.now()
        let end = now.adding(seconds: 10)
        _ = try await store.take(.delete(purgeAt: end), on: "shop.test", audit: audit("domain.delete"))

        #expect(try await store.domainsToPurge(now: now, limit: 9).isEmpty)
        #expect(try await !store.purgeStep("shop.test", now: now, audit: audit("domain.purge")))
        #expect(try await store.domain(named: "shop.test") != nil)

        #expect(try await store.domainsToPurge(now: end, limit: 9) == ["shop.test"])
        var steps = 1
        while try await store.purgeStep("shop.test", now: end, audit: audit("domain.purge")) { steps += 1 }
        #expect(steps == 2)
        #expect(try await store.domain(named: "shop.test") == nil)
        #expect(try await store.account(ann.id) == nil)
        #expect(try await store.mailboxes(of: ann.id).isEmpty)
        #expect(try await store.aliases(ofDomain: "shop.test").isEmpty)
        #expect(try await store.account(bob.id)?.usedMessages == 1)
        #expect(try await store.verify().findings == [])
        // Its name is free again, and nothing of the old one comes back.
        let again = try await test.account("ann@shop.test")
        #expect(again.id != ann.id && again.usedMessages == 0)
    }

    @Test(arguments: StoreFactory.all)
    func `one holder at a time does the upkeep; old claims go`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        // Its folder goes with it.
        defer { withExtendedLifetime(test) {} }
        let store = test.store
        let now = Timestamp(seconds: 1_800_000_000)
        func take(_ holder: String, _ at: Int64) async throws -> Bool {
            let now = now.adding(seconds: at)
            return try await store.takeUpkeep("domains", holder: holder, until: now.adding(seconds: 60), now: now)
        }
        #expect(try await take("a", 0))
        #expect(try await !take("b", 10))
        #expect(try await take("a", 50))
        #expect(try await !take("b", 70))
        #expect(try await take("b", 111))
        _ = try await claim(store, store.addOrganisation(name: "First").id)
        #expect(try await store.removeClaims(expiredBefore: Self.soon, audit: .test) == 0)
        #expect(try await store.removeClaims(expiredBefore: Self.soon.adding(seconds: 1), audit: .test) == 1)
        #expect(try await store.claims(named: "shop.test").isEmpty)
    }

    @Test(arguments: StoreFactory.all)
    func `upkeep that ends, fails or is stopped is another's at once`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (store, clock) = (test.store, test.clock)
        @Sendable func lease(_ holder: String) -> UpkeepLease {
            UpkeepLease("work", in: store, holder: holder, seconds: 600, clock: clock)
        }
        let seen = try await lease("a").during { () async throws(StoreError) in try await lease("b").holds() }
        #expect(seen == false)
        #expect(try await lease("b").during { () async throws(StoreError) in try await lease("a").holds() } == false)
        await #expect(throws: StoreError.notFound) {
            _ = try await lease("a").during { () async throws(StoreError) -> Int in throw .notFound }
        }
        #expect(try await lease("b").during { () async throws(StoreError) in 1 } == 1)
        // A stop cancels the pass; what it has is given back all the same.
        let stopped = Task {
            try await lease("a").during { () async throws(StoreError) in
                while !Task.isCancelled { await Task.yield() }
                return try await lease("b").holds()
            }
        }
        stopped.cancel()
        #expect(try await stopped.value == false)
        #expect(try await lease("b").holds())
        // Another's is left alone.
        try await lease("a").giveBack()
        #expect(try await lease("a").during { () async throws(StoreError) in 1 } == nil)
        clock.advance(seconds: 601)
        #expect(try await lease("a").holds())
    }
}
