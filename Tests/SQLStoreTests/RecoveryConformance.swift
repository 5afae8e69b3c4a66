import MailModel
import MailPorts
import Testing

@Suite("Ports: RecoveryStore and InvitationStore") struct RecoveryConformance {
    private let other = EmailAddress(uncheckedLocalPart: "ann", domain: "elsewhere.test")

    private func audit(_ test: StoreUnderTest, _ action: String, _ subject: String = "ann@shop.test") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "-", action: action, subject: subject)
    }

    private func ticket(
        _ account: Account,
        _ number: UInt8,
        _ purpose: TicketPurpose,
        _ test: StoreUnderTest
    ) async throws {
        try await test.store.addTicket(
            AccountTicket(
                account: account.id,
                purpose: purpose,
                hash: Array(repeating: number, count: 32),
                address: other,
                expiresAt: test.clock.now().adding(seconds: 60)
            ),
            keeping: 2,
            audit: audit(test, "ticket")
        )
    }

    private func reset(_ number: UInt8, _ test: StoreUnderTest) async throws -> AccountID {
        try await test.store.resetPassword(
            byTicket: Array(repeating: number, count: 32),
            to: "another hash",
            keeping: 3,
            now: test.clock.now(),
            audit: audit(test, "password_reset.complete")
        )
    }

    @Test(arguments: StoreFactory.all) func aTokenSetsAPasswordOnceAndEndsEverySession(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        try await test.store.add(
            RefreshToken(
                account: ann.id,
                family: "a",
                hash: [1],
                issuedAt: test.clock.now(),
                expiresAt: test.clock.now().adding(seconds: 600)
            )
        )
        for number in 1...3 { try await ticket(ann, UInt8(number), .passwordReset, test) }
        try await ticket(bob, 9, .passwordReset, test)
        // Two are kept: the newest.
        await #expect(throws: StoreError.notFound) { try await reset(1, test) }
        await #expect(throws: StoreError.notFound) { try await reset(77, test) }
        let before = try await test.store.signInEndings(after: nil, limit: 1).last?.number ?? 0
        let token = [UInt8](repeating: 2, count: 32)
        #expect(try await test.store.ticketHolder(token, for: .passwordReset, now: test.clock.now()) == ann.id)
        #expect(try await test.store.ticketHolder(token, for: .recoveryAddress, now: test.clock.now()) == nil)
        #expect(try await reset(2, test) == ann.id)
        #expect(try await test.store.credential(for: ann.primaryAddress)?.passwordHash == "another hash")
        #expect(try await test.store.passwordHistory(of: ann.id, limit: 5).last == "hash of ann@shop.test")
        #expect(try await test.store.isRevoked(family: "a"))
        let endings = try await test.store.signInEndings(after: before, limit: 10)
        #expect(endings.allSatisfy { $0.account == ann.id } && endings.contains { $0.credential == nil })
        // Spent, and so are the others of the account.
        for number in [2, 3] { await #expect(throws: StoreError.notFound) { try await reset(UInt8(number), test) } }
        test.clock.advance(seconds: 60)
        await #expect(throws: StoreError.notFound) { try await reset(9, test) }
    }

    @Test(arguments: StoreFactory.all) func oneTokenIsSpentByOneOfMany(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await ticket(try await test.account("ann@shop.test"), 1, .passwordReset, test)
        let done = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 { group.addTask { (try? await reset(1, test)) != nil } }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(done == 1)
    }

    @Test(arguments: StoreFactory.all) func aRecoveryAddressIsProvedByItsOwner(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        try await ticket(ann, 1, .recoveryAddress, test)
        try await ticket(ann, 2, .passwordReset, test)
        func confirm(_ account: Account) async throws -> EmailAddress {
            try await test.store.confirmRecoveryAddress(
                byTicket: Array(repeating: 1, count: 32),
                of: account.id,
                now: test.clock.now(),
                audit: audit(test, "recovery_address.set")
            )
        }
        await #expect(throws: StoreError.notFound) { try await confirm(bob) }
        #expect(try await test.store.recoveryAddress(of: ann.id) == nil)
        #expect(try await confirm(ann) == other)
        #expect(try await test.store.recoveryAddress(of: ann.id) == other)
        // What went to the address before is void.
        await #expect(throws: StoreError.notFound) { try await reset(2, test) }
        try await test.store.removeRecoveryAddress(of: ann.id, audit: audit(test, "recovery_address.remove"))
        await #expect(throws: StoreError.notFound) {
            try await test.store.removeRecoveryAddress(of: ann.id, audit: audit(test, "recovery_address.remove"))
        }
    }

    private func invitation(
        _ name: String,
        at domain: String = "shop.test",
        _ owner: Account,
        _ test: StoreUnderTest
    ) -> Invitation {
        Invitation(
            id: InvitationID(0),
            organisation: owner.organisation,
            address: EmailAddress(uncheckedLocalPart: name, domain: domain),
            contact: other,
            displayName: "Neo",
            role: .admin,
            invitedBy: "ann@shop.test",
            createdAt: test.clock.now(),
            expiresAt: test.clock.now().adding(seconds: 60)
        )
    }

    private func add(_ new: Invitation, _ number: UInt8, _ test: StoreUnderTest) async throws -> Invitation {
        try await test.store.addInvitation(
            new,
            tokenHash: Array(repeating: number, count: 32),
            atMost: 2,
            audit: audit(test, "invitation.add", new.address.canonical)
        )
    }

    private func accept(_ number: UInt8, _ test: StoreUnderTest) async throws -> Account {
        try await test.store.acceptInvitation(
            byToken: Array(repeating: number, count: 32),
            choosing: .password("chosen"),
            quotaBytes: 1_000,
            now: test.clock.now(),
            audit: audit(test, "invitation.accept")
        )
    }

    @Test(arguments: StoreFactory.all) func anInvitationMakesAnAccountOnce(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, eve) = (try await test.account("ann@shop.test"), try await test.account("eve@other.test"))
        await #expect(throws: StoreError.alreadyExists) {
            try await add(invitation("ann", ann, test), 1, test)
        }
        await #expect(throws: StoreError.self) {
            try await add(invitation("new", at: "other.test", ann, test), 1, test)
        }
        let made = try await add(invitation("Neo", ann, test), 1, test)
        await #expect(throws: StoreError.alreadyExists) {
            try await add(invitation("neo", ann, test), 2, test)
        }
        let second = try await add(invitation("two", ann, test), 3, test)
        await #expect(throws: StoreError.refused("the organisation has 2 open invitations")) {
            try await add(invitation("three", ann, test), 4, test)
        }
        let now = test.clock.now()
        func open(_ account: Account) async throws -> [Invitation] {
            try await test.store.invitations(InvitationListing(organisation: account.organisation, limit: 9), now: now)
        }
        #expect(try await open(ann) == [made, second])
        #expect(try await open(eve) == [])
        await #expect(throws: StoreError.notFound) {
            try await test.store.removeInvitation(made.id, of: eve.organisation, audit: audit(test, "revoke"))
        }
        try await test.store.removeInvitation(second.id, of: ann.organisation, audit: audit(test, "revoke"))
        await #expect(throws: StoreError.notFound) { try await accept(3, test) }
        let account = try await accept(1, test)
        #expect(account.role == .admin && account.displayName == "Neo" && account.quotaBytes == 1_000)
        #expect(try await test.store.recoveryAddress(of: account.id) == other)
        #expect(try await test.store.credential(for: account.primaryAddress)?.passwordHash == "chosen")
        await #expect(throws: StoreError.notFound) { try await accept(1, test) }
    }

    @Test(arguments: StoreFactory.all) func aLateInvitationIsNone(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        _ = try await add(invitation("neo", ann, test), 1, test)
        let hash = [UInt8](repeating: 1, count: 32)
        #expect(try await test.store.invitation(byToken: hash, now: test.clock.now())?.address.localPart == "neo")
        let event = audit(test, "organisation.suspend")
        _ = try await test.store.suspendOrganisation(ann.organisation, reason: "r", audit: event)
        #expect(try await test.store.invitation(byToken: hash, now: test.clock.now()) == nil)
        _ = try await test.store.suspendOrganisation(ann.organisation, reason: nil, audit: event)
        test.clock.advance(seconds: 60)
        await #expect(throws: StoreError.notFound) { try await accept(1, test) }
        // Its place is free again.
        _ = try await add(invitation("neo", ann, test), 2, test)
    }
}
