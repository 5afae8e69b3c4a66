import MailModel
import MailPorts
import Testing

@Suite("Port: SessionStore, sessions shown and ended") struct SignedInSessionConformance {
    private func token(
        _ test: StoreUnderTest,
        _ account: Account,
        _ number: UInt8,
        family: String,
        lives seconds: Int64 = 600,
        origin: SessionOrigin = SessionOrigin()
    ) -> RefreshToken {
        RefreshToken(
            account: account.id,
            family: family,
            hash: Array(repeating: number, count: 32),
            issuedAt: test.clock.now(),
            expiresAt: test.clock.now().adding(seconds: seconds),
            origin: origin
        )
    }

    @Test(arguments: StoreFactory.all) func sessionsAreShownWithTheirLastUse(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let desk = SessionOrigin(device: "Desk/1", remote: IPAddress("192.0.2.1"))
        let began = test.clock.now()
        try await test.store.add(token(test, ann, 1, family: "a", origin: desk))
        try await test.store.add(token(test, bob, 9, family: "z"))
        test.clock.advance(seconds: 5)
        try await test.store.add(token(test, ann, 2, family: "b"))
        let moved = SessionOrigin(device: "Desk/2", remote: IPAddress("2001:db8::7"))
        let next = token(test, ann, 3, family: "a", origin: moved)
        guard
            case .rotated = try await test.store.rotate(
                token(test, ann, 1, family: "a").hash,
                to: next,
                now: test.clock.now()
            )
        else {
            Issue.record("not rotated")
            return
        }
        let now = test.clock.now()
        #expect(
            try await test.store.sessions(of: ann.id, now: now) == [
                SignInSession(family: "b", device: "", createdAt: now, lastUse: LastUse(at: now, remote: nil)),
                SignInSession(
                    family: "a",
                    device: "Desk/2",
                    createdAt: began,
                    lastUse: LastUse(at: now, remote: IPAddress("2001:db8::7"))
                ),
            ]
        )
        #expect(try await test.store.sessions(of: ann.id, now: now.adding(seconds: 601)) == [])
    }

    @Test(arguments: StoreFactory.all) func oneOrAllOthersEnd(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        for (number, family) in ["a", "b", "c", "d"].enumerated() {
            try await test.store.add(token(test, ann, UInt8(number), family: family))
        }
        try await test.store.add(token(test, bob, 9, family: "z"))
        await #expect(throws: StoreError.notFound) { try await test.store.revokeSession("z", of: ann.id) }
        try await test.store.revokeSession("a", of: ann.id)
        await #expect(throws: StoreError.notFound) { try await test.store.revokeSession("a", of: ann.id) }
        #expect(try await test.store.isRevoked(family: "a"))
        #expect(try await test.store.revokeSessions(of: ann.id, except: "b") == 2)
        #expect(try await test.store.sessions(of: ann.id, now: test.clock.now()).map(\.family) == ["b"])
        #expect(try await test.store.revokeSessions(of: ann.id, except: nil) == 1)
        #expect(try await test.store.isRevoked(family: "z") == false)
    }

    @Test(arguments: StoreFactory.all) func whatHasExpiredGoesWithTheNextSignIn(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await test.store.add(token(test, ann, 1, family: "old", lives: 10))
        test.clock.advance(seconds: 11)
        try await test.store.add(token(test, ann, 2, family: "new"))
        #expect(try await test.store.isRevoked(family: "old"))
        await #expect(throws: StoreError.notFound) {
            try await test.store.revokeFamily(ofToken: Array(repeating: 1, count: 32))
        }
        #expect(try await test.store.isRevoked(family: "new") == false)
    }

    @Test(arguments: StoreFactory.all) func anotherPasswordEndsTheOtherSessions(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        for (number, family) in ["a", "b"].enumerated() {
            try await test.store.add(token(test, ann, UInt8(number), family: family))
        }
        try await test.store.add(token(test, bob, 9, family: "z"))
        try await test.store.changePassword(ann.id, hash: "second", keeping: 2, exceptSession: "a")
        #expect(try await test.store.isRevoked(family: "a") == false)
        #expect(try await test.store.isRevoked(family: "b"))
        #expect(try await test.store.isRevoked(family: "z") == false)
        #expect(
            try await test.store.signInEndings(after: 0, limit: 9).map(\.credential) == [.session("b"), .password]
        )
        #expect(try await test.store.credential(for: ann.primaryAddress)?.passwordHash == "second")
        for hash in ["third", "fourth"] {
            try await test.store.changePassword(ann.id, hash: hash, keeping: 2, exceptSession: nil)
        }
        #expect(try await test.store.isRevoked(family: "a"))
        #expect(try await test.store.passwordHistory(of: ann.id, limit: 9) == ["fourth", "third", "second"])
        #expect(try await test.store.passwordHistory(of: ann.id, limit: 2) == ["fourth", "third"])
        try await test.store.changePassword(ann.id, hash: "fifth", keeping: 0, exceptSession: nil)
        #expect(try await test.store.passwordHistory(of: ann.id, limit: 9) == ["fifth"])
        await #expect(throws: StoreError.notFound) {
            try await test.store.changePassword(AccountID(99), hash: "x", keeping: 2, exceptSession: nil)
        }
    }

    @Test("an ended session ends the mail sessions of its tokens", arguments: StoreFactory.all)
    func endedSessionsAreTold(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        for (number, family) in [(1, "a"), (2, "b"), (3, "c")] as [(UInt8, String)] {
            try await test.store.add(token(test, ann, number, family: family))
        }
        try await test.store.add(token(test, bob, 9, family: "z"))
        try await test.store.revokeSession("a", of: ann.id)
        let first = try #require(try await test.store.signInEndings(after: nil, limit: 10).last)
        #expect(first.account == ann.id && first.credential == .session("a"))
        try await test.store.revokeFamily(ofToken: token(test, ann, 2, family: "b").hash)
        #expect(try await test.store.revokeSessions(of: ann.id, except: nil) == 1)
        _ = try await test.store.revokeSessions(of: bob.id, except: nil)
        #expect(
            try await test.store.signInEndings(after: first.number, limit: 10).map(\.credential) == [
                .session("b"), .session("c"), .session("z"),
            ]
        )
    }
}
