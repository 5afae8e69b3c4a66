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
