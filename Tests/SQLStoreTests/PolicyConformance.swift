import MailModel
import MailPorts
import Testing

@Suite("Port: PolicyStore") struct PolicyConformance {
    private static func audit(_ test: StoreUnderTest) -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "cli", action: "domain.policy", subject: "shop.test")
    }

    private static func policy(_ recipients: Int) -> DomainPolicy {
        var policy = DomainPolicy()
        policy.maxRecipients = recipients
        policy.footer = DomainPolicy.Footer(text: "Grüße\n\"x\"")
        return policy
    }

    @Test(arguments: StoreFactory.all) func eachChangeIsAnotherVersion(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await test.account("ann@shop.test")
        #expect(try await test.store.policyRecord(ofDomain: "shop.test").version == 0)
        #expect(try await test.store.policy(ofDomain: "shop.test") == nil)
        let audit = Self.audit(test)
        let first = try await test.store.setPolicy(
            Self.policy(5),
            ofDomain: "SHOP.test",
            replacing: 0,
            audit: audit
        )
        #expect(first.version == 1)
        #expect(try await test.store.policy(ofDomain: "shop.test") == Self.policy(5))
        await #expect(throws: StoreError.alreadyExists) {
            try await test.store.setPolicy(Self.policy(6), ofDomain: "shop.test", replacing: 0, audit: audit)
        }
        let second = try await test.store.setPolicy(Self.policy(7), ofDomain: "shop.test", replacing: 1, audit: audit)
        #expect(try await test.store.policyRecord(ofDomain: "shop.test") == second)
        #expect(second.version == 2)
        #expect(try await test.store.policy(ofDomain: "shop.test") == Self.policy(7))
        await #expect(throws: StoreError.notFound) {
            try await test.store.setPolicy(Self.policy(6), ofDomain: "none.test", replacing: nil, audit: audit)
        }
        await #expect(throws: StoreError.notFound) { try await test.store.policyRecord(ofDomain: "none.test") }
        #expect(try await test.store.policy(ofDomain: "none.test") == nil)
        let trail = try await test.store.auditTrail(AuditFilter(), before: nil, limit: 10)
        #expect(trail.first?.event.detail.contains("\"version\":2") == true)
    }

    @Test(arguments: StoreFactory.all) func aChangeElsewhereIsSeenBehindAResolvedAddress(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        guard let beside = try await test.beside?() else { return }
        let ann = try await test.account("ann@shop.test")
        for count in 1...5 {
            _ = try await test.store.policy(ofDomain: "shop.test")
            _ = try await beside.setPolicy(
                Self.policy(count),
                ofDomain: "shop.test",
                replacing: nil,
                audit: Self.audit(test)
            )
            if count.isMultiple(of: 2) {
                _ = try await test.store.resolve(ann.primaryAddress)
            } else {
                _ = try await test.store.sendingAddresses(of: ann.id)
            }
            #expect(try await test.store.policy(ofDomain: "shop.test") == Self.policy(count))
        }
        await beside.close()
    }

    @Test(arguments: StoreFactory.all) func mailGoesByItsAgeInTheFolder(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        let eve = try await test.account("eve@other.test")
        for account in [ann, bob, eve] {
            try await test.append([10, 20, 30], to: try await test.mailbox("Trash", of: account).id, of: account)
        }
        test.clock.advance(seconds: 1_000)
        let young = try await test.append([40], to: try await test.mailbox("Trash", of: ann).id, of: ann)
        let before = test.clock.now()
        var gone: [String] = []
        var first = AccountID(0)
        while let done = try await test.store.expire(
            .trash,
            ofDomain: "shop.test",
            before: before,
            from: first,
            limit: 2,
            audit: .test
        ) {
            gone.append("\(done.account) \(done.count)")
            first = done.account
        }
        #expect(gone == ["\(ann.id) 2", "\(ann.id) 1", "\(bob.id) 2", "\(bob.id) 1"])
        let left = try await test.store.entries(in: try await test.mailbox("Trash", of: ann).id, of: ann.id)
        #expect(left.changed.map(\.uid) == young)
        #expect(try await test.mailbox("Trash", of: eve).messages == 3)
        #expect(try await test.store.verify().findings == [])
        #expect(try await test.store.domainsWithRetention().isEmpty)
        var policy = DomainPolicy()
        policy.retention = DomainPolicy.Retention()
        policy.retention?.trashDays = 3
        _ = try await test.store.setPolicy(policy, ofDomain: "shop.test", replacing: nil, audit: Self.audit(test))
        #expect(try await test.store.domainsWithRetention().map(\.name) == ["shop.test"])
    }
}
