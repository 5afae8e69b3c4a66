import MailModel
import MailPorts
import Testing

@Suite("Port: SendingGrantStore") struct SendingGrantConformance {
    private func event(_ test: StoreUnderTest) -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "cli", action: "sending_grant", subject: "ann@shop.test")
    }

    private func give(
        _ test: StoreUnderTest,
        _ kind: SendingGrantKind,
        of address: String? = nil,
        _ owner: Account,
        to grantee: Account
    ) async throws -> SendingGrant {
        try await test.store.addSendingGrant(
            kind,
            of: try address.map { try #require(EmailAddress($0)) } ?? owner.primaryAddress,
            owner: owner.id,
            to: grantee.id,
            atMost: 2,
            audit: event(test)
        )
    }

    @Test(arguments: StoreFactory.all) func grantsAreGivenListedAndEnded(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        let other = try await test.account("cy@other.test")
        let grant = try await give(test, .sendAs, ann, to: bob)
        #expect(grant.granteeAddress == bob.primaryAddress && grant.createdAt == test.clock.now())
        await #expect(throws: StoreError.alreadyExists) { try await give(test, .sendAs, ann, to: bob) }
        await #expect(throws: StoreError.self) { try await give(test, .sendAs, ann, to: ann) }
        await #expect(throws: StoreError.notFound) {
            try await give(test, .sendOnBehalf, of: "bob@shop.test", ann, to: bob)
        }
        if other.organisation != ann.organisation {
            await #expect(throws: StoreError.notFound) { try await give(test, .sendAs, ann, to: other) }
        }
        let second = try await give(test, .sendOnBehalf, ann, to: bob)
        await #expect(throws: StoreError.refused("an account gives at most 2 grants")) {
            try await give(test, .sendAs, ann, to: try await test.account("dee@shop.test"))
        }
        #expect(try await test.store.sendingGrants(GrantListing(.givenBy(ann.id), limit: 9)) == [grant, second])
        #expect(try await test.store.sendingGrants(GrantListing(.heldBy(bob.id), limit: 9)) == [grant, second])
        #expect(
            try await test.store.sendingGrants(GrantListing(.within(ann.organisation), limit: 9)) == [grant, second]
        )
        #expect(try await test.store.sendingGrants(GrantListing(.within(OrganisationID(999)), limit: 9)) == [])
        #expect(try await test.store.sendingGrants(GrantListing(.within(nil), limit: 9)) == [grant, second])
        #expect(try await test.store.sendingGrants(GrantListing(.givenBy(bob.id), limit: 9)) == [])
        for subject in [SendingGrantSubject.givenBy(bob.id), .heldBy(ann.id), .within(OrganisationID(999))] {
            await #expect(throws: StoreError.notFound) {
                try await test.store.removeSendingGrant(grant.id, subject, audit: event(test))
            }
        }
        try await test.store.removeSendingGrant(grant.id, .heldBy(bob.id), audit: event(test))
        try await test.store.removeSendingGrant(second.id, .within(ann.organisation), audit: event(test))
        #expect(try await test.store.sendingGrants(GrantListing(.within(nil), limit: 9)) == [])
        #expect(
            try await test.store.auditTrail(AuditFilter(), before: nil, limit: 20).count {
                $0.event.action == "sending_grant"
            } == 4
        )
    }

    @Test(arguments: StoreFactory.all) func whatIsGrantedHoldsWhileItsOwnerIsActive(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        _ = try await give(test, .sendAs, ann, to: bob)
        _ = try await give(test, .sendOnBehalf, ann, to: bob)
        let held = try await test.store.grantedAddresses(of: bob.id)
        #expect(Set(held.map(\.kind)) == [.sendAs, .sendOnBehalf])
        #expect(held.allSatisfy { $0.address == ann.primaryAddress })
        #expect(try await test.store.grantedAddresses(of: ann.id).isEmpty)
        try await test.store.setAccountStatus(ann.id, .suspended)
        #expect(try await test.store.grantedAddresses(of: bob.id).isEmpty)
        try await test.store.setAccountStatus(ann.id, .active)
        #expect(try await test.store.grantedAddresses(of: bob.id).count == 2)
    }
}
