import MailModel
import MailPorts
import Testing

@Suite("Port: PeopleStore") struct PeopleConformance {
    private func audit(_ test: StoreUnderTest, _ action: String, _ subject: String = "x") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "op@shop.test", action: action, subject: subject)
    }

    private func take(_ step: PersonStep, _ account: Account, _ test: StoreUnderTest) async throws -> Person {
        try await test.store.take(
            step,
            on: account.id,
            upTo: .platformAdmin,
            audit: audit(test, "account.step", account.primaryAddress.canonical)
        )
    }

    private func owner(_ address: String, _ test: StoreUnderTest) async throws -> Account {
        try await take(.change(displayName: nil, role: .owner), try await test.account(address), test).account
    }

    private func newest(_ test: StoreUnderTest) async throws -> AuditEvent? {
        try await test.store.auditTrail(AuditFilter(), before: nil, limit: 1).first?.event
    }

    @Test(arguments: StoreFactory.all) func aChangeIsAuditedBeforeAndAfter(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let name = "Ann \"\u{301}\\ of Ür"
        let person = try await take(.change(displayName: name, role: .admin), ann, test)
        #expect(person.account.displayName == name && person.account.role == .admin)
        let detail = try await newest(test)?.detail
        #expect(
            detail == """
                {"display_name":{"before":"","after":"Ann \\"\u{301}\\\\ of Ür"},"role":{"before":"member","after":"admin"}}
                """
        )
        #expect(try await test.store.verifyAudit(known: nil).broken == nil)
    }

    @Test(arguments: StoreFactory.all) func theLastOwnerStays(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await owner("ann@shop.test", test)
        try await test.account("bob@shop.test")
        let elsewhere = try await owner("eve@other.test", test)
        let steps: [PersonStep] = [
            .change(displayName: nil, role: .member), .suspend(reason: "r"),
            .delete(purgeAt: test.clock.now().adding(seconds: 60)),
        ]
        for step in steps {
            await #expect(throws: StoreError.refused("the last owner of an organisation stays one")) {
                try await take(step, ann, test)
            }
        }
        let second = try await owner("cy@shop.test", test)
        _ = try await take(.suspend(reason: "r"), second, test)
        // A suspended owner is none.
        await #expect(throws: StoreError.self) { try await take(steps[0], ann, test) }
        _ = try await take(.restore, second, test)
        #expect(try await take(steps[0], ann, test).account.role == .member)
        #expect(try await test.store.person(elsewhere.id)?.account.role == .owner)
    }

    @Test(arguments: StoreFactory.all) func ofTwoOwnersThatDemoteEachOtherOneStays(_ factory: StoreFactory) async throws
    {
        let test = try await factory.make()
        let (ann, bob) = (try await owner("ann@shop.test", test), try await owner("bob@shop.test", test))
        let done = await withTaskGroup(of: Bool.self) { group in
            for one in [ann, bob] {
                group.addTask { (try? await take(.change(displayName: nil, role: .member), one, test)) != nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(done == 1)
    }

    @Test(arguments: StoreFactory.all) func aRoleAboveTheLimitIsNotTouched(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await owner("ann@shop.test", test)
        await #expect(throws: StoreError.notFound) {
            try await test.store.take(
                .change(displayName: "x", role: nil),
                on: ann.id,
                upTo: .admin,
                audit: audit(test, "account.step")
            )
        }
    }

    @Test(arguments: StoreFactory.all) func deletionIsUndoneWithinItsGraceAndFinalAfterIt(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        try await test.deliver(Array("Subject: x\r\n\r\nx\r\n".utf8), to: [ann, bob])
        try await test.store.add(
            RefreshToken(
                account: ann.id,
                family: "a",
                hash: Array(repeating: 1, count: 32),
                issuedAt: test.clock.now(),
                expiresAt: test.clock.now().adding(seconds: 600)
            )
        )
        let before = try await test.store.signInEndings(after: nil, limit: 1).last?.number ?? 0
        _ = try await take(.suspend(reason: "left"), ann, test)
        #expect(try await test.store.isRevoked(family: "a"))
        #expect(try await test.store.signInEndings(after: before, limit: 10).map(\.account) == [ann.id])
        let purgeAt = test.clock.now().adding(seconds: 60)
        #expect(try await take(.delete(purgeAt: purgeAt), ann, test).account.status == .deleted)
        #expect(try await test.store.resolve(ann.primaryAddress) == .suspended)
        #expect(try await test.store.credential(for: ann.primaryAddress) == nil)
        // What was suspended before is suspended again.
        let restored = try await take(.restore, ann, test)
        #expect(restored.account.status == .suspended && restored.reason == "left" && restored.purgeAt == nil)
        _ = try await take(.delete(purgeAt: purgeAt), ann, test)
        // A program that registered itself and that nobody else lets in goes with the account.
        let program = OAuthClient(
            id: "program",
            organisation: nil,
            name: "Program",
            secretHash: nil,
            redirectURIs: ["http://localhost"],
            scopes: ["imap"],
            isSelfRegistered: true,
            createdAt: test.clock.now(),
            createdBy: "registration"
        )
        try await test.store.giveOAuthConsent(of: ann.id, to: program, scopes: ["imap"], audit: audit(test, "oauth"))
        #expect(try await test.store.oauthClient("program") != nil)
        #expect(try await test.store.accountsToPurge(now: test.clock.now(), limit: 10) == [])
        #expect(try await !test.store.purgeAccount(ann.id, now: test.clock.now(), audit: audit(test, "account.purge")))
        test.clock.advance(seconds: 60)
        await #expect(throws: StoreError.notFound) { try await take(.restore, ann, test) }
        let now = test.clock.now()
        #expect(try await test.store.accountsToPurge(now: now, limit: 10) == [ann.id])
        #expect(try await test.store.purgeAccount(ann.id, now: now, audit: audit(test, "account.purge")))
        #expect(try await test.store.person(ann.id) == nil)
        #expect(try await test.store.oauthClient("program") == nil)
        #expect(try await test.store.resolve(ann.primaryAddress) == .unknownAddress)
        #expect(try await newest(test)?.subject == "ann@shop.test")
        // The other one's mail is there.
        #expect(try await test.store.person(bob.id)?.account.usedMessages == 1)
        #expect(try await test.account("ann@shop.test").usedMessages == 0)
    }

    @Test(arguments: StoreFactory.all) func aSuspendedOrganisationIsShutAndOpensAgain(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let (ann, eve) = (try await test.account("ann@shop.test"), try await test.account("eve@other.test"))
        try await test.store.addAlias(EmailAddress("all@shop.test")!, targets: [ann.primaryAddress])
        let before = try await test.store.signInEndings(after: nil, limit: 1).last?.number ?? 0
        let event = audit(test, "organisation.suspend", "organisation \(ann.organisation)")
        let record = try await test.store.suspendOrganisation(ann.organisation, reason: "unpaid", audit: event)
        #expect(record.status == .suspended && record.reason == "unpaid")
        await #expect(throws: StoreError.refused("the organisation is suspended")) {
            try await test.store.suspendOrganisation(ann.organisation, reason: "again", audit: event)
        }
        #expect(try await test.store.credential(for: ann.primaryAddress) == nil)
        #expect(try await test.store.account(ann.id)?.status == .suspended)
        #expect(try await test.store.resolve(ann.primaryAddress) == .suspended)
        #expect(try await test.store.resolve(EmailAddress("all@shop.test")!) == .suspended)
        #expect(try await test.store.resolve(eve.primaryAddress) != .suspended)
        #expect(try await test.store.signInEndings(after: before, limit: 10).map(\.account) == [ann.id])
        _ = try await test.store.suspendOrganisation(ann.organisation, reason: nil, audit: event)
        #expect(try await test.store.credential(for: ann.primaryAddress) != nil)
        #expect(try await test.store.resolve(ann.primaryAddress) != .suspended)
    }

    @Test(arguments: StoreFactory.all) func peopleAreFilteredAndLeafedThrough(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await owner("ann@shop.test", test)
        for name in ["bob", "cy", "dee_%"] { try await test.account("\(name)@shop.test") }
        try await test.account("eve@other.test")
        _ = try await take(
            .change(displayName: "Grüße Ölaf", role: nil),
            try await test.account("flo@shop.test"),
            test
        )
        func found(_ change: (inout PeopleListing) -> Void) async throws -> [String] {
            var listing = PeopleListing(organisation: ann.organisation, limit: 10)
            change(&listing)
            return try await test.store.people(listing).map(\.account.primaryAddress.localPart)
        }
        #expect(try await found { _ in } == ["ann", "bob", "cy", "dee_%", "flo"])
        #expect(try await found { $0.role = .owner } == ["ann"])
        #expect(try await found { $0.status = .deleted } == [])
        #expect(try await found { $0.domain = "other.test" } == [])
        #expect(try await found { $0.text = "%" } == ["dee_%"])
        #expect(try await found { $0.text = "BO" } == ["bob"])
        #expect(try await found { $0.text = "Ölaf" } == ["flo"])
        #expect(try await found { $0.text = "grüße" } == ["flo"])
        var listing = PeopleListing(organisation: ann.organisation, limit: 2)
        listing.isDescending = true
        var seen: [String] = []
        while true {
            let page = try await test.store.people(listing)
            seen += page.map(\.account.primaryAddress.localPart)
            guard let last = page.last else { break }
            listing.after = ListPosition(
                key: .text(last.account.primaryAddress.canonical),
                tie: last.account.id.rawValue
            )
        }
        #expect(seen == ["flo", "dee_%", "cy", "bob", "ann"])
        let names = try await test.store.organisations(OrganisationListing(limit: 10)).map(\.name)
        #expect(names == ["other.test", "shop.test"])
        _ = try await test.store.renameOrganisation(ann.organisation, to: "A shop", audit: audit(test, "rename"))
        #expect(try await test.store.organisation(ann.organisation)?.name == "A shop")
    }

    @Test(arguments: StoreFactory.all)
    func `responsible are the owners, else the administrators, of those who are active`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        func responsible(_ organisation: OrganisationID) async throws -> [String] {
            try await test.store.responsible(for: organisation, limit: 9).map(\.primaryAddress.canonical)
        }
        let ann = try await test.account("ann@shop.test")
        #expect(try await responsible(ann.organisation).isEmpty)
        #expect(try await test.store.platformAdministrators(limit: 9).isEmpty)
        let bob = try await test.account("bob@shop.test")
        _ = try await take(.change(displayName: nil, role: .admin), bob, test)
        #expect(try await responsible(ann.organisation) == ["bob@shop.test"])
        let cy = try await owner("cy@shop.test", test)
        _ = try await take(.change(displayName: nil, role: .owner), ann, test)
        #expect(try await responsible(ann.organisation) == ["ann@shop.test", "cy@shop.test"])
        _ = try await take(.suspend(reason: "r"), ann, test)
        #expect(try await responsible(ann.organisation) == ["cy@shop.test"])
        #expect(try await test.store.responsible(for: ann.organisation, limit: 0).isEmpty)
        // An operator of the platform is no owner of the organisation that the account is in.
        _ = try await take(.change(displayName: nil, role: .platformAdmin), bob, test)
        #expect(try await test.store.platformAdministrators(limit: 9).map(\.id) == [bob.id])
        #expect(try await responsible(cy.organisation) == ["cy@shop.test"])
    }
}
