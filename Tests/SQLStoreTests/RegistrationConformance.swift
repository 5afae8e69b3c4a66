import MailModel
import MailPorts
import Testing

@Suite("Port: RegistrationStore") struct RegistrationConformance {
    private func audit(_ test: StoreUnderTest, _ action: String = "registration") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "boss@shop.test", action: action, subject: "shop.test")
    }

    private func token(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 32) }

    /// A domain with an account, and that policy.
    private func house(
        _ mode: DomainPolicy.Registration?,
        _ test: StoreUnderTest,
        domain: String = "shop.test"
    ) async throws -> Account {
        let boss = try await test.account("boss@\(domain)")
        try await set(mode, test, domain: domain)
        return boss
    }

    private func set(
        _ mode: DomainPolicy.Registration?,
        _ test: StoreUnderTest,
        domain: String = "shop.test"
    ) async throws {
        var policy = DomainPolicy()
        policy.registration = mode
        _ = try await test.store.setPolicy(policy, ofDomain: domain, replacing: nil, audit: audit(test))
    }

    private func add(
        _ address: String,
        _ number: UInt8,
        atMost limit: Int = 9,
        _ test: StoreUnderTest
    ) async throws {
        let now = test.clock.now()
        try await test.store.addRegistration(
            Registration(
                id: RegistrationID(0),
                address: try #require(EmailAddress(address)),
                contact: try #require(EmailAddress("Ann@outside.test")),
                displayName: "Ann \"A\"",
                state: .unverified,
                createdAt: now,
                expiresAt: now.adding(seconds: 100),
                remote: IPAddress("192.0.2.1")
            ),
            tokenHash: token(number),
            atMost: limit,
            audit: audit(test, "registration.request")
        )
    }

    @discardableResult
    private func verify(_ number: UInt8, _ test: StoreUnderTest) async throws -> RegistrationOutcome {
        let now = test.clock.now()
        return try await test.store.verifyRegistration(
            byToken: token(number),
            making: RegisteredAccount(passwordHash: "hash \(number)", quotaBytes: 5_000),
            decideBy: now.adding(seconds: 1_000),
            now: now,
            audit: audit(test)
        )
    }

    private func waiting(
        _ test: StoreUnderTest,
        of organisation: OrganisationID? = nil,
        domain: String? = nil,
        after: Registration? = nil,
        limit: Int = 9
    ) async throws -> [Registration] {
        var listing = RegistrationListing(organisation: organisation, limit: limit)
        (listing.domain, listing.after) = (domain, after?.place(by: .createdAt))
        return try await test.store.waitingRegistrations(listing, now: test.clock.now())
    }

    @Test(arguments: StoreFactory.all)
    func `where the policy says open a token makes the account, once`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (boss, store) = (try await house(.open, test), test.store)
        try await add("Neo@shop.test", 1, test)
        #expect(try await store.registration(byToken: token(1), now: test.clock.now())?.displayName == "Ann \"A\"")
        #expect(try await store.registration(byToken: token(2), now: test.clock.now()) == nil)
        await #expect(throws: StoreError.notFound) { try await verify(2, test) }
        guard case .made(let neo) = try await verify(1, test) else { throw StoreError.notFound }
        #expect(neo.organisation == boss.organisation && neo.role == .member && neo.quotaBytes == 5_000)
        #expect(neo.primaryAddress.description == "Neo@shop.test" && neo.displayName == "Ann \"A\"")
        #expect(try await store.credential(for: neo.primaryAddress)?.passwordHash == "hash 1")
        #expect(try await store.recoveryAddress(of: neo.id)?.description == "Ann@outside.test")
        await #expect(throws: StoreError.notFound) { try await verify(1, test) }
        let lines = try await store.auditTrail(AuditFilter(), before: nil, limit: 2)
        #expect(lines.map(\.event.action) == ["registration.complete", "registration.request"])
        #expect(lines.map(\.organisation) == [boss.organisation, boss.organisation])
        #expect(lines.first?.event.actor == "ann@outside.test" && lines.first?.event.subject == "neo@shop.test")
        #expect(try await waiting(test) == [])
    }

    private func passkey(for account: AccountID, _ test: StoreUnderTest) -> RegisteredAccount {
        let now = test.clock.now()
        let made = Passkey(
            id: PasskeyID(0),
            account: account,
            credential: [1, 0, 255],
            publicKey: [2],
            signCount: 7,
            name: "Phone \"P\"",
            model: [UInt8](repeating: 3, count: 16),
            transports: ["internal", "hybrid"],
            isBackedUp: true,
            createdAt: now,
            verifiesUser: true
        )
        let challenge = SpentChallenge(hash: [9], expiresAt: now.adding(seconds: 300))
        return RegisteredAccount(
            passkey: NewPasskey(made, spending: challenge, recoveryHashes: [[5], [6]]),
            quotaBytes: nil
        )
    }

    @Test(arguments: StoreFactory.all, [DomainPolicy.Registration.open, .approval])
    func `a passkey comes with its account, for the number that was chosen`(
        _ factory: StoreFactory,
        _ mode: DomainPolicy.Registration
    ) async throws {
        let test = try await factory.make()
        let (boss, store) = (try await house(mode, test), test.store)
        try await add("neo@shop.test", 1, test)
        try await add("two@shop.test", 2, test)
        func number(_ token: UInt8) async throws -> AccountID? {
            try await store.registeredAccount(byToken: self.token(token), now: test.clock.now())?.account
        }
        func verify(_ making: RegisteredAccount) async throws -> RegistrationOutcome {
            try await store.verifyRegistration(
                byToken: token(1),
                making: making,
                decideBy: test.clock.now().adding(seconds: 10_000),
                now: test.clock.now(),
                audit: audit(test)
            )
        }
        #expect(try await number(9) == nil)
        let chosen = try #require(try await number(1))
        #expect(try await number(1) == chosen)
        let other = try #require(try await number(2))
        #expect(other != chosen && chosen != boss.id)
        // Made for another: nothing is spent.
        await #expect(throws: StoreError.notFound) { _ = try await verify(passkey(for: other, test)) }
        var outcome = try await verify(passkey(for: chosen, test))
        await #expect(throws: StoreError.notFound) { _ = try await verify(passkey(for: chosen, test)) }
        if case .waits(let registration) = outcome {
            #expect(mode == .approval)
            #expect(try await store.passkeys(of: chosen) == [])
            // Long after the challenge.
            test.clock.advance(seconds: 5_000)
            let made = try await store.approveRegistration(
                registration.id,
                of: boss.organisation,
                making: RegisteredAccount(quotaBytes: nil),
                now: test.clock.now(),
                audit: audit(test, "registration.approve")
            )
            outcome = .made(made.account)
        }
        guard case .made(let neo) = outcome else { throw StoreError.notFound }
        #expect(neo.id == chosen && !neo.hasPassword)
        let known = try await store.passkeys(of: chosen)
        #expect(known.map(\.credential) == [[1, 0, 255]] && known.map(\.name) == ["Phone \"P\""])
        #expect(known.allSatisfy { $0.verifiesUser && $0.isBackedUp && $0.signCount == 7 && $0.publicKey == [2] })
        #expect(known.map(\.transports) == [["internal", "hybrid"]])
        #expect(try await store.recoveryCodesLeft(of: chosen) == 2)
    }

    @Test(arguments: StoreFactory.all)
    func `by approval a manager of the domain decides, and nobody else`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (boss, store) = (try await house(.approval, test), test.store)
        let other = try await house(.approval, test, domain: "other.test")
        for (number, address) in ["a@shop.test", "b@shop.test", "c@other.test"].enumerated() {
            try await add(address, UInt8(number + 1), test)
            guard case .waits = try await verify(UInt8(number + 1), test) else { throw StoreError.notFound }
        }
        await #expect(throws: StoreError.notFound) { try await verify(1, test) }
        let all = try await waiting(test)
        #expect(all.map(\.address.canonical) == ["a@shop.test", "b@shop.test", "c@other.test"])
        #expect(all.allSatisfy { $0.state == .waiting })
        #expect(try await waiting(test, of: boss.organisation) == Array(all[..<2]))
        #expect(try await waiting(test, of: boss.organisation, domain: "other.test") == [])
        #expect(try await waiting(test, domain: "OTHER.test") == [all[2]])
        #expect(try await waiting(test, after: all[0], limit: 1) == [all[1]])
        func approve(_ id: RegistrationID, of organisation: OrganisationID?) async throws -> Account {
            try await store.approveRegistration(
                id,
                of: organisation,
                making: RegisteredAccount(quotaBytes: nil),
                now: test.clock.now(),
                audit: audit(test, "registration.approve")
            ).account
        }
        await #expect(throws: StoreError.notFound) { _ = try await approve(all[0].id, of: other.organisation) }
        await #expect(throws: StoreError.notFound) {
            _ = try await store.refuseRegistration(
                all[0].id,
                of: other.organisation,
                now: test.clock.now(),
                audit: audit(test, "registration.refuse")
            )
        }
        let made = try await approve(all[0].id, of: boss.organisation)
        #expect(try await store.credential(for: made.primaryAddress)?.passwordHash == "hash 1")
        await #expect(throws: StoreError.notFound) { _ = try await approve(all[0].id, of: nil) }
        let gone = try await store.refuseRegistration(
            all[1].id,
            of: boss.organisation,
            now: test.clock.now(),
            audit: audit(test, "registration.refuse")
        )
        #expect(gone == all[1])
        let lines = try await store.auditTrail(AuditFilter(), before: nil, limit: 2)
        #expect(lines.map(\.event.subject) == ["b@shop.test", "a@shop.test"])
        #expect(lines.allSatisfy { $0.organisation == boss.organisation })
        // Nobody decided in time.
        test.clock.advance(seconds: 1_001)
        #expect(try await waiting(test) == [])
        await #expect(throws: StoreError.notFound) { _ = try await approve(all[2].id, of: nil) }
    }

    @Test(arguments: StoreFactory.all)
    func `the policy of the moment counts, and so does the time`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        _ = try await house(nil, test)
        try await add("neo@shop.test", 1, test)
        let closed = StoreError.refused("shop.test takes no registrations")
        await #expect(throws: closed) { try await verify(1, test) }
        try await set(.closed, test)
        await #expect(throws: closed) { try await verify(1, test) }
        try await set(.open, test)
        test.clock.advance(seconds: 100)
        await #expect(throws: StoreError.notFound) { try await verify(1, test) }
        #expect(try await test.store.registration(byToken: token(1), now: test.clock.now()) == nil)
    }

    @Test(arguments: StoreFactory.all)
    func `a domain keeps so many, and what is over makes room`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        _ = try await house(.open, test)
        _ = try await house(.open, test, domain: "other.test")
        try await add("a@shop.test", 1, atMost: 2, test)
        try await add("b@shop.test", 2, atMost: 2, test)
        await #expect(throws: StoreError.refused("2 registrations are kept")) {
            try await add("c@shop.test", 3, atMost: 2, test)
        }
        try await add("c@other.test", 4, atMost: 2, test)
        test.clock.advance(seconds: 100)
        try await add("c@shop.test", 3, atMost: 2, test)
    }

    @Test(arguments: StoreFactory.all)
    func `an address that mail goes to already is not registered`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (boss, store) = (try await house(.open, test), test.store)
        let now = test.clock.now()
        func address(_ text: String) throws -> EmailAddress { try #require(EmailAddress(text)) }
        try await store.addAlias(try address("alias@shop.test"), targets: [boss.primaryAddress])
        try await store.addList(
            DistributionList(
                address: try address("list@shop.test"),
                organisation: boss.organisation,
                name: "List",
                posting: .anyone,
                maximumSize: nil,
                createdAt: now
            ),
            owners: [boss.id],
            audit: audit(test)
        )
        try await store.addMaskedAddress(
            MaskedAddress(
                address: try address("masked@shop.test"),
                account: boss.id,
                label: "",
                site: "",
                isEnabled: true,
                createdAt: now
            ),
            atMost: 9,
            audit: audit(test)
        )
        _ = try await store.addInvitation(
            Invitation(
                id: InvitationID(0),
                organisation: boss.organisation,
                address: try address("invited@shop.test"),
                contact: nil,
                displayName: "",
                role: .member,
                invitedBy: "boss@shop.test",
                createdAt: now,
                expiresAt: now.adding(seconds: 1_000)
            ),
            tokenHash: [5],
            atMost: 9,
            audit: audit(test)
        )
        let taken = ["boss@shop.test", "alias@shop.test", "list@shop.test", "invited@shop.test", "boss+x@shop.test"]
        for (number, text) in (taken + ["masked@shop.test"]).enumerated() {
            try await add(text, UInt8(number + 1), test)
            await #expect(throws: StoreError.alreadyExists) { try await verify(UInt8(number + 1), test) }
        }
        // A detail is one by the domain's own separator.
        try await store.setSeparator(.minus, of: "shop.test", audit: audit(test))
        try await add("boss-x@shop.test", 20, test)
        await #expect(throws: StoreError.alreadyExists) { try await verify(20, test) }
        try await store.setCatchAll(.deliver(boss.primaryAddress), of: "shop.test", audit: audit(test))
        try await add("free@shop.test", 21, test)
        await #expect(throws: StoreError.alreadyExists) { try await verify(21, test) }
        try await store.setCatchAll(nil, of: "shop.test", audit: audit(test))
        // What was refused is not spent.
        guard case .made = try await verify(21, test) else { throw StoreError.notFound }
        #expect(try await store.account(withAddress: try address("boss-x@shop.test")) == nil)
    }
}
