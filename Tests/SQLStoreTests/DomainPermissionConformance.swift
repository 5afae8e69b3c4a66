import MailModel
import MailPorts
import Testing

@Suite("Port: DomainPermissionStore") struct DomainPermissionConformance {
    private func audit(_ test: StoreUnderTest) -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "op@shop.test", action: "domain.permissions", subject: "shop.test")
    }

    @discardableResult
    private func give(
        _ permissions: DomainPermissions,
        _ account: Account,
        on domain: String = "shop.test",
        atMost limit: Int = 9,
        _ test: StoreUnderTest
    ) async throws -> DomainGrant? {
        try await test.store.setDomainPermissions(
            permissions,
            of: account.id,
            on: domain,
            atMost: limit,
            audit: audit(test)
        )
    }

    private func take(_ step: PersonStep, _ account: Account, _ test: StoreUnderTest) async throws {
        _ = try await test.store.take(step, on: account.id, upTo: .platformAdmin, audit: audit(test))
    }

    @Test func `words and permissions are the same thing`() {
        #expect(DomainPermissions(words: ["users", "manage"])?.words == ["manage", "users"])
        #expect(DomainPermissions(words: []) == [])
        // No other way to write it: octets are compared.
        for bad in ["Manage", "manage ", "", "manage\u{301}", "all"] { #expect(DomainPermissions(words: [bad]) == nil) }
    }

    @Test(arguments: StoreFactory.all)
    func `what is given holds, is replaced and taken, each with its line`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        #expect(try await test.store.domainPermissions(of: ann.id, on: "shop.test") == [])
        let made = try #require(try await give([.manage, .users], ann, on: "SHOP.test", test))
        #expect(
            made.permissions == [.manage, .users] && made.domain == "shop.test" && made.address == ann.primaryAddress
        )
        #expect(made.grantedBy == "op@shop.test")
        #expect(try await give(.sendAs, ann, test)?.permissions == .sendAs)
        #expect(try await test.store.domainPermissions(of: ann.id, on: "Shop.Test") == .sendAs)
        #expect(try await test.store.domainGrants(heldBy: ann.id).map(\.domain) == ["shop.test"])
        #expect(try await give([], ann, test) == nil)
        #expect(try await test.store.domainGrants(heldBy: ann.id).isEmpty)
        let before = try await test.store.auditTrail(AuditFilter(), before: nil, limit: 9).count
        #expect(try await give([], ann, test) == nil)
        let trail = try await test.store.auditTrail(AuditFilter(), before: nil, limit: 9)
        #expect(trail.count == before && trail.first?.organisation == ann.organisation)
        #expect(
            trail.prefix(3).map(\.event.detail) == [
                #"{"account":"ann@shop.test","permissions":{"before":"send-as","after":""}}"#,
                #"{"account":"ann@shop.test","permissions":{"before":"manage users","after":"send-as"}}"#,
                #"{"account":"ann@shop.test","permissions":{"before":"","after":"manage users"}}"#,
            ]
        )
    }

    @Test(arguments: StoreFactory.all)
    func `only people of the domain's organisation, and so many`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        let eve = try await test.account("eve@other.test")
        for (account, domain) in [(eve, "shop.test"), (ann, "other.test"), (ann, "nowhere.test")] {
            await #expect(throws: StoreError.notFound) { try await give(.manage, account, on: domain, test) }
        }
        try await give(.manage, ann, atMost: 1, test)
        try await give(.users, ann, atMost: 1, test)
        await #expect(throws: StoreError.refused("there are at most 1 grants of permissions of one domain")) {
            try await give(.manage, bob, atMost: 1, test)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `it holds while the account is active and the domain is there`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await give([.sendAs, .users], ann, test)
        #expect(try await test.store.sendingDomains(of: ann.id) == ["shop.test"])
        try await take(.suspend(reason: "r"), ann, test)
        #expect(try await test.store.domainPermissions(of: ann.id, on: "shop.test") == [])
        #expect(try await test.store.sendingDomains(of: ann.id).isEmpty)
        #expect(try await test.store.domainGrant(of: ann.id, on: "shop.test") != nil)
        try await take(.restore, ann, test)
        #expect(try await test.store.domainPermissions(of: ann.id, on: "shop.test") == [.sendAs, .users])
        _ = try await test.store.take(.suspend(reason: "r"), on: "shop.test", audit: audit(test))
        // A suspended domain sends nothing, whoever has a permission.
        #expect(try await test.store.sendingDomains(of: ann.id).isEmpty)
    }

    @Test(arguments: StoreFactory.all)
    func `users are members with addresses in permitted domains alone and without permissions`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        let eve = try await test.account("eve@other.test")
        func manages(_ account: Account) async throws -> Bool {
            try await test.store.managesUser(account.id, by: ann.id)
        }
        #expect(try await !manages(bob))
        try await give(.manage, ann, test)
        #expect(try await !manages(bob))
        try await give(.users, ann, test)
        #expect(try await manages(bob))
        // Not oneself, who has a permission, and nobody elsewhere.
        #expect(try await !manages(ann))
        #expect(try await !manages(eve))
        try await take(.change(displayName: nil, role: .admin), bob, test)
        #expect(try await !manages(bob))
        try await take(.change(displayName: nil, role: .member), bob, test)
        try await give(.analytics, bob, test)
        #expect(try await !manages(bob))
        try await give([], bob, test)
        #expect(try await manages(bob))
        // An address in a domain that is not hers to manage.
        _ = try await test.store.addDomain("second.test", organisation: ann.organisation, keys: [])
        try await test.store.addAccountAddress(
            .sample("bob@second.test"),
            to: bob.id,
            atMost: 9,
            now: test.clock.now(),
            audit: audit(test)
        )
        #expect(try await !manages(bob))
        try await give(.users, ann, on: "second.test", test)
        #expect(try await manages(bob))
        try await take(.suspend(reason: "r"), ann, test)
        #expect(try await !manages(bob))
    }

    @Test(arguments: StoreFactory.all)
    func `lists go on in their order, and domains are listed to who may see them`(_ factory: StoreFactory) async throws
    {
        let test = try await factory.make()
        var made: [Account] = []
        for number in 0..<5 {
            let account = try await test.account("p\(number)@shop.test")
            try await give(number.isMultiple(of: 2) ? [.manage, .analytics] : .analytics, account, test)
            made.append(account)
        }
        var listing = DomainGrantListing(domain: "shop.test", limit: 2)
        let seen = try await listing.every { page throws(StoreError) in
            try await test.store.domainGrants(page)
        }.map(\.address.canonical)
        #expect(seen == (0..<5).map { "p\($0)@shop.test" })
        listing = DomainGrantListing(domain: "shop.test", limit: 9)
        listing.permission = .manage
        listing.isDescending = true
        #expect(try await test.store.domainGrants(listing).map(\.account) == [made[4].id, made[2].id, made[0].id])
        _ = try await test.store.addDomain("second.test", organisation: made[0].organisation, keys: [])
        var domains = DomainListing(organisation: made[0].organisation, limit: 9)
        #expect(try await test.store.domains(domains).map(\.name) == ["second.test", "shop.test"])
        domains.permittedTo = made[0].id
        #expect(try await test.store.domains(domains).map(\.name) == ["shop.test"])
        domains.status = .pending
        #expect(try await test.store.domains(domains).isEmpty)
    }
}
