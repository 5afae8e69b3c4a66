import MailModel
import MailPorts
import Testing

@Suite("Port: PasskeyStore") struct PasskeyConformance {
    private func new(_ account: Account, _ name: String, _ number: UInt8) -> Passkey {
        Passkey(
            id: PasskeyID(0),
            account: account.id,
            credential: [number, 0, 255],
            publicKey: [number],
            signCount: 3,
            name: name,
            model: [UInt8](repeating: number, count: 16),
            transports: ["internal", "hybrid"],
            isBackedUp: true,
            createdAt: Timestamp(seconds: 0)
        )
    }

    private func challenge(_ test: StoreUnderTest, _ number: UInt8) -> SpentChallenge {
        SpentChallenge(hash: [number], expiresAt: test.clock.now().adding(seconds: 300))
    }

    private func event(_ test: StoreUnderTest, _ action: String) -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "ann@shop.test", action: action, subject: "ann@shop.test")
    }

    private func add(
        _ test: StoreUnderTest,
        _ passkey: Passkey,
        _ number: UInt8
    ) async throws -> (passkey: Passkey, tookRecoveryCodes: Bool) {
        try await test.store.addPasskey(
            passkey,
            spending: challenge(test, number),
            recoveryHashes: [[number]],
            atMost: 2,
            audit: event(test, "passkey.add")
        )
    }

    private func use(
        _ test: StoreUnderTest,
        _ passkey: Passkey,
        count: UInt32,
        _ number: UInt8
    ) async throws -> PasskeyUseOutcome {
        try await test.store.usePasskey(
            PasskeyUse(
                passkey: passkey.id,
                account: passkey.account,
                signCount: count,
                isBackedUp: false,
                use: LastUse(at: test.clock.now(), remote: IPAddress("2001:db8::1"))
            ),
            spending: challenge(test, number),
            audit: event(test, "used"),
            alarm: event(test, "alarm")
        )
    }

    private func actions(_ test: StoreUnderTest) async throws -> [String] {
        try await test.store.auditTrail(.own, before: nil, limit: 50).map(\.event.action).reversed()
    }

    @Test(arguments: StoreFactory.all) func passkeysAreKeptByAccountNameAndCredential(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let phone = try await add(test, new(ann, "Phone", 1), 1)
        #expect(phone.tookRecoveryCodes && phone.passkey.createdAt == test.clock.now())
        #expect(try await test.store.passkeys(of: ann.id) == [phone.passkey])
        #expect(try await test.store.signInEndings(after: 0, limit: 9).map(\.credential) == [.password])
        await #expect(throws: StoreError.alreadyExists) { try await add(test, new(ann, "Phone", 2), 2) }
        await #expect(throws: StoreError.alreadyExists) { try await add(test, new(ann, "Key", 1), 3) }
        await #expect(throws: StoreError.refused("the challenge was answered before")) {
            try await add(test, new(ann, "Key", 2), 1)
        }
        let key = try await add(test, new(ann, "Key", 2), 4)
        #expect(!key.tookRecoveryCodes)
        await #expect(throws: StoreError.refused("an account has at most 2 passkeys")) {
            try await add(test, new(ann, "Third", 3), 5)
        }
        // The same of another account is another.
        _ = try await add(test, new(bob, "Phone", 1), 1)
        #expect(try await test.store.passkeys(of: bob.id).count == 1)
        await #expect(throws: StoreError.notFound) {
            try await test.store.removePasskey(
                phone.passkey.id,
                of: bob.id,
                removal: .byOwner,
                audit: event(test, "no")
            )
        }
        await #expect(throws: StoreError.notFound) {
            try await test.store.renamePasskey(phone.passkey.id, of: bob.id, to: "x", audit: event(test, "no"))
        }
        await #expect(throws: StoreError.alreadyExists) {
            try await test.store.renamePasskey(phone.passkey.id, of: ann.id, to: "Key", audit: event(test, "no"))
        }
        try await test.store.renamePasskey(phone.passkey.id, of: ann.id, to: "Büro", audit: event(test, "rename"))
        #expect(try await test.store.passkeys(of: ann.id).map(\.name) == ["Büro", "Key"])
        #expect(try await actions(test).filter { $0 == "passkey.add" }.count == 3)
        #expect(try await !actions(test).contains("no"))
    }

    @Test(arguments: StoreFactory.all) func aChallengeIsSpentOnceAndACounterOnlyGrows(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let phone = try await add(test, new(try await test.account("ann@shop.test"), "Phone", 1), 1).passkey
        #expect(try await use(test, phone, count: 4, 2) == .used)
        #expect(try await use(test, phone, count: 5, 2) == .replayed)
        #expect(try await use(test, phone, count: 4, 3) == .counterWentBack)
        #expect(try await use(test, phone, count: 0, 4) == .counterWentBack)
        let known = try #require(try await test.store.passkeys(of: phone.account).first)
        #expect(known.signCount == 4 && !known.isBackedUp)
        #expect(known.lastUse == LastUse(at: test.clock.now(), remote: IPAddress("2001:db8::1")))
        #expect(try await actions(test).suffix(3) == ["used", "alarm", "alarm"])
        var gone = phone
        gone.id = PasskeyID(999)
        #expect(try await use(test, gone, count: 9, 5) == .gone)
    }

    @Test(arguments: StoreFactory.all) func ofManyAnswersToOneChallengeOneCounts(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let phone = try await add(test, new(try await test.account("ann@shop.test"), "Phone", 1), 1).passkey
        let outcomes = try await withThrowingTaskGroup(of: PasskeyUseOutcome.self) { group in
            for count in UInt32(10)..<16 { group.addTask { try await use(test, phone, count: count, 9) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == .used } == 1 && outcomes.count { $0 == .replayed } == 5)
    }

    @Test(arguments: StoreFactory.all) func aPasskeyIsASecondFactorWithRecoveryCodes(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        #expect(try await test.store.secondFactorKinds(of: ann.id) == [])
        await #expect(throws: StoreError.notFound) {
            try await test.store.replaceRecoveryCodes(of: ann.id, with: [[1]])
        }
        let phone = try await add(test, new(ann, "Phone", 1), 1).passkey
        #expect(try await test.store.secondFactorKinds(of: ann.id) == [.passkey])
        try await test.store.replaceRecoveryCodes(of: ann.id, with: [[7], [8]])
        try await test.store.beginSecondFactor(of: ann.id, sealedSecret: [1])
        try await test.store.confirmSecondFactor(of: ann.id, sealedSecret: [1], step: 1, recoveryHashes: [[5]])
        #expect(try await test.store.secondFactorKinds(of: ann.id) == [.passkey, .totp])
        try await test.store.removeSecondFactor(of: ann.id, evenIfDemanded: false)
        #expect(try await test.store.recoveryCodesLeft(of: ann.id) == 1)
        try await test.store.removePasskey(
            phone.id,
            of: ann.id,
            removal: .byOwner,
            audit: event(test, "passkey.remove")
        )
        #expect(try await test.store.secondFactorKinds(of: ann.id) == [])
        #expect(try await test.store.recoveryCodesLeft(of: ann.id) == 0)
    }
}
