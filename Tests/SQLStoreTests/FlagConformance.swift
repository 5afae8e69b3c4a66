import MailModel
import MailPorts
import Testing

@Suite("Port: FlagStore") struct FlagConformance {
    @Test(arguments: StoreFactory.all) func rulesAreSetReplacedAndCleared(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let organisation = try await test.store.addOrganisation(name: "Shop").id
        func rule(_ percentage: Int, _ organisation: OrganisationID?) -> FlagRule {
            FlagRule(
                flag: "a-flag",
                organisation: organisation,
                percentage: percentage,
                unit: .organisation,
                changedAt: test.clock.now(),
                changedBy: "cli"
            )
        }
        let event = AuditEvent(at: test.clock.now(), actor: "cli", action: "flag.set", subject: "flag:a-flag")
        #expect(try await test.store.flagRules() == [])
        try await test.store.setFlag(rule(10, nil), audit: event)
        try await test.store.setFlag(rule(20, organisation), audit: event)
        try await test.store.setFlag(rule(30, nil), audit: event)
        #expect(try await test.store.flagRules() == [rule(30, nil), rule(20, organisation)])
        if let beside = test.beside {
            #expect(try await beside().flagRules().count == 2)
        }
        await #expect(throws: StoreError.notFound) {
            try await test.store.setFlag(rule(1, OrganisationID(999)), audit: event)
        }
        try await test.store.clearFlag("a-flag", of: nil, audit: event)
        await #expect(throws: StoreError.notFound) {
            try await test.store.clearFlag("a-flag", of: nil, audit: event)
        }
        #expect(try await test.store.flagRules() == [rule(20, organisation)])
        var filter = AuditFilter.own
        filter.organisation = organisation
        #expect(try await test.store.auditTrail(filter, before: nil, limit: 9).count == 1)
        #expect(try await test.store.auditTrail(.own, before: nil, limit: 9).count == 4)
    }
}
