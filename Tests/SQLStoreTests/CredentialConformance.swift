import MailModel
import MailPorts
import Testing

@Suite("Port: CredentialStore") struct CredentialConformance {
    private func new(
        _ account: Account,
        _ name: String,
        _ number: UInt8,
        scopes: Set<SignInScope> = [.imap, .smtp]
    ) -> NewAppPassword {
        NewAppPassword(
            account: account.id,
            name: name,
            scopes: scopes,
            secretHash: Array(repeating: number, count: 32),
            scram: SCRAMKeys(stored: [number, 1], server: [number, 2])
        )
    }

    @Test(arguments: StoreFactory.all) func appPasswordsAreFoundByTheirAccountAndSecret(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let phone = try await test.store.addAppPassword(new(ann, "Phone", 1), atMost: 3)
        let laptop = try await test.store.addAppPassword(new(ann, "Büro", 2, scopes: [.sieve]), atMost: 3)
        let other = try await test.store.addAppPassword(new(bob, "Phone", 1), atMost: 3)
        #expect(phone.createdAt == test.clock.now() && phone.lastUse == nil)
        #expect(try await test.store.appPasswords(of: ann.id) == [phone, laptop])
        let secret = [UInt8](repeating: 1, count: 32)
        #expect(try await test.store.appPassword(of: ann.id, secretHash: secret) == phone)
        #expect(try await test.store.appPassword(of: bob.id, secretHash: secret) == other)
        #expect(
            try await test.store.appPassword(of: bob.id, secretHash: Array(repeating: 2, count: 32)) == nil
        )
        let keys = try await test.store.scramKeys(of: ann.id)
        #expect(keys.map(\.password) == [phone, laptop])
        #expect(keys.map(\.keys.stored) == [[1, 1], [2, 1]] && keys.map(\.keys.server) == [[1, 2], [2, 2]])

        await #expect(throws: StoreError.alreadyExists) {
            try await test.store.addAppPassword(new(ann, "Phone", 3), atMost: 3)
        }
        _ = try await test.store.addAppPassword(new(ann, "Watch", 4), atMost: 3)
        await #expect(throws: StoreError.refused("an account has at most 3 app passwords")) {
            try await test.store.addAppPassword(new(ann, "Clock", 5), atMost: 3)
        }
    }

    @Test(arguments: StoreFactory.all) func manyAtOnceDoNotExceedTheLimit(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        await withTaskGroup(of: Void.self) { group in
            for number in UInt8(1)...12 {
                group.addTask {
                    _ = try? await test.store.addAppPassword(new(ann, "device \(number)", number), atMost: 5)
                }
            }
        }
        #expect(try await test.store.appPasswords(of: ann.id).count == 5)
    }

    @Test(arguments: StoreFactory.all) func theLastUseOnlyGoesForward(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let phone = try await test.store.addAppPassword(new(ann, "Phone", 1), atMost: 3)
        let later = LastUse(at: test.clock.now().adding(seconds: 9), remote: IPAddress("2001:db8::1"))
        try await test.store.noteUse(later, of: phone.id, account: ann.id)
        try await test.store.noteUse(LastUse(at: test.clock.now(), remote: nil), of: phone.id, account: ann.id)
        #expect(try await test.store.appPasswords(of: ann.id).map(\.lastUse) == [later])
        let elsewhere = LastUse(at: later.at.adding(seconds: 1), remote: nil)
        try await test.store.noteUse(elsewhere, of: phone.id, account: AccountID(99))
        #expect(try await test.store.appPasswords(of: ann.id).map(\.lastUse) == [later])
        try await test.store.noteUse(elsewhere, of: phone.id, account: ann.id)
        #expect(try await test.store.appPasswords(of: ann.id).map(\.lastUse) == [elsewhere])
    }

    @Test(arguments: StoreFactory.all) func removingTellsWhichSessionsEnd(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        #expect(try await test.store.signInEndings(after: nil, limit: 10) == [])
        let phone = try await test.store.addAppPassword(new(ann, "Phone", 1), atMost: 3)
        await #expect(throws: StoreError.notFound) {
            try await test.store.removeAppPassword(phone.id, of: bob.id)
        }
        try await test.store.removeAppPassword(phone.id, of: ann.id)
        await #expect(throws: StoreError.notFound) {
            try await test.store.removeAppPassword(phone.id, of: ann.id)
        }
        #expect(try await test.store.appPasswords(of: ann.id) == [])
        try await test.store.setAccountStatus(bob.id, .suspended)
        try await test.store.setAccountStatus(bob.id, .active)
        let endings = try await test.store.signInEndings(after: 0, limit: 10)
        #expect(endings.map(\.account) == [ann.id, bob.id])
        #expect(endings.map(\.credential) == [.appPassword(phone.id), nil])
        #expect(try await test.store.signInEndings(after: endings[0].number, limit: 10) == [endings[1]])
        #expect(try await test.store.signInEndings(after: endings[1].number, limit: 10) == [])
        #expect(try await test.store.signInEndings(after: 0, limit: 1) == [endings[0]])
        #expect(try await test.store.signInEndings(after: nil, limit: 10) == [endings[1]])
    }
}

@Suite("Port: SecondFactorStore") struct SecondFactorConformance {
    private static let codes: [[UInt8]] = [[1], [2], [3]]

    @Test(arguments: StoreFactory.all) func enrolmentConfirmationAndEnd(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        #expect(try await store.secondFactor(of: ann.id) == nil)
        #expect(try await store.spendStep(9, of: ann.id) == false)
        try await store.beginSecondFactor(of: ann.id, sealedSecret: [1])
        try await store.beginSecondFactor(of: ann.id, sealedSecret: [2])
        #expect(
            try await store.secondFactor(of: ann.id)
                == SecondFactor(sealedSecret: [2], isConfirmed: false, lastStep: 0)
        )
        #expect(try await store.spendStep(9, of: ann.id) == false)
        // A secret that was replaced meanwhile.
        await #expect(throws: StoreError.notFound) {
            try await store.confirmSecondFactor(of: ann.id, sealedSecret: [1], step: 5, recoveryHashes: Self.codes)
        }
        await #expect(throws: StoreError.notFound) {
            try await store.replaceRecoveryCodes(of: ann.id, with: [[9]])
        }
        try await store.confirmSecondFactor(of: ann.id, sealedSecret: [2], step: 5, recoveryHashes: Self.codes)
        #expect(try await store.secondFactor(of: ann.id)?.lastStep == 5)
        #expect(try await store.signInEndings(after: 0, limit: 9).map(\.credential) == [.password])
        await #expect(throws: StoreError.notFound) {
            try await store.confirmSecondFactor(of: ann.id, sealedSecret: [2], step: 6, recoveryHashes: [])
        }
        await #expect(throws: StoreError.alreadyExists) {
            try await store.beginSecondFactor(of: ann.id, sealedSecret: [3])
        }
        #expect(try await store.recoveryCodesLeft(of: ann.id) == 3)
        try await store.removeSecondFactor(of: ann.id, evenIfDemanded: false)
        #expect(try await store.secondFactor(of: ann.id) == nil)
        #expect(try await store.recoveryCodesLeft(of: ann.id) == 0)
        await #expect(throws: StoreError.notFound) {
            try await store.removeSecondFactor(of: ann.id, evenIfDemanded: false)
        }
    }

    @Test(arguments: StoreFactory.all) func codesAreSpentOnceByWhoeverComesFirst(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let stores = [test.store, try await test.beside?() ?? test.store]
        try await test.store.beginSecondFactor(of: ann.id, sealedSecret: [2])
        try await test.store.confirmSecondFactor(
            of: ann.id,
            sealedSecret: [2],
            step: 5,
            recoveryHashes: Self.codes
        )
        let taken = try await withThrowingTaskGroup(of: [Bool].self) { group in
            for number in 0..<10 {
                group.addTask {
                    let store = stores[number % 2]
                    return [
                        try await store.spendStep(6, of: ann.id), try await store.spendRecoveryCode([1], of: ann.id),
                    ]
                }
            }
            return try await group.reduce(into: [0, 0]) { counts, one in
                for place in 0..<2 where one[place] { counts[place] += 1 }
            }
        }
        #expect(taken == [1, 1])
        #expect(try await test.store.spendStep(5, of: ann.id) == false)
        #expect(try await test.store.spendStep(7, of: ann.id))
        #expect(try await test.store.spendRecoveryCode([9], of: ann.id) == false)
        #expect(try await test.store.spendRecoveryCode([2], of: AccountID(99)) == false)
        #expect(try await test.store.recoveryCodesLeft(of: ann.id) == 2)
        try await test.store.replaceRecoveryCodes(of: ann.id, with: [[8]])
        #expect(try await test.store.spendRecoveryCode([2], of: ann.id) == false)
        #expect(try await test.store.spendRecoveryCode([8], of: ann.id))
    }
}
