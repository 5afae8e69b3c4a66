import MailModel
import MailPorts
import Testing

@Suite("Ports: invitations accepted by a passkey") struct AcceptanceConformance {
    private func event(_ test: StoreUnderTest, _ action: String, _ subject: String = "") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "cli", action: action, subject: subject)
    }

    private func hash(_ number: UInt8) -> [UInt8] { Array(repeating: number, count: 32) }

    private func invite(_ name: String, _ number: UInt8, _ owner: Account, _ test: StoreUnderTest) async throws {
        _ = try await test.store.addInvitation(
            Invitation(
                id: InvitationID(0),
                organisation: owner.organisation,
                address: EmailAddress(uncheckedLocalPart: name, domain: "shop.test"),
                contact: .sample("neo@out.test"),
                displayName: "Neo",
                role: .admin,
                invitedBy: "ann@shop.test",
                createdAt: test.clock.now(),
                expiresAt: test.clock.now().adding(seconds: 60)
            ),
            tokenHash: hash(number),
            atMost: 9,
            audit: event(test, "invitation.add", "\(name)@shop.test")
        )
    }

    private func new(for account: AccountID, _ test: StoreUnderTest) -> NewPasskey {
        let passkey = Passkey(
            id: PasskeyID(0),
            account: account,
            credential: [1],
            publicKey: [2],
            signCount: 0,
            name: "Phone",
            model: [UInt8](repeating: 0, count: 16),
            transports: ["internal"],
            isBackedUp: true,
            createdAt: test.clock.now(),
            verifiesUser: true
        )
        let challenge = SpentChallenge(hash: [9], expiresAt: test.clock.now().adding(seconds: 300))
        return NewPasskey(passkey, spending: challenge, recoveryHashes: [[5], [6]])
    }

    private func accept(
        _ number: UInt8,
        _ credential: ChosenCredential,
        _ test: StoreUnderTest
    ) async throws -> Account {
        try await test.store.acceptInvitation(
            byToken: hash(number),
            choosing: credential,
            quotaBytes: 1_000,
            now: test.clock.now(),
            audit: event(test, "invitation.accept")
        )
    }

    private func number(_ token: UInt8, _ test: StoreUnderTest) async throws -> AccountID? {
        try await test.store.invitedAccount(byToken: hash(token), now: test.clock.now())?.account
    }

    @Test(arguments: StoreFactory.all) func `account and passkey are made at once, for the number that was chosen`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await invite("neo", 1, ann, test)
        try await invite("two", 2, ann, test)
        #expect(try await number(9, test) == nil)
        let chosen = try #require(try await number(1, test))
        #expect(try await number(1, test) == chosen)
        let other = try #require(try await number(2, test))
        #expect(other != chosen && chosen != ann.id)
        // Made for another: nothing is spent.
        await #expect(throws: StoreError.notFound) { try await accept(1, .passkey(new(for: other, test)), test) }
        #expect(try await test.store.account(withAddress: .sample("neo@shop.test")) == nil)
        let made = try await accept(1, .passkey(new(for: chosen, test)), test)
        #expect(made.id == chosen && made.role == .admin && !made.hasPassword && made.quotaBytes == 1_000)
        let keys = try await test.store.passkeys(of: chosen)
        #expect(keys.map(\.name) == ["Phone"] && keys.allSatisfy(\.verifiesUser))
        #expect(try await test.store.recoveryCodesLeft(of: chosen) == 2)
        #expect(try await test.store.recoveryAddress(of: chosen)?.description == "neo@out.test")
        let line = try #require(try await test.store.auditTrail(AuditFilter(), before: nil, limit: 1).first)
        #expect(line.event.action == "invitation.accept" && line.event.detail.contains(#""by":"passkey""#))
        await #expect(throws: StoreError.notFound) { try await accept(1, .passkey(new(for: chosen, test)), test) }
        #expect(try await number(1, test) == nil)
        // By a password it has the number too.
        #expect(try await accept(2, .password("chosen"), test).id == other)
        test.clock.advance(seconds: 60)
        try await invite("late", 3, ann, test)
        test.clock.advance(seconds: 60)
        #expect(try await number(3, test) == nil)
    }

    @Test(arguments: StoreFactory.all) func `an account that was there before its person is accepted once`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        func add(_ name: String, _ token: UInt8) async throws -> Account {
            var new = NewAccount(
                organisation: ann.organisation,
                address: EmailAddress(uncheckedLocalPart: name, domain: "shop.test"),
                passwordHash: nil
            )
            new.invitation = NewAccount.Invitation(
                tokenHash: hash(token),
                expiresAt: test.clock.now().adding(seconds: 60)
            )
            return try await test.store.addAccount(new, audit: event(test, "account.add", "\(name)@shop.test"))
        }
        let neo = try await add("neo", 1)
        #expect(!neo.hasPassword)
        let lines = try await test.store.auditTrail(.own, before: nil, limit: 9).map(\.event.action)
        #expect(lines == ["invitation.add", "account.add"])
        await #expect(throws: StoreError.alreadyExists) { try await add("neo", 2) }
        #expect(try await test.store.auditTrail(.own, before: nil, limit: 9).count == 2)
        #expect(try await number(1, test) == neo.id)
        #expect(try await accept(1, .passkey(new(for: neo.id, test)), test).id == neo.id)
        #expect(try await test.store.passkeys(of: neo.id).count == 1)
        // Somebody gave it a password meanwhile: the token is worth nothing, and no passkey comes to it.
        let two = try await add("two", 3)
        test.clock.advance(seconds: 1)
        try await test.store.changePassword(two.id, hash: "given", keeping: 1, exceptSession: nil)
        await #expect(throws: StoreError.notFound) { try await accept(3, .passkey(new(for: two.id, test)), test) }
        #expect(try await test.store.passkeys(of: two.id).isEmpty)
        #expect(try await test.store.credential(for: two.primaryAddress)?.passwordHash == "given")
    }
}
