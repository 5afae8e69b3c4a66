import MailModel
import MailPorts
import Testing

/// With what people write, on every engine.
@Suite("Port: IdentityStore") struct IdentityConformance {
    private func audit(_ test: StoreUnderTest, _ action: String = "account.identity") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "op", action: action, subject: "ann@shop.test")
    }

    private func set(
        _ settings: IdentitySettings?,
        _ address: String,
        _ account: Account,
        _ test: StoreUnderTest,
        stale: [EmailAddress] = [],
        atMost limit: Int = 9
    ) async throws(StoreError) {
        try await test.store.setIdentity(
            settings,
            of: .sample(address),
            for: account.id,
            forgetting: stale,
            atMost: limit,
            audit: audit(test)
        )
    }

    private func detail(_ test: StoreUnderTest) async throws -> String? {
        try await test.store.auditTrail(AuditFilter(), before: nil, limit: 1).first?.event.detail
    }

    @Test(arguments: StoreFactory.all)
    func `everything that an account sends with is there, with who lends it`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let (ann, boss) = (try await test.account("ann@shop.test"), try await test.account("boss@shop.test"))
        let others = try await test.account("eve@other.test")
        for name in ["shop.example", "fair.test"] {
            _ = try await store.addDomain(name, organisation: ann.organisation, keys: [])
        }
        let note = audit(test)
        try await store.addAlias(
            Alias(address: .sample("info@shop.test"), targets: [ann.primaryAddress]),
            audit: note
        )
        try await store.addAlias(
            Alias(address: .sample("both@shop.test"), targets: [ann.primaryAddress, boss.primaryAddress]),
            audit: note
        )
        try await store.setDomainAlias("shop.example", of: "shop.test", audit: note)
        for kind in [SendingGrantKind.sendOnBehalf, .sendAs] {
            _ = try await store.addSendingGrant(
                kind,
                of: boss.primaryAddress,
                owner: boss.id,
                to: ann.id,
                atMost: 9,
                audit: note
            )
        }
        _ = try await store.setDomainPermissions(.sendAs, of: ann.id, on: "fair.test", atMost: 9, audit: note)
        var record = try await store.identities(of: ann.id)
        let known = Dictionary(uniqueKeysWithValues: record.addresses.map { ($0.address.description, $0) })
        #expect(
            known.mapValues(\.kind) == [
                "ann@shop.test": .own, "info@shop.test": .alias, "ann@shop.example": .domainAlias,
                "info@shop.example": .domainAlias, "boss@shop.test": .granted, "*@fair.test": .domain,
            ]
        )
        #expect(record.addresses.count == 6)
        #expect(known["boss@shop.test"]?.isOnBehalf == false)
        #expect(known["boss@shop.test"]?.owner?.address == boss.primaryAddress)
        #expect(record.settings.isEmpty && record.lent.isEmpty && record.domains.isEmpty)

        // What owners say of what they lend, and of nothing else.
        try await set(IdentitySettings(name: "Boss"), "boss@shop.test", boss, test)
        try await set(IdentitySettings(name: "Other"), "private@shop.test", boss, test)
        try await set(IdentitySettings(name: "Eve"), "ann@shop.test", others, test)
        record = try await store.identities(of: ann.id)
        #expect(record.lent == [boss.primaryAddress: IdentitySettings(name: "Boss")] && record.settings.isEmpty)
        #expect(try await store.identities(of: others.id).addresses.map(\.address) == [others.primaryAddress])
    }

    @Test(arguments: StoreFactory.all)
    func `what is said of an address is kept, changed and forgotten`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        var settings = IdentitySettings(
            name: "Änn",
            replyTo: [.sample("a@b.test"), .sample("c@d.test")],
            bcc: [.sample("ann@shop.test")],
            signature: MailSignature(text: "", html: nil)
        )
        try await set(settings, "Ann@shop.test", ann, test)
        #expect(try await store.identities(of: ann.id).settings == [ann.primaryAddress: settings])
        let line = try await detail(test)
        #expect(line?.contains(#""name":{"before":null,"after":"Änn"}"#) == true)
        #expect(line?.contains(#""text_octets":{"before":null,"after":"0"}"#) == true)
        settings = IdentitySettings(signature: MailSignature(html: "<p>secret</p>"))
        try await set(settings, "ann@shop.test", ann, test)
        #expect(try await store.identities(of: ann.id).settings == [ann.primaryAddress: settings])
        #expect(try await detail(test)?.contains("secret") == false)
        try await set(nil, "ann@shop.test", ann, test)
        #expect(try await store.identities(of: ann.id).settings.isEmpty)
        await #expect(throws: StoreError.notFound) { try await set(nil, "ann@shop.test", ann, test) }
        var nobody = ann
        nobody.id = AccountID(999)
        await #expect(throws: StoreError.notFound) { try await set(settings, "ann@shop.test", nobody, test) }
    }

    @Test(arguments: StoreFactory.all)
    func `what is out of use makes room, and only when there is none`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        let said = IdentitySettings(name: "x")
        let stale: [EmailAddress] = [.sample("old@shop.test")]
        try await set(said, "old@shop.test", ann, test, atMost: 2)
        try await set(said, "new@shop.test", ann, test, stale: stale, atMost: 2)
        #expect(try await store.identities(of: ann.id).settings.count == 2)
        try await set(said, "third@shop.test", ann, test, stale: stale, atMost: 2)
        let known = Set(try await store.identities(of: ann.id).settings.keys.map(\.description))
        #expect(known == ["new@shop.test", "third@shop.test"])
        await #expect(throws: StoreError.refused("something is said of at most 2 addresses")) {
            try await set(said, "fourth@shop.test", ann, test, stale: stale, atMost: 2)
        }
        // A change needs no room.
        try await set(IdentitySettings(name: "y"), "third@shop.test", ann, test, stale: stale, atMost: 2)
    }

    @Test(arguments: StoreFactory.all)
    func `a person and a domain have a signature`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        let person = ComposingSettings(defaultAddress: .sample("x@shop.test"), signature: MailSignature(text: "Ann"))
        try await store.setComposing(person, for: ann.id, audit: audit(test))
        #expect(try await store.identities(of: ann.id).composing == person)
        try await store.setComposing(ComposingSettings(), for: ann.id, audit: audit(test))
        #expect(try await store.identities(of: ann.id).composing == ComposingSettings())
        await #expect(throws: StoreError.notFound) {
            try await store.setComposing(person, for: AccountID(999), audit: audit(test))
        }

        _ = try await store.addDomain("shop.example", organisation: ann.organisation, keys: [])
        try await store.setDomainAlias("shop.example", of: "shop.test", audit: audit(test))
        let shop = MailSignature(text: "{name}", html: "<b>{name}</b>")
        try await store.setSignature(shop, ofDomain: "SHOP.test", audit: audit(test))
        #expect(try await store.signature(ofDomain: "Shop.test") == shop)
        #expect(try await store.signature(ofDomain: "shop.example") == nil)
        // A domain that means another has the other's, as long as it has none.
        #expect(try await store.identities(of: ann.id).domains == ["shop.test": shop, "shop.example": shop])
        let own = MailSignature(text: "other")
        try await store.setSignature(own, ofDomain: "shop.example", audit: audit(test))
        #expect(try await store.identities(of: ann.id).domains == ["shop.test": shop, "shop.example": own])
        for domain in ["shop.test", "shop.example"] {
            try await store.setSignature(nil, ofDomain: domain, audit: audit(test))
        }
        #expect(try await store.identities(of: ann.id).domains.isEmpty)
        await #expect(throws: StoreError.notFound) {
            try await store.setSignature(nil, ofDomain: "shop.test", audit: audit(test))
        }
        await #expect(throws: StoreError.notFound) {
            try await store.setSignature(own, ofDomain: "nowhere.test", audit: audit(test))
        }
    }
}
