import MailModel
import MailPorts
import Testing

@Suite("Port: ZoneStore") struct ZoneConformance {
    private func audit(_ test: StoreUnderTest, _ action: String = "zone.connect") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "owner@shop.test", action: action, subject: "shop.test")
    }

    private func connection(_ zone: String, _ organisation: OrganisationID) -> ZoneConnection {
        ZoneConnection(
            organisation: organisation,
            zone: zone,
            host: "ns.\(zone)",
            port: 53,
            keyName: "key",
            algorithm: .hmacSHA384,
            sealedSecret: [7, 7]
        )
    }

    private func record(_ name: String, _ value: String) -> ZoneRecord {
        ZoneRecord(set: ZoneSet(name, .txt), ttl: 60, value: value)
    }

    @Test(arguments: StoreFactory.all)
    func `the longest zone of the own organisation covers a name`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let own = try await test.account("ann@shop.test").organisation
        let other = try await test.store.addOrganisation(name: "Other", audit: audit(test)).id
        for zone in ["test", "shop.test"] {
            let made = try await test.store.setZoneConnection(connection(zone, own), replacing: nil, audit: audit(test))
            #expect(made.version == 1 && made.algorithm == .hmacSHA384 && made.sealedSecret == [7, 7])
        }
        func zone(_ name: String, _ organisation: OrganisationID) async throws -> String? {
            try await test.store.zoneConnection(covering: name, of: organisation)?.zone
        }
        #expect(try await zone("Shop.TEST", own) == "shop.test")
        #expect(try await zone("a.b.shop.test", own) == "shop.test")
        #expect(try await zone("workshop.test", own) == "test")
        #expect(try await zone("shop.example", own) == nil)
        #expect(try await zone("est", own) == nil)
        #expect(try await zone("shop.test", other) == nil)
        await #expect(throws: StoreError.alreadyExists) {
            _ = try await test.store.setZoneConnection(connection("test", own), replacing: 0, audit: audit(test))
        }
        var changed = connection("test", own)
        changed.port = 5_353
        #expect(try await test.store.setZoneConnection(changed, replacing: 1, audit: audit(test)).version == 2)
        try await test.store.removeZoneConnection(connection("shop.test", own), audit: audit(test))
        #expect(try await zone("shop.test", own) == "test")
        await #expect(throws: StoreError.notFound) {
            try await test.store.removeZoneConnection(connection("shop.test", own), audit: audit(test))
        }
    }

    @Test(arguments: StoreFactory.all)
    func `what was written is known by domain and organisation`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let own = try await test.account("ann@shop.test").organisation
        let member = ZoneMember(organisation: own, domain: "shop.test", state: .active)
        let stranger = ZoneMember(organisation: OrganisationID(own.rawValue + 1), domain: "shop.test", state: .active)
        let records = [record("shop.test", "a"), record("_dmarc.shop.test", "b")]
        let now = test.clock.now()
        try await test.store.intendRecords(records, of: member, at: now)
        try await test.store.intendRecords(records, of: member, at: now)
        let intended = try await test.store.writtenRecords(of: member)
        #expect(intended.map(\.value).sorted() == ["a", "b"] && !intended.contains { $0.isConfirmed })
        #expect(try await test.store.writtenRecords(of: stranger).isEmpty)
        var state = ZoneState(nextAt: now.adding(seconds: 60))
        (state.wanted, state.fault, state.failures, state.failingSince) = ("w", "f", 3, now)
        (state.isTold, state.writtenAt) = (true, now)
        var outcome = ZoneOutcome(member: member, state: state)
        (outcome.confirmed, outcome.gone) = ([records[0]], [records[1]])
        try await test.store.noteZone(outcome, at: now, audit: audit(test, "zone.write"))
        #expect(
            try await test.store.writtenRecords(of: member) == [
                WrittenRecord(set: records[0].set, value: "a", at: now, isConfirmed: true)
            ]
        )
        #expect(try await test.store.zoneState(of: member) == state)
        #expect(try await test.store.zoneState(of: stranger) == nil)
        // Without a state the one that is there stays.
        try await test.store.noteZone(ZoneOutcome(member: member), at: now, audit: nil)
        #expect(try await test.store.zoneState(of: member) == state)
        // Another connection: everything is tried again.
        _ = try await test.store.setZoneConnection(connection("shop.test", own), replacing: nil, audit: audit(test))
        let after = try #require(try await test.store.zoneState(of: member))
        #expect(after.failures == 0 && !after.isTold && after.nextAt <= now && after.wanted == "w")
    }

    @Test(arguments: StoreFactory.all)
    func `domains and claims are gone through that something is done for`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let own = try await test.account("ann@shop.test").organisation
        let other = try await test.account("bob@elsewhere.example").organisation
        func claim(_ name: String, _ organisation: OrganisationID) async throws {
            _ = try await test.store.addClaim(
                name,
                organisation: organisation,
                token: "t",
                expiresAt: test.clock.now().adding(seconds: 60),
                limit: 9,
                audit: audit(test)
            )
        }
        try await claim("b.shop.test", own)
        try await claim("a.shop.test", OrganisationID(own.rawValue))
        try await claim("workshop.test", own)
        if other != own { try await claim("c.shop.test", other) }
        #expect(try await test.store.zoneMembers(after: nil, limit: 10).isEmpty)
        var automatic = connection("shop.test", own)
        _ = try await test.store.setZoneConnection(automatic, replacing: nil, audit: audit(test))
        #expect(try await test.store.zoneMembers(after: nil, limit: 10).isEmpty)
        automatic.isAutomatic = true
        _ = try await test.store.setZoneConnection(automatic, replacing: nil, audit: audit(test))
        let all = try await test.store.zoneMembers(after: nil, limit: 10)
        #expect(all.map(\.domain) == ["a.shop.test", "b.shop.test", "shop.test"])
        #expect(all.map(\.state) == [.pending, .pending, .active] && all.allSatisfy { $0.organisation == own })
        #expect(try await test.store.zoneMembers(after: all[0], limit: 1) == [all[1]])
    }
}
