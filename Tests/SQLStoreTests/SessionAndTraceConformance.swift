import MailModel
import MailPorts
import Testing

@Suite("Port: SessionStore") struct SessionConformance {
    private func token(
        _ test: StoreUnderTest,
        _ number: UInt8,
        family: String,
        lives seconds: Int64 = 600
    ) -> RefreshToken {
        RefreshToken(
            account: AccountID(7),
            family: family,
            hash: Array(repeating: number, count: 32),
            issuedAt: test.clock.now(),
            expiresAt: test.clock.now().adding(seconds: seconds)
        )
    }

    @Test(arguments: StoreFactory.all) func rotation(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let tokens = (0..<6).map { token(test, $0, family: "f") }
        try await store.add(tokens[0])
        #expect(try await store.isRevoked(family: "f") == false)
        #expect(try await store.isRevoked(family: "unknown"))
        guard
            case .rotated(AccountID(7)) = try await store.rotate(tokens[0].hash, to: tokens[1], now: test.clock.now()),
            case .rotated = try await store.rotate(tokens[1].hash, to: tokens[2], now: test.clock.now())
        else {
            Issue.record("not rotated")
            return
        }
        guard case .unknown = try await store.rotate([9], to: tokens[3], now: test.clock.now()) else {
            Issue.record("an unknown token rotated")
            return
        }
        // Reuse revokes the whole family, the newest token with it.
        guard case .reused(AccountID(7)) = try await store.rotate(tokens[0].hash, to: tokens[4], now: test.clock.now())
        else {
            Issue.record("reuse was not noticed")
            return
        }
        #expect(try await store.isRevoked(family: "f"))
        guard case .unknown = try await store.rotate(tokens[2].hash, to: tokens[5], now: test.clock.now()) else {
            Issue.record("a revoked token rotated")
            return
        }
    }

    @Test(arguments: StoreFactory.all) func expiryAndRevocation(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        try await store.add(token(test, 1, family: "a"))
        try await store.add(token(test, 2, family: "b"))
        try await store.add(token(test, 3, family: "c", lives: 10))
        try await store.revokeFamily(ofToken: token(test, 1, family: "a").hash)
        #expect(try await store.isRevoked(family: "a"))
        #expect(try await store.isRevoked(family: "b") == false)
        await #expect(throws: StoreError.notFound) { try await store.revokeFamily(ofToken: [1]) }
        test.clock.advance(seconds: 10)
        guard
            case .unknown = try await store.rotate(
                token(test, 3, family: "c").hash,
                to: token(test, 4, family: "c"),
                now: test.clock.now()
            )
        else {
            Issue.record("an expired token rotated")
            return
        }
        _ = try await store.revokeSessions(of: AccountID(8), except: nil)
        #expect(try await store.isRevoked(family: "b") == false)
        _ = try await store.revokeSessions(of: AccountID(7), except: nil)
        #expect(try await store.isRevoked(family: "b"))
    }

    @Test(arguments: StoreFactory.all) func onlyOneOfManyRotations(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await test.store.add(token(test, 1, family: "f"))
        let rotated = await withTaskGroup(of: Int.self) { group in
            for number in 2..<22 {
                group.addTask {
                    let outcome = try? await test.store.rotate(
                        token(test, 1, family: "f").hash,
                        to: token(test, UInt8(number), family: "f"),
                        now: test.clock.now()
                    )
                    if case .rotated? = outcome { return 1 }
                    return 0
                }
            }
            return await group.reduce(0, +)
        }
        #expect(rotated == 1)
    }

    @Test(arguments: StoreFactory.all) func aPlatformSecretIsMadeOnce(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        #expect(try await test.store.platformSecret("key", makingIfAbsent: { [1, 2] }) == [1, 2])
        #expect(try await test.store.platformSecret("key", makingIfAbsent: { [3] }) == [1, 2])
        #expect(try await test.store.platformSecret("other", makingIfAbsent: { [3] }) == [3])
    }
}

@Suite("Port: TraceStore") struct TraceConformance {
    private func event(
        _ second: Int64,
        _ id: String,
        _ kind: TraceEvent.Kind = .refused,
        sender: String = "",
        recipient: String? = nil,
        message: String? = nil
    ) -> TraceEvent {
        TraceEvent(
            at: Timestamp(seconds: second),
            kind: kind,
            queueID: QueueID(rawValue: id),
            messageID: message,
            sender: sender,
            recipient: recipient,
            remote: IPAddress("192.0.2.7"),
            detail: "550 no"
        )
    }

    @Test(arguments: StoreFactory.all) func findingByEveryKey(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        await store.record([
            event(1, "q1", .accepted, sender: "Ann@shop.test", recipient: "bob@shop.test", message: "M1@x"),
            event(2, "q1", .delivered, sender: "ann@shop.test", recipient: "ann@shop.test", message: "M1@x"),
        ])
        await store.record([event(3, "q2", sender: "cy@away.test", recipient: "BOB@shop.test")])
        await store.record([])
        let byID = try await store.find("q1", since: nil, limit: 10)
        #expect(byID.map(\.kind) == [.accepted, .delivered])
        #expect(byID.first?.remote == IPAddress("192.0.2.7"))
        #expect(byID.first?.messageID == "M1@x")
        #expect(byID.first?.detail == "550 no")
        #expect(try await store.find("M1@x", since: nil, limit: 10).count == 2)
        #expect(try await store.find("Bob@Shop.test", since: nil, limit: 10).map(\.queueID.rawValue) == ["q1", "q2"])
        // Sender and recipient of one event: once.
        #expect(try await store.find("ann@shop.test", since: nil, limit: 10).map(\.at.seconds) == [1, 2])
        #expect(try await store.find("ann@shop.test", since: Timestamp(seconds: 2), limit: 10).map(\.at.seconds) == [2])
        // The newest of many, newest last.
        #expect(try await store.find("bob@shop.test", since: nil, limit: 1).map(\.at.seconds) == [3])
        #expect(try await store.find("nobody@shop.test", since: nil, limit: 1).isEmpty)
    }

    @Test(arguments: StoreFactory.all) func pruning(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        for start in [0, 6_000] { await test.store.record((start..<(start + 6_000)).map { event(Int64($0), "q") }) }
        #expect(try await test.store.prune(olderThan: Timestamp(seconds: 11_990)) == 11_990)
        #expect(try await test.store.prune(olderThan: Timestamp(seconds: 11_990)) == 0)
        #expect(try await test.store.find("q", since: nil, limit: 100).map(\.at.seconds) == Array(11_990..<12_000))
    }
}
