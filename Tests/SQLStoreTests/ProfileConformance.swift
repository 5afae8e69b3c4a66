import MailModel
import MailPorts
import Testing

/// Profiles, pictures and several addresses of an account, on every engine.
@Suite("Port: AvatarStore, AccountAddressStore") struct ProfileConformance {
    private func audit(_ test: StoreUnderTest, _ action: String) -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "op@shop.test", action: action, subject: "ann@shop.test")
    }

    private func add(_ address: String, to account: Account, atMost limit: Int = 9, _ test: StoreUnderTest) async throws
    {
        try await test.store.addAccountAddress(
            try #require(EmailAddress(address)),
            to: account.id,
            atMost: limit,
            now: test.clock.now(),
            audit: audit(test, "account.address.add")
        )
    }

    private func newest(_ test: StoreUnderTest) async throws -> AuditEvent? {
        try await test.store.auditTrail(AuditFilter(), before: nil, limit: 1).first?.event
    }

    @Test(arguments: StoreFactory.all)
    func `a profile is changed member by member, and pictures have versions`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let change = ProfileChange(language: .set(LanguageTag("pt-br")), timeZone: .set("Europe/Lisbon"))
        var person = try await test.store.take(
            .change(displayName: nil, role: nil, profile: change),
            on: ann.id,
            upTo: .member,
            audit: audit(test, "account.profile")
        )
        #expect(person.language?.description == "pt-BR" && person.timeZone == "Europe/Lisbon")
        person = try await test.store.take(
            .change(displayName: "Ann", role: nil, profile: ProfileChange(language: .set(nil))),
            on: ann.id,
            upTo: .member,
            audit: audit(test, "account.profile")
        )
        #expect(person.language == nil && person.timeZone == "Europe/Lisbon" && person.account.displayName == "Ann")
        #expect(
            try await newest(test)?.detail == """
                {"display_name":{"before":"","after":"Ann"},"language":{"before":"pt-BR","after":null}}
                """
        )
        let avatar = Avatar(kind: .webp, bytes: [0, 255, 10])
        let event = audit(test, "account.avatar")
        let first = try await test.store.setAvatar(avatar, of: ann.id, upTo: .member, audit: event).avatarVersion
        #expect(try await test.store.avatar(of: ann.id) == avatar && first != nil)
        test.clock.advance(seconds: 1)
        let second = try await test.store.setAvatar(avatar, of: ann.id, upTo: .member, audit: event).avatarVersion
        #expect(second != first)
        #expect(try await test.store.setAvatar(nil, of: ann.id, upTo: .member, audit: event).avatarVersion == nil)
        #expect(try await test.store.avatar(of: ann.id) == nil)
        await #expect(throws: StoreError.notFound) {
            try await test.store.setAvatar(avatar, of: AccountID(999), upTo: .owner, audit: event)
        }
    }

    @Test(arguments: StoreFactory.all)
    func `by each of its addresses an account takes mail, signs in and sends`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (store, ann) = (test.store, try await test.account("ann@shop.test"))
        try await test.account("bob@shop.test")
        try await test.account("eve@other.test")
        _ = try await store.addDomain("second.test", organisation: ann.organisation, keys: [])
        try await add("Anna@second.test", to: ann, test)
        let other = try #require(EmailAddress("anna@second.test"))
        #expect(
            try await store.accountAddresses(of: ann.id)
                == [AccountAddress(ann.primaryAddress, isPrimary: true), AccountAddress(other, isPrimary: false)]
        )
        #expect(try await store.resolve(other) == .account(ann.id, usedBytes: 0, quotaBytes: nil))
        #expect(try await store.credential(for: other)?.account.id == ann.id)
        #expect(try await store.sendingAddresses(of: ann.id).contains(other))
        for taken in ["bob@shop.test", "anna@second.test"] {
            await #expect(throws: StoreError.alreadyExists) { try await add(taken, to: ann, test) }
        }
        for refused in ["ann@other.test", "ann@nowhere.test"] {
            await #expect(throws: StoreError.self) { try await add(refused, to: ann, test) }
        }
        await #expect(throws: StoreError.refused("an account has at most 2 addresses")) {
            try await add("third@shop.test", to: ann, atMost: 2, test)
        }
        let event = audit(test, "account.address.primary")
        try await store.makePrimary(other, of: ann.id, audit: event)
        #expect(try await store.account(ann.id)?.primaryAddress == other)
        #expect(try await newest(test)?.detail == #"{"primary":{"before":"ann@shop.test","after":"anna@second.test"}}"#)
        await #expect(throws: StoreError.refused("it is the primary address already")) {
            try await store.makePrimary(other, of: ann.id, audit: event)
        }
        await #expect(throws: StoreError.refused("the primary address stays")) {
            try await store.removeAccountAddress(other, of: ann.id, audit: event)
        }
        await #expect(throws: StoreError.notFound) {
            try await store.removeAccountAddress(try #require(EmailAddress("bob@shop.test")), of: ann.id, audit: event)
        }
        try await store.setCatchAll(.deliver(ann.primaryAddress), of: "shop.test", audit: event)
        await #expect(throws: StoreError.refused("the catch-all of shop.test goes there")) {
            try await store.removeAccountAddress(ann.primaryAddress, of: ann.id, audit: event)
        }
        try await store.setCatchAll(nil, of: "shop.test", audit: event)
        try await store.removeAccountAddress(ann.primaryAddress, of: ann.id, audit: event)
        #expect(try await store.resolve(ann.primaryAddress) == .unknownAddress)
        #expect(try await store.credential(for: ann.primaryAddress) == nil)
        // The address is free.
        try await test.account("ann@shop.test")
        #expect(try await store.verifyAudit(known: nil).broken == nil)
    }

    @Test(arguments: StoreFactory.all)
    func `an account that changes domains is counted under the limits of its new one`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let (store, ann) = (test.store, try await test.account("ann@shop.test"))
        _ = try await store.addDomain("small.test", organisation: ann.organisation, keys: [])
        _ = try await store.addDomain("large.test", organisation: ann.organisation, keys: [])
        let event = audit(test, "quota.set")
        for (name, bytes) in [("shop.test", 100_000), ("small.test", 10), ("large.test", 100_000)] as [(String, Int64)]
        {
            _ = try await store.setLimits(QuotaLimits(hardBytes: bytes), of: .domain(name), audit: event)
        }
        let copy = LocalCopy(account: ann.id, recipient: ann.primaryAddress)
        _ = try await store.deliver(.example(Octets.text(500), at: test.clock.now(), to: [copy]))
        for address in ["ann@small.test", "ann@large.test"] { try await add(address, to: ann, test) }
        await #expect(throws: StoreError.levelFull(.domain)) {
            try await store.makePrimary(try #require(EmailAddress("ann@small.test")), of: ann.id, audit: event)
        }
        #expect(try await store.account(ann.id)?.primaryAddress == ann.primaryAddress)
        try await store.makePrimary(try #require(EmailAddress("ann@large.test")), of: ann.id, audit: event)
        #expect(try await store.auditQuota(after: nil, limit: 10).findings == [])
        for (name, isUsed) in [("shop.test", false), ("large.test", true)] {
            #expect((try await store.quota(of: .domain(name)).usedBytes > 0) == isUsed, "\(name)")
        }
    }

    @Test(arguments: StoreFactory.all)
    func `a suspended organisation takes no mail for masked and unlisted addresses either`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let (store, ann) = (test.store, try await test.account("ann@shop.test"))
        let masked = try #require(EmailAddress("k7x@shop.test"))
        try await store.addMaskedAddress(
            MaskedAddress(
                address: masked,
                account: ann.id,
                label: "",
                site: "",
                isEnabled: true,
                createdAt: test.clock.now()
            ),
            atMost: 2,
            audit: audit(test, "masked_address.add")
        )
        let unlisted = try #require(EmailAddress("nobody@shop.test"))
        #expect(try await store.resolve(unlisted) == .unknownAddress)
        _ = try await store.suspendOrganisation(ann.organisation, reason: "unpaid", audit: audit(test, "x"))
        for address in [ann.primaryAddress, masked, unlisted] {
            #expect(try await store.resolve(address) == .suspended)
        }
        _ = try await store.suspendOrganisation(ann.organisation, reason: nil, audit: audit(test, "x"))
        #expect(try await store.resolve(masked) == .masked(ann.id, usedBytes: 0, quotaBytes: nil))
    }

    @Test(arguments: StoreFactory.all)
    func `an organisation is made with its line of the trail`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let made = try await test.store.addOrganisation(named: "Shop", audit: audit(test, "organisation.add"))
        let line = try await newest(test)
        #expect(line?.subject == "organisation \(made.id)" && line?.detail == #"{"name":"Shop"}"#)
        #expect(try await test.store.organisation(made.id) == made)
    }
}
