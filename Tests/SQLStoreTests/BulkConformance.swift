import MailModel
import MailPorts
import Testing

@Suite("Port: BulkStore") struct BulkConformance {
    private func bulk(
        _ rows: [BulkRow],
        _ test: StoreUnderTest,
        mode: BulkImport.Mode = .whole,
        role: Role = .admin,
        account: AccountID? = nil
    ) async throws -> BulkImport {
        let domain = try #require(try await test.store.domain(named: "shop.test"))
        return BulkImport(
            domain: "shop.test",
            organisation: domain.organisation,
            kind: "accounts",
            rows: rows,
            mode: mode,
            role: role,
            account: account,
            defaultQuota: 900,
            openInvitations: 2,
            members: 3,
            audit: AuditEvent(at: test.clock.now(), actor: "ann@shop.test", action: "", subject: "")
        )
    }

    private func account(
        _ address: String,
        name: String? = nil,
        quota: Edit<Int64> = .keep,
        status: Account.Status? = nil,
        token: UInt8? = nil
    ) -> BulkRow {
        .account(
            BulkAccount(
                address: .sample(address),
                displayName: name,
                quotaBytes: quota,
                status: status,
                profile: ProfileChange(language: .set(LanguageTag("de")), timeZone: .keep),
                invitation: token.map {
                    BulkInvitation(
                        contact: .sample("a@out.test"),
                        tokenHash: Array(repeating: $0, count: 32),
                        expiresAt: Timestamp(seconds: 4_000_000_000)
                    )
                }
            )
        )
    }

    private func alias(_ address: String, _ targets: String...) -> BulkRow {
        .alias(Alias(address: .sample(address), targets: targets.map { .sample($0) }))
    }

    private func trail(_ test: StoreUnderTest) async throws -> [String] {
        try await test.store.auditTrail(.own, before: nil, limit: 100).map {
            "\($0.event.action) \($0.event.subject)"
        }
    }

    @Test(arguments: StoreFactory.all)
    func `accounts are made and changed, and a second time nothing is`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test", quota: 5)
        let rows = [
            account("ann@shop.test", name: "Änn \"x\"", quota: .set(nil)),
            account("Bea@shop.test", name: "Bea", status: .suspended),
            account("cy@shop.test", quota: .set(77), token: 1),
        ]
        #expect(try await store.apply(try await bulk(rows, test)) == [.changed, .created, .created])
        #expect(try await store.apply(try await bulk(rows, test)) == [.unchanged, .unchanged, .unchanged])
        let found = try await store.bulkAccounts(ofDomain: "shop.test", after: nil, limit: 9)
        #expect(found.map(\.address.description) == ["ann@shop.test", "Bea@shop.test", "cy@shop.test"])
        #expect(found.map(\.quotaBytes) == [nil, 900, 77] && found.map(\.status) == [.active, .suspended, .active])
        #expect(found.map(\.displayName) == ["Änn \"x\"", "Bea", ""] && found.allSatisfy { $0.language == "de" })
        #expect(try await store.bulkAccounts(ofDomain: "shop.test", after: "bea@shop.test", limit: 9).count == 1)
        #expect(
            try await trail(test) == [
                "domain.import shop.test", "domain.import shop.test", "invitation.add cy@shop.test",
                "account.add cy@shop.test", "account.suspend bea@shop.test", "account.add bea@shop.test",
                "quota.set ann@shop.test", "account.change ann@shop.test",
            ]
        )
        #expect(try await store.verifyAudit(known: nil).broken == nil)
        _ = ann
    }

    @Test(arguments: StoreFactory.all)
    func `a refused row leaves nothing behind, and a trial or half an import nothing at all`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let store = test.store
        try await test.account("ann@shop.test")
        try await store.addAlias(.sample("info@shop.test"), targets: [.sample("ann@shop.test")])
        let before = try await trail(test)
        let rows = [
            account("new@shop.test", token: 1), account("info@shop.test"),
            account("bad@shop.test", quota: .set(-1), token: 2), account("elsewhere@other.test"),
            account("two@shop.test", token: 3), account("three@shop.test", token: 4),
        ]
        let outcomes: [BulkOutcome] = [
            .created, .refused(column: "address", "info@shop.test is taken"),
            .refused(column: "quota_bytes", "A limit is 0 to 9007199254740991."),
            .refused(column: "address", "it is no address of shop.test"), .created,
            .refused(column: "contact", "the organisation has 2 open invitations"),
        ]
        for mode in [BulkImport.Mode.trial, .whole] {
            #expect(try await store.apply(try await bulk(rows, test, mode: mode)) == outcomes)
            #expect(try await store.bulkAccounts(ofDomain: "shop.test", after: nil, limit: 9).count == 1)
            #expect(try await trail(test) == before)
        }
        #expect(try await store.apply(try await bulk(rows, test, mode: .partial)) == outcomes)
        let made = try await store.bulkAccounts(ofDomain: "shop.test", after: nil, limit: 9)
        #expect(made.map(\.address.localPart) == ["ann", "new", "two"])
        #expect(try await store.account(withAddress: .sample("bad@shop.test")) == nil)
        #expect(try await trail(test).first == "domain.import shop.test")
        let detail = try await store.auditTrail(AuditFilter(), before: nil, limit: 1).first?.event.detail
        #expect(detail == #"{"kind":"accounts","rows":6,"created":2,"changed":0,"refused":4}"#)
        let alien = try await store.addOrganisation(name: "alien")
        var foreign = try await bulk(rows, test)
        foreign.organisation = alien.id
        await #expect(throws: StoreError.self) { try await store.apply(foreign) }
    }

    @Test(arguments: StoreFactory.all)
    func `nobody changes who is above them, nor suspends themselves or the last owner`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let owner = try await store.addAccount(
            NewAccount(
                organisation: ann.organisation,
                address: .sample("owner@shop.test"),
                role: .owner,
                passwordHash: "x"
            )
        )
        let rows = [
            account("owner@shop.test", status: .suspended), account("ann@shop.test", status: .suspended),
        ]
        #expect(
            try await store.apply(try await bulk(rows, test, account: ann.id)) == [
                .refused(column: "address", "the account's role is above yours"),
                .refused(column: "state", "this is your own account"),
            ]
        )
        #expect(
            try await store.apply(try await bulk([rows[0]], test, role: .owner)) == [
                .refused(column: "state", "the last owner of an organisation stays one")
            ]
        )
        #expect(try await store.account(owner.id)?.status == .active)
    }

    @Test(arguments: StoreFactory.all)
    func `who is invited to an account that is there chooses its first password, once`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let store = test.store
        try await test.account("ann@shop.test")
        let rows = [account("bea@shop.test", token: 1), account("cy@shop.test", token: 2)]
        _ = try await store.apply(try await bulk(rows, test))
        func accept(_ token: UInt8) async throws -> Account {
            try await store.acceptInvitation(
                byToken: Array(repeating: token, count: 32),
                choosing: .password("chosen"),
                quotaBytes: nil,
                now: test.clock.now(),
                audit: AuditEvent(at: test.clock.now(), actor: "", action: "invitation.accept", subject: "")
            )
        }
        let (bea, cy) = (EmailAddress.sample("bea@shop.test"), EmailAddress.sample("cy@shop.test"))
        let made = try #require(try await store.account(withAddress: bea))
        #expect(try await accept(1).id == made.id)
        #expect(try await store.credential(for: bea)?.passwordHash == "chosen")
        #expect(try await store.recoveryAddress(of: made.id)?.description == "a@out.test")
        await #expect(throws: StoreError.notFound) { try await accept(1) }
        // Somebody gave it a password meanwhile: the token is worth nothing.
        let other = try #require(try await store.account(withAddress: cy))
        test.clock.advance(seconds: 1)
        try await store.changePassword(other.id, hash: "given", keeping: 1, exceptSession: nil)
        await #expect(throws: StoreError.notFound) { try await accept(2) }
        #expect(try await store.credential(for: cy)?.passwordHash == "given")
    }

    @Test(arguments: StoreFactory.all)
    func `aliases and lists are made as their rows say, and lead in no circle`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        func list(_ address: String, members: [String]?, owners: [String]? = nil) -> BulkRow {
            .list(
                BulkList(
                    address: .sample(address),
                    name: "=Team",
                    owners: owners.map { $0.map { .sample($0) } },
                    members: members.map { $0.map { .sample($0) } }
                )
            )
        }
        let rows = [
            alias("a@shop.test", "b@shop.test", "x@out.test"), alias("b@shop.test", "ann@shop.test"),
            list("team@shop.test", members: ["a@shop.test", "y@out.test"], owners: ["ann@shop.test"]),
        ]
        #expect(try await store.apply(try await bulk(rows, test)) == [.created, .created, .created])
        #expect(try await store.apply(try await bulk(rows, test)) == [.unchanged, .unchanged, .unchanged])
        #expect(try await store.owners(of: .sample("team@shop.test")).map(\.id) == [ann.id])
        let others = [
            alias("b@shop.test", "a@shop.test"), alias("a@shop.test", "x@out.test", "b@shop.test"),
            list("team@shop.test", members: ["y@out.test", "z@out.test"]), list("team@shop.test", members: nil),
            list("team@shop.test", members: ["1@o.test", "2@o.test", "3@o.test", "4@o.test"]),
            alias("ann@shop.test", "x@out.test"), alias("team-owner@shop.test", "x@out.test"),
            list("two@shop.test", members: [], owners: ["x@out.test"]),
        ]
        #expect(
            try await store.apply(try await bulk(others, test, mode: .partial)) == [
                .refused(column: "targets", "b@shop.test would lead to itself"), .changed, .changed, .unchanged,
                .refused(column: "members", "a list has at most 3 members"),
                .refused(column: "address", "ann@shop.test is taken"),
                .refused(column: "address", "team-owner@shop.test is taken"),
                .refused(column: "owners", "x@out.test is no account of the organisation"),
            ]
        )
        let members = try await store.members(of: .sample("team@shop.test"), after: nil, limit: 9)
        #expect(members.map(\.description) == ["y@out.test", "z@out.test"])
        #expect(try await store.list(.sample("two@shop.test")) == nil)
    }

    @Test(arguments: StoreFactory.all)
    func `masked addresses of a domain are those at it`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@other.test")
        for (account, address) in [(ann, "m1@shop.test"), (ann, "m2@shop.test"), (bob, "m3@other.test")] {
            try await store.addMaskedAddress(
                MaskedAddress(
                    address: .sample(address),
                    account: account.id,
                    label: "secret",
                    site: "",
                    isEnabled: address != "m2@shop.test",
                    createdAt: test.clock.now()
                ),
                atMost: 5,
                audit: AddressConformance.audit("masked_address.add")
            )
        }
        let found = try await store.bulkMasked(ofDomain: "shop.test", after: nil, limit: 9)
        #expect(found.map(\.address.localPart) == ["m1", "m2"] && found.map(\.isEnabled) == [true, false])
        #expect(found.allSatisfy { $0.account == ann.primaryAddress })
        #expect(try await store.bulkMasked(ofDomain: "shop.test", after: "m1@shop.test", limit: 9).count == 1)
    }
}
