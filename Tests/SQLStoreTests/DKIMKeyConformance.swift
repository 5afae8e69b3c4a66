import MailModel
import MailPorts
import Testing

@Suite struct DKIMKeyConformance {
    private static let start = Timestamp(seconds: 1_800_000_000)
    private static let audit = AuditEvent(at: start, actor: "cli", action: "dkim.rotate", subject: "shop.test")

    private func key(
        _ selector: String,
        _ algorithm: DKIMKey.Algorithm = .rsaSHA256,
        _ state: DKIMKey.State = .published
    ) -> DKIMKey {
        DKIMKey(
            domain: "shop.test",
            selector: selector,
            algorithm: algorithm,
            sealedPrivateKey: [1],
            publicKey: [2],
            createdAt: Self.start,
            state: state
        )
    }

    private func states(_ store: any EveryStorePort) async throws -> [String] {
        try await store.dkimKeys(of: "shop.test").map { "\($0.selector) \($0.state.rawValue)" }
    }

    @Test(arguments: StoreFactory.all)
    func `a published key signs when it is activated, and its elder retires`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        // Its folder goes with it.
        defer { withExtendedLifetime(test) {} }
        let store = test.store
        let organisation = try await store.addOrganisation(name: "Shop").id
        let first = [key("rsa1", .rsaSHA256, .signing), key("ed1", .ed25519SHA256, .signing)]
        _ = try await store.addDomain("shop.test", organisation: organisation, keys: first)
        try await store.addKeys([key("rsa2"), key("rsa3")], of: "shop.test", audit: Self.audit)
        #expect(try await store.signingKeys(of: "SHOP.test").map(\.selector) == ["ed1", "rsa1"])
        #expect(try await store.domainsWithWaitingKeys(limit: 9) == ["shop.test"])
        await #expect(throws: StoreError.alreadyExists) {
            try await store.addKeys([key("rsa4"), key("rsa2")], of: "shop.test", audit: Self.audit)
        }
        await #expect(throws: StoreError.notFound) {
            try await store.addKeys([key("rsa2")], of: "other.test", audit: Self.audit)
        }
        let end = Self.start.adding(seconds: 60)
        try await store.activateKey("rsa2", of: "shop.test", retiringUntil: end, audit: Self.audit)
        #expect(try await states(store) == ["ed1 signing", "rsa1 retired", "rsa2 signing", "rsa3 published"])
        #expect(try await store.signingKeys(of: "shop.test").map(\.selector) == ["ed1", "rsa2"])
        for (selector, error) in [
            ("rsa1", StoreError.refused("the key is retired")), ("rsa2", .refused("the key is signing")),
            ("x", .notFound),
        ] {
            await #expect(throws: error) {
                try await store.activateKey(selector, of: "shop.test", retiringUntil: end, audit: Self.audit)
            }
        }
        #expect(try await store.removeRetiredKeys(now: Self.start, audit: .test) == 0)
        #expect(try await store.removeRetiredKeys(now: end, audit: .test) == 1)
        #expect(try await states(store) == ["ed1 signing", "rsa2 signing", "rsa3 published"])
    }

    @Test(arguments: StoreFactory.all)
    func `the last key that signs stays`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        // Its folder goes with it.
        defer { withExtendedLifetime(test) {} }
        let store = test.store
        let organisation = try await store.addOrganisation(name: "Shop").id
        let keys = [key("rsa1", .rsaSHA256, .signing), key("ed1", .ed25519SHA256, .signing), key("rsa2")]
        _ = try await store.addDomain("shop.test", organisation: organisation, keys: keys)
        let end = Self.start.adding(seconds: 60)
        try await store.retireKey("rsa1", of: "shop.test", removeAt: end, audit: Self.audit)
        #expect(try await states(store) == ["ed1 signing", "rsa1 retired", "rsa2 published"])
        await #expect(throws: StoreError.refused("no other key signs for the domain")) {
            try await store.retireKey("ed1", of: "shop.test", removeAt: end, audit: Self.audit)
        }
        await #expect(throws: StoreError.refused("the key is retired")) {
            try await store.retireKey("rsa1", of: "shop.test", removeAt: end, audit: Self.audit)
        }
        await #expect(throws: StoreError.notFound) {
            try await store.retireKey("x", of: "shop.test", removeAt: end, audit: Self.audit)
        }
        try await store.retireKey("rsa2", of: "shop.test", removeAt: end, audit: Self.audit)
        #expect(try await store.domainsWithWaitingKeys(limit: 9).isEmpty)
    }

    @Test(arguments: StoreFactory.all)
    func `keys by their selectors come in pages of domains that are not deleted`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        defer { withExtendedLifetime(test) {} }
        let store = test.store
        let organisation = try await store.addOrganisation(name: "Shop").id
        for name in ["c.test", "a.test", "b.test", "d.test"] {
            var keys = [key("x", .rsaSHA256, .signing), key("y"), key("z")]
            for place in keys.indices { keys[place].domain = name }
            if name == "b.test" { keys.removeFirst(2) }
            _ = try await store.addDomain(name, organisation: organisation, keys: keys)
        }
        _ = try await store.take(.delete(purgeAt: Self.start), on: "d.test", audit: Self.audit)
        let page = try await store.keys(named: ["x", "y"], afterDomain: nil, limit: 1)
        #expect(page.map { "\($0.domain) \($0.selector)" } == ["a.test x", "a.test y"])
        let rest = try await store.keys(named: ["x", "y"], afterDomain: "a.test", limit: 9)
        #expect(rest.map { "\($0.domain) \($0.selector)" } == ["c.test x", "c.test y"])
        #expect(try await store.keys(named: [], afterDomain: nil, limit: 9).isEmpty)
    }
}
