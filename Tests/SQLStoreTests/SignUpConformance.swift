import MailModel
import MailPorts
import Testing

@Suite("Port: SignUpStore") struct SignUpConformance {
    private func audit(_ test: StoreUnderTest, actor: String = "") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: actor, action: "organisation.sign_up", subject: "")
    }

    private func add(_ email: String, token: UInt8, atMost limit: Int = 9, _ test: StoreUnderTest) async throws {
        let now = test.clock.now()
        try await test.store.addSignUp(
            SignUp(
                id: SignUpID(rawValue: 0),
                organisation: "Ür \"Shop\"",
                email: try #require(EmailAddress(email)),
                displayName: "Ann",
                state: .unverified,
                createdAt: now,
                expiresAt: now.adding(seconds: 100),
                remote: IPAddress("192.0.2.1")
            ),
            passwordHash: "hash",
            tokenHash: [UInt8](repeating: token, count: 32),
            atMost: limit,
            audit: audit(test, actor: "-")
        )
    }

    private func verify(_ token: UInt8, waits: Bool = false, _ test: StoreUnderTest) async throws -> SignUpOutcome {
        let now = test.clock.now()
        return try await test.store.verifySignUp(
            byToken: [UInt8](repeating: token, count: 32),
            decideBy: waits ? now.adding(seconds: 1_000) : nil,
            now: now,
            audit: audit(test)
        )
    }

    @Test(arguments: StoreFactory.all)
    func `an owner signs in by an address elsewhere, which takes no mail here`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (store, email) = (test.store, try #require(EmailAddress("Ann@outside.test")))
        try await add("Ann@outside.test", token: 1, test)
        #expect(try await store.credential(for: email) == nil)
        guard case .made(let owner) = try await verify(1, test) else { throw StoreError.notFound }
        #expect(owner.role == .owner && owner.primaryAddress == email && owner.status == .active)
        let organisation = try await store.organisation(owner.organisation)
        #expect(organisation?.name == "Ür \"Shop\"")
        #expect(try await store.credential(for: email)?.account.id == owner.id)
        #expect(try await store.account(withAddress: email)?.id == owner.id)
        #expect(try await store.recoveryAddress(of: owner.id) == email)
        #expect(try await store.resolve(email) == .notHosted)
        let quoted = EmailAddress(uncheckedLocalPart: "outside:ann", domain: "outside.test")
        #expect(try await store.resolve(quoted) == .notHosted)
        #expect(try await store.sendingAddresses(of: owner.id) == [])
        let line = try await store.auditTrail(AuditFilter(), before: nil, limit: 1).first
        #expect(line?.organisation == owner.organisation && line?.event.actor == "ann@outside.test")
        await #expect(throws: StoreError.notFound) { try await verify(1, test) }

        // Whoever hosts the domain later has all of it.
        let other = try await test.account("ann@outside.test")
        #expect(try await store.credential(for: email)?.account.id == other.id)
        #expect(try await store.resolve(email) == .account(other.id, usedBytes: 0, quotaBytes: nil))
        #expect(try await store.account(owner.id)?.primaryAddress == email)
    }

    @Test(arguments: StoreFactory.all)
    func `the owner's first mailbox becomes the account's address`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        try await add("ann@outside.test", token: 1, test)
        guard case .made(let owner) = try await verify(1, test) else { throw StoreError.notFound }
        _ = try await store.addDomain("shop.test", organisation: owner.organisation, keys: [])
        let (first, outside) = (try #require(EmailAddress("ann@shop.test")), owner.primaryAddress)
        let event = audit(test, actor: "ann@outside.test")
        let now = test.clock.now()
        try await store.addAccountAddress(first, to: owner.id, atMost: 9, now: now, audit: event)
        await #expect(throws: StoreError.self) {
            try await store.removeAccountAddress(outside, of: owner.id, audit: event)
        }
        try await store.makePrimary(first, of: owner.id, audit: event)
        #expect(try await store.resolve(first) == .account(owner.id, usedBytes: 0, quotaBytes: nil))
        await #expect(throws: StoreError.self) { try await store.makePrimary(outside, of: owner.id, audit: event) }
        #expect(try await store.credential(for: outside)?.account.id == owner.id)
        try await store.removeAccountAddress(outside, of: owner.id, audit: event)
        #expect(try await store.credential(for: outside) == nil)
        #expect(try await store.accountAddresses(of: owner.id) == [AccountAddress(first, isPrimary: true)])
        #expect(try await store.auditQuota(after: nil, limit: 10).findings == [])
    }

    @Test(arguments: StoreFactory.all)
    func `tokens expire, and one address has one organisation`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await add("ann@outside.test", token: 1, test)
        try await add("ANN@outside.test", token: 2, test)
        await #expect(throws: StoreError.refused("2 sign-ups wait")) {
            try await add("bob@outside.test", token: 3, atMost: 2, test)
        }
        _ = try await verify(1, test)
        await #expect(throws: StoreError.alreadyExists) { try await verify(2, test) }
        try await add("bob@outside.test", token: 3, test)
        test.clock.advance(seconds: 100)
        await #expect(throws: StoreError.notFound) { try await verify(3, test) }
        // What has expired makes room.
        try await add("bob@outside.test", token: 4, atMost: 1, test)
    }

    @Test(arguments: StoreFactory.all)
    func `an operator approves or refuses what was proved`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        for (email, token) in [("ann@outside.test", 1), ("bob@outside.test", 2), ("cy@outside.test", 3)]
            as [(String, UInt8)]
        {
            try await add(email, token: token, test)
        }
        for token in [1, 2] as [UInt8] {
            guard case .waits = try await verify(token, waits: true, test) else { throw StoreError.notFound }
        }
        let now = test.clock.now()
        let waiting = try await store.waitingSignUps(SignUpListing(limit: 10), now: now)
        #expect(waiting.map(\.email.canonical) == ["ann@outside.test", "bob@outside.test"])
        var rest = SignUpListing(limit: 10)
        rest.after = waiting[0].place(by: .createdAt)
        #expect(try await store.waitingSignUps(rest, now: now) == [waiting[1]])
        let event = audit(test, actor: "cli")
        let made = try await store.approveSignUp(waiting[0].id, now: now, audit: event)
        #expect(made.account.primaryAddress == waiting[0].email)
        #expect(try await store.refuseSignUp(waiting[1].id, now: now, audit: event).email == waiting[1].email)
        for one in waiting {
            await #expect(throws: StoreError.notFound) {
                _ = try await store.approveSignUp(one.id, now: now, audit: event)
            }
        }
        #expect(try await store.credential(for: waiting[1].email) == nil)
        #expect(try await store.verifyAudit(known: nil).broken == nil)
    }
}
