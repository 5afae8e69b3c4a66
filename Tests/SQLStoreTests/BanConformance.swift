import MailModel
import MailPorts
import Testing

@Suite("Port: BanStore") struct BanConformance {
    private func network(_ text: String) throws -> IPNetwork { try #require(IPNetwork(text)) }

    private func automatic(_ network: IPNetwork, _ test: StoreUnderTest, limit: Int = 100) -> AutomaticBan {
        AutomaticBan(
            network: network,
            reason: "failed_sign_in 20",
            at: test.clock.now(),
            growth: BanGrowth(),
            limit: limit
        )
    }

    private func manual(
        _ network: IPNetwork,
        _ test: StoreUnderTest,
        kind: Ban.Kind = .ban,
        seconds: Int64? = nil,
        limit: Int = 100
    ) -> ManualBan {
        let now = test.clock.now()
        return ManualBan(
            network: network,
            kind: kind,
            reason: "abuse",
            at: now,
            until: seconds.map { now.adding(seconds: $0) },
            madeBy: "op@shop.test",
            limit: limit
        )
    }

    private func event(_ test: StoreUnderTest, _ action: String = "ban.add") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "op@shop.test", action: action, subject: "a network")
    }

    private func line(_ ban: Ban) -> AuditEvent {
        AuditEvent(at: ban.since, actor: "system", action: "ban.add", subject: ban.network.description)
    }

    private func made(_ order: AutomaticBan, _ test: StoreUnderTest) async throws -> Ban {
        guard case .made(let ban) = try await test.store.ban(order, audit: { line($0) }) else {
            throw StoreError.refused("not made")
        }
        return ban
    }

    @Test(arguments: StoreFactory.all) func bansGrowWithEachRepeatAndAreForgotten(_ factory: StoreFactory) async throws
    {
        let test = try await factory.make()
        let network = try network("192.0.2.7/32")
        let first = try await made(automatic(network, test), test)
        #expect(first.until == test.clock.now().adding(seconds: 900))
        #expect((first.times, first.isAutomatic, first.madeBy, first.kind) == (1, true, "system", .ban))
        #expect(try await test.store.ban(first.id) == first)
        // Two processes that see it at once.
        #expect(try await test.store.ban(automatic(network, test), audit: { line($0) }) == .unnecessary)
        test.clock.advance(seconds: 900)
        let second = try await made(automatic(network, test), test)
        #expect(second.id == first.id)
        #expect(second.number > first.number)
        #expect(second.times == 2)
        #expect(second.until == test.clock.now().adding(seconds: 3_600))
        // Remembered to the end of the memory, and not a second longer.
        test.clock.advance(seconds: 3_600 + 2_592_000 - 1)
        #expect(try await made(automatic(network, test), test).times == 3)
        test.clock.advance(seconds: 14_400 + 2_592_000)
        #expect(try await made(automatic(network, test), test).times == 1)
        var filter = AuditFilter()
        filter.action = "ban"
        let trail = try await test.store.auditTrail(filter, before: nil, limit: 9)
        #expect(trail.map(\.event.subject) == Array(repeating: "192.0.2.7/32", count: 4))
    }

    @Test(arguments: StoreFactory.all) func peopleBanExemptAndLift(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let wide = try network("192.0.2.77/24")
        let ban = try await test.store.putBan(manual(wide, test), audit: event(test))
        #expect(ban.network.description == "192.0.2.0/24")
        #expect((ban.until, ban.isAutomatic, ban.times, ban.madeBy) == (nil, false, 1, "op@shop.test"))
        #expect(try await test.store.ban(automatic(wide, test), audit: { line($0) }) == .unnecessary)
        // In its place.
        let exempt = try await test.store.putBan(manual(wide, test, kind: .exemption, seconds: 60), audit: event(test))
        #expect(exempt.id == ban.id)
        #expect((exempt.kind, exempt.times) == (.exemption, 0))
        #expect(try await test.store.ban(automatic(wide, test), audit: { line($0) }) == .unnecessary)
        let lifted = try await test.store.liftBan(exempt.id, now: test.clock.now()) { _ in event(test, "exemption.lift")
        }
        #expect(lifted.until == test.clock.now())
        #expect(!lifted.isInForce(at: test.clock.now()))
        await #expect(throws: StoreError.notFound) {
            _ = try await test.store.liftBan(exempt.id, now: test.clock.now()) { _ in event(test) }
        }
        await #expect(throws: StoreError.notFound) {
            _ = try await test.store.liftBan(BanID(999), now: test.clock.now()) { _ in event(test) }
        }
        // An exemption counts as no earlier ban.
        #expect(try await made(automatic(wide, test), test).times == 1)
        test.clock.advance(seconds: 900)
        let again = try await made(automatic(wide, test), test)
        #expect(again.times == 2)
        _ = try await test.store.liftBan(again.id, now: test.clock.now()) { _ in event(test) }
        // Nor does what was lifted.
        #expect(try await made(automatic(wide, test), test).times == 1)
    }

    @Test(arguments: StoreFactory.all) func changesAreReadInTheirOrder(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let one = try await made(automatic(try network("192.0.2.1/32"), test), test)
        let two = try await test.store.putBan(manual(try network("2001:db8::/32"), test), audit: event(test))
        let lifted = try await test.store.liftBan(one.id, now: test.clock.now()) { _ in event(test) }
        #expect(try await test.store.banChanges(after: 0, limit: 10) == [two, lifted])
        #expect(try await test.store.banChanges(after: 0, limit: 1) == [two])
        #expect(try await test.store.banChanges(after: two.number, limit: 10) == [lifted])
        #expect(try await test.store.banChanges(after: lifted.number, limit: 10) == [])
        if let beside = test.beside { #expect(try await beside().banChanges(after: 0, limit: 10) == [two, lifted]) }
    }

    @Test(arguments: StoreFactory.all) func writersAtOnceMakeOneBan(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let order = automatic(try network("192.0.2.1/32"), test)
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    if case .made = try await test.store.ban(order, audit: { line($0) }) { 1 } else { 0 }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(count == 1)
    }

    @Test(arguments: StoreFactory.all) func rowsAreBoundedAndSwept(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        for number in 1...3 { _ = try await made(automatic(try network("192.0.2.\(number)/32"), test, limit: 3), test) }
        let fourth = try network("192.0.2.4/32")
        #expect(try await test.store.ban(automatic(fourth, test, limit: 3), audit: { line($0) }) == .full)
        // What people ban is counted apart, and stays.
        _ = try await test.store.putBan(manual(fourth, test, limit: 1), audit: event(test))
        await #expect(throws: StoreError.self) {
            _ = try await test.store.putBan(manual(try network("192.0.2.5/32"), test, limit: 1), audit: event(test))
        }
        // The same network again is no further row.
        _ = try await test.store.putBan(manual(fourth, test, limit: 1), audit: event(test))
        test.clock.advance(seconds: 900)
        // Ended ones give way.
        _ = try await made(automatic(try network("192.0.2.9/32"), test, limit: 3), test)
        func networks() async throws -> Set<String> {
            var listing = BanListing(now: test.clock.now(), limit: 100)
            listing.sort = .network
            return Set(try await test.store.bans(listing).map(\.network.description))
        }
        #expect(try await networks() == ["192.0.2.4/32", "192.0.2.9/32"])
        test.clock.advance(seconds: 900)
        let now = test.clock.now()
        #expect(try await test.store.sweepBans(endedBefore: now, limit: 10) == 0)
        #expect(try await test.store.sweepBans(endedBefore: now.adding(seconds: 1), limit: 10) == 1)
        #expect(try await networks() == ["192.0.2.4/32"])
    }

    @Test(arguments: StoreFactory.all) func listsAreSortedAndFiltered(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        var made: [Ban] = []
        for number in 0..<30 {
            if number % 3 == 0 { test.clock.advance(seconds: 1) }
            let network = try network(number % 2 == 0 ? "192.0.\(number).0/24" : "2001:db8:\(number)::/48")
            if number % 5 == 0 {
                made.append(try await self.made(automatic(network, test), test))
            } else {
                let order = manual(
                    network,
                    test,
                    kind: number % 7 == 0 ? .exemption : .ban,
                    seconds: number % 4 == 0 ? 10 : nil
                )
                made.append(try await test.store.putBan(order, audit: event(test)))
            }
        }
        test.clock.advance(seconds: 60)
        let now = test.clock.now()
        func found(_ change: (inout BanListing) -> Void, _ holds: (Ban) -> Bool) async throws {
            var listing = BanListing(now: now, limit: 1)
            change(&listing)
            let wanted = made.filter(holds)
            #expect(!wanted.isEmpty)
            let rows = try await walk(
                listing,
                lengths: [1, 4, 7],
                count: wanted.count,
                name: { $0.network.description },
                fetch: { page in try await test.store.bans(page) }
            )
            #expect(Set(rows) == Set(wanted))
        }
        try await found({ _ in }, { _ in true })
        try await found({ $0.kind = .exemption }, { $0.kind == .exemption })
        try await found({ $0.state = .inForce }, { $0.isInForce(at: now) })
        try await found({ $0.state = .over }, { !$0.isInForce(at: now) })
        try await found({ $0.isAutomatic = true }, { $0.isAutomatic })
        try await found({ $0.text = "2001:DB8:1" }, { $0.network.description.utf8.starts(with: "2001:db8:1".utf8) })
        try await found({ $0.text = "abuse" }, { $0.reason == "abuse" })
        let address = try #require(IPAddress("192.0.4.99"))
        try await found({ $0.covering = address }, { $0.network.contains(address) })
        let six = try #require(IPAddress("2001:db8:3:4::5"))
        try await found({ $0.covering = six }, { $0.network.contains(six) })
    }
}
