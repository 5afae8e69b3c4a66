import MailModel
import MailPorts
import Testing

@Suite("Ports: accounts without a password") struct WithoutPasswordConformance {
    private func event(_ test: StoreUnderTest, _ action: String) -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "ann@shop.test", action: action, subject: "ann@shop.test")
    }

    private func actions(_ test: StoreUnderTest) async throws -> [String] {
        try await test.store.auditTrail(AuditFilter(), before: nil, limit: 50).map(\.event.action).reversed()
    }

    private func passkey(_ account: AccountID, _ number: UInt8, verifiesUser: Bool) -> Passkey {
        Passkey(
            id: PasskeyID(0),
            account: account,
            credential: [number],
            publicKey: [number],
            signCount: 0,
            name: "Key \(number)",
            model: [UInt8](repeating: 0, count: 16),
            transports: [],
            isBackedUp: false,
            createdAt: Timestamp(seconds: 0),
            verifiesUser: verifiesUser
        )
    }

    private func challenge(_ test: StoreUnderTest, _ number: UInt8) -> SpentChallenge {
        SpentChallenge(hash: [number], expiresAt: test.clock.now().adding(seconds: 300))
    }

    @discardableResult
    private func add(
        _ test: StoreUnderTest,
        _ account: Account,
        _ number: UInt8,
        verifiesUser: Bool = true
    ) async throws -> Passkey {
        try await test.store.addPasskey(
            passkey(account.id, number, verifiesUser: verifiesUser),
            spending: challenge(test, number),
            recoveryHashes: [[number]],
            atMost: 9,
            audit: event(test, "passkey.add")
        ).passkey
    }

    private func removePassword(
        _ test: StoreUnderTest,
        _ account: Account,
        keeping history: Int = 2,
        exceptSession family: String? = nil,
        evenIfOnlyWayIn: Bool = false
    ) async throws {
        try await test.store.removePassword(
            account.id,
            keeping: history,
            exceptSession: family,
            evenIfOnlyWayIn: evenIfOnlyWayIn,
            audit: event(test, "account.password_remove")
        )
    }

    private func remove(
        _ test: StoreUnderTest,
        _ passkey: Passkey,
        _ removal: PasskeyRemoval = .byOwner
    ) async throws {
        try await test.store.removePasskey(
            passkey.id,
            of: passkey.account,
            removal: removal,
            audit: event(test, "passkey.remove")
        )
    }

    private func isRefused(_ work: () async throws -> Void) async throws -> Bool {
        do {
            try await work()
            return false
        } catch let error as StoreError {
            guard case .refused = error else { throw error }
            return true
        }
    }

    private func token(_ account: Account, _ family: String, _ hash: UInt8, _ test: StoreUnderTest) -> RefreshToken {
        RefreshToken(
            account: account.id,
            family: family,
            hash: [hash],
            issuedAt: test.clock.now(),
            expiresAt: test.clock.now().adding(seconds: 600)
        )
    }

    @Test(arguments: StoreFactory.all) func `a password goes and comes back, and its history stays`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        #expect(ann.hasPassword)
        #expect(try await isRefused { try await removePassword(test, ann) })
        try await add(test, ann, 1, verifiesUser: false)
        #expect(try await isRefused { try await removePassword(test, ann) })
        #expect(try await test.store.credential(for: ann.primaryAddress)?.passwordHash != nil)
        #expect(try await actions(test) == ["passkey.add"])
        try await add(test, ann, 2)
        try await test.store.add(token(ann, "a", 1, test))
        try await test.store.add(token(ann, "b", 2, test))
        let before = try await test.store.signInEndings(after: nil, limit: 1).last?.number ?? 0
        try await removePassword(test, ann, exceptSession: "a")
        #expect(try await test.store.sessions(of: ann.id, now: test.clock.now()).map(\.family) == ["a"])
        #expect(try await test.store.signInEndings(after: before, limit: 9).contains { $0.credential == .password })
        #expect(try await actions(test).last == "account.password_remove")
        // The account is there, and has none.
        let known = try #require(try await test.store.credential(for: ann.primaryAddress))
        #expect(known.passwordHash == nil && !known.account.hasPassword && known.account.id == ann.id)
        #expect(try await test.store.account(ann.id)?.hasPassword == false)
        #expect(try await test.store.person(ann.id)?.account.hasPassword == false)
        #expect(try await test.store.passwordHistory(of: ann.id, limit: 9) == ["hash of ann@shop.test"])
        await #expect(throws: StoreError.notFound) { try await removePassword(test, ann) }
        // One that was hashed anew meanwhile does not bring it back.
        await #expect(throws: StoreError.notFound) {
            try await test.store.setPassword(ann.id, hash: "again", replacing: "hash of ann@shop.test")
        }
        try await test.store.changePassword(ann.id, hash: "second", keeping: 2, exceptSession: "a")
        #expect(try await test.store.credential(for: ann.primaryAddress)?.passwordHash == "second")
        #expect(try await test.store.passwordHistory(of: ann.id, limit: 9) == ["second", "hash of ann@shop.test"])
    }

    @Test(arguments: StoreFactory.all) func `the last passkey stays while there is no password`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let (touch, first) = (
            try await add(test, ann, 1, verifiesUser: false), try await add(test, ann, 2)
        )
        try await removePassword(test, ann)
        // The one that is left would not sign in alone.
        #expect(try await isRefused { try await remove(test, first) })
        #expect(try await isRefused { try await remove(test, first, .byOperator) })
        #expect(try await test.store.passkeys(of: ann.id) == [touch, first])
        // It verifies its user once, and is good for it from then on.
        let use = PasskeyUse(
            passkey: touch.id,
            account: ann.id,
            signCount: 0,
            isBackedUp: false,
            use: LastUse(at: test.clock.now(), remote: nil),
            verifiedUser: true
        )
        for (number, isVerified) in [(UInt8(7), true), (8, false)] {
            var one = use
            one.verifiedUser = isVerified
            let outcome = try await test.store.usePasskey(
                one,
                spending: challenge(test, number),
                audit: event(test, "used"),
                alarm: event(test, "alarm")
            )
            #expect(outcome == .used)
        }
        #expect(try await test.store.passkeys(of: ann.id).map(\.verifiesUser) == [true, true])
        try await remove(test, first)
        #expect(try await isRefused { try await remove(test, touch) })
        try await remove(test, touch, .forced)
        #expect(try await test.store.passkeys(of: ann.id).isEmpty)
        let bob = try await test.account("bob@shop.test")
        let key = try await add(test, bob, 1)
        try await removePassword(test, bob)
        try await test.store.changePassword(bob.id, hash: "new", keeping: 2, exceptSession: nil)
        try await remove(test, key)
    }

    @Test(arguments: StoreFactory.all) func `of all that go at once the last way in stays`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let stores = [test.store, try await test.beside?() ?? test.store]
        for round in 0..<8 {
            let ann = try await test.account("ann\(round)@shop.test")
            let keys = [try await add(test, ann, 1), try await add(test, ann, 2)]
            let event = event(test, "gone")
            let gone = await withTaskGroup(of: Bool.self) { group in
                for (place, key) in keys.enumerated() {
                    group.addTask {
                        do {
                            try await stores[place].removePasskey(key.id, of: ann.id, removal: .byOwner, audit: event)
                            return true
                        } catch {
                            return false
                        }
                    }
                }
                group.addTask {
                    do {
                        try await stores[round % 2].removePassword(
                            ann.id,
                            keeping: 1,
                            exceptSession: nil,
                            evenIfOnlyWayIn: false,
                            audit: event
                        )
                        return true
                    } catch {
                        return false
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            let left = try await test.store.passkeys(of: ann.id)
            let hasPassword = try await test.store.account(ann.id)?.hasPassword == true
            #expect(gone == 2 && (hasPassword || left.count == 1))
        }
    }

    @Test(arguments: StoreFactory.all) func `an identity provider is a way in for those whom it signs in`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let connection = try await test.store.setConnection(
            ProviderConnection(
                domain: "shop.test",
                issuer: "https://id.test",
                clientID: "c",
                sealedSecret: nil,
                setBy: .admin
            ),
            replacing: nil,
            audit: event(test, "sso.set")
        )
        #expect(try await isRefused { try await removePassword(test, ann) })
        let new = NewAccount(
            organisation: ann.organisation,
            address: .sample("new@shop.test"),
            passwordHash: nil
        )
        for (subject, address) in [("s1", EmailAddress.sample("ann@shop.test")), ("s2", new.address)] {
            let outcome = try await test.store.signIn(
                ProviderIdentity(issuer: "https://id.test", subject: subject, address: address),
                by: connection,
                making: new,
                audit: event(test, "")
            )
            guard case .signedIn(let account) = outcome else {
                Issue.record("nobody was signed in")
                return
            }
            #expect(account.hasPassword == (subject == "s1"))
        }
        // Above who set the connection: not signed in by it.
        let step = PersonStep.change(displayName: nil, role: .owner)
        _ = try await test.store.take(step, on: ann.id, upTo: .platformAdmin, audit: event(test, "account.change"))
        #expect(try await isRefused { try await removePassword(test, ann) })
        let made = try #require(try await test.store.account(withAddress: new.address))
        #expect(!made.hasPassword)
        let key = try await add(test, made, 1)
        try await remove(test, key)
        #expect(try await test.store.passkeys(of: made.id).isEmpty)
    }
}
