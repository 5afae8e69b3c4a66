import MailModel
import MailPorts
import Testing

@Suite("Port: DirectoryStore") struct DirectoryConformance {
    @Test(arguments: StoreFactory.all) func organisationsAndDomains(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let shop = try await test.store.addOrganisation(name: "Shop")
        let mill = try await test.store.addOrganisation(name: "Mill")
        #expect(try await test.store.organisations() == [shop, mill])
        let key = DKIMKey(
            domain: "shop.test",
            selector: "s1",
            algorithm: .ed25519SHA256,
            sealedPrivateKey: [1, 2],
            publicKey: [3],
            createdAt: test.clock.now()
        )
        let domain = try await test.store.addDomain("Shop.Test", organisation: shop.id, keys: [key])
        #expect(domain.name == "shop.test")
        #expect(domain.status == .active)
        #expect(try await test.store.domain(named: "SHOP.test") == domain)
        #expect(try await test.store.domain(named: "other.test") == nil)
        let keys = try await test.store.signingKeys(of: "shop.test")
        #expect(keys.map(\.selector) == ["s1"])
        #expect(keys.first?.sealedPrivateKey == [1, 2])
        #expect(keys.first?.publicKey == [3])
        #expect(keys.first?.algorithm == .ed25519SHA256)

        await #expect(throws: StoreError.alreadyExists) {
            try await test.store.addDomain("shop.test", organisation: mill.id, keys: [])
        }
        await #expect(throws: StoreError.notFound) {
            try await test.store.addDomain("x.test", organisation: OrganisationID(99), keys: [])
        }
        #expect(try await test.store.domain(named: "x.test") == nil)
        _ = try await test.store.addDomain("mill.test", organisation: mill.id, keys: [])
        #expect(try await test.store.domains(of: nil, after: nil, limit: 10).map(\.name) == ["mill.test", "shop.test"])
        #expect(try await test.store.domains(of: nil, after: "mill.test", limit: 10).map(\.name) == ["shop.test"])
        #expect(try await test.store.domains(of: shop.id, after: nil, limit: 10).map(\.name) == ["shop.test"])
        #expect(try await test.store.domains(of: nil, after: nil, limit: 1).map(\.name) == ["mill.test"])
    }

    @Test(arguments: StoreFactory.all) func aNewAccountHasItsDefaultFolders(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("Ann@shop.test", quota: 1_000)
        #expect(ann.primaryAddress.description == "Ann@shop.test")
        #expect(ann.status == .active)
        #expect(ann.role == .member)
        #expect(ann.quotaBytes == 1_000)
        #expect(ann.usedBytes == 0)
        #expect(try await test.store.account(ann.id) == ann)
        #expect(try await test.store.account(withAddress: .sample("ANN@shop.test")) == ann)
        #expect(try await test.store.account(withAddress: .sample("bob@shop.test")) == nil)
        #expect(try await test.store.account(AccountID(99)) == nil)

        let mailboxes = try await test.store.mailboxes(of: ann.id)
        #expect(mailboxes.map(\.name) == ["INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash"])
        #expect(mailboxes.map(\.specialUse) == [nil, .drafts, .sent, .archive, .junk, .trash])
        #expect(mailboxes.first?.id == inbox)
        #expect(
            mailboxes.allSatisfy {
                $0.isSubscribed && $0.messages == 0 && $0.uidNext == UID(1) && $0.uidValidity.rawValue > 0
            }
        )
        #expect(Set(mailboxes.map(\.uidValidity)).count == 6)
        #expect(try await test.store.subscriptions(of: ann.id).sorted() == mailboxes.map(\.name).sorted())
    }

    @Test(arguments: StoreFactory.all) func accountsKeepToTheirDomain(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        let cy = try await test.account("cy@mill.test")
        await #expect(throws: StoreError.alreadyExists) { try await test.account("ANN@shop.test") }
        for (organisation, address) in [(ann.organisation, "dan@nowhere.test"), (ann.organisation, "dan@mill.test")] {
            do {
                _ = try await test.store.addAccount(
                    NewAccount(organisation: organisation, address: .sample(address), passwordHash: "x")
                )
                Issue.record("\(address) was added")
            } catch {
                guard case .refused = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
        #expect(try await test.store.accounts(ofDomain: "shop.test", after: nil, limit: 10) == [ann, bob])
        #expect(try await test.store.accounts(ofDomain: "SHOP.test", after: "ann@shop.test", limit: 10) == [bob])
        #expect(try await test.store.accounts(ofDomain: "mill.test", after: nil, limit: 10) == [cy])
        #expect(try await test.store.accounts(ofDomain: "shop.test", after: nil, limit: 1) == [ann])
    }

    @Test(arguments: StoreFactory.all) func credentials(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        #expect(try await test.store.credential(for: .sample("Ann@Shop.test"))?.passwordHash == "hash of ann@shop.test")
        #expect(try await test.store.credential(for: .sample("Ann@Shop.test"))?.account == ann)
        #expect(try await test.store.credential(for: .sample("nobody@shop.test")) == nil)
        try await test.store.setPassword(ann.id, hash: "new", replacing: "hash of ann@shop.test")
        #expect(try await test.store.credential(for: ann.primaryAddress)?.passwordHash == "new")
        // Another was set while this one was hashed anew.
        await #expect(throws: StoreError.notFound) {
            try await test.store.setPassword(ann.id, hash: "again", replacing: "hash of ann@shop.test")
        }
        await #expect(throws: StoreError.notFound) {
            try await test.store.setPassword(AccountID(99), hash: "new", replacing: "old")
        }

        try await test.store.addAlias(.sample("info@shop.test"), targets: [ann.primaryAddress])
        #expect(try await test.store.credential(for: .sample("info@shop.test")) == nil)

        try await test.store.setAccountStatus(ann.id, .suspended)
        #expect(try await test.store.credential(for: ann.primaryAddress) == nil)
        #expect(try await test.store.resolve(ann.primaryAddress) == .suspended)
        try await test.store.setAccountStatus(ann.id, .active)
        #expect(try await test.store.credential(for: ann.primaryAddress) != nil)
        await #expect(throws: StoreError.notFound) { try await test.store.setAccountStatus(AccountID(99), .active) }
        await #expect(throws: StoreError.notFound) { try await test.store.setQuota(AccountID(99), bytes: 1) }
    }

    @Test(arguments: StoreFactory.all) func resolution(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test", quota: 10_000)
        let bob = try await test.account("bob@shop.test")
        #expect(
            try await test.store.resolve(.sample("ANN@shop.test")) == .account(ann.id, usedBytes: 0, quotaBytes: 10_000)
        )
        #expect(try await test.store.resolve(.sample("nobody@shop.test")) == .unknownAddress)
        #expect(try await test.store.resolve(.sample("ann@other.test")) == .notHosted)
        try await test.deliver(Octets.text(100), to: [ann, bob])
        #expect(
            try await test.store.resolve(ann.primaryAddress) == .account(ann.id, usedBytes: 100, quotaBytes: 10_000)
        )
        #expect(try await test.store.resolve(bob.primaryAddress) == .account(bob.id, usedBytes: 100, quotaBytes: nil))
        try await test.store.setQuota(ann.id, bytes: nil)
        #expect(try await test.store.resolve(ann.primaryAddress) == .account(ann.id, usedBytes: 100, quotaBytes: nil))
    }

    @Test(arguments: StoreFactory.all) func aliases(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        let info = EmailAddress.sample("Info@shop.test")
        let team = EmailAddress.sample("team@shop.test")
        let outside = EmailAddress.sample("Out@elsewhere.test")
        let spaced = EmailAddress(uncheckedLocalPart: "odd \"one\"", domain: "shop.test")
        try await test.store.addAlias(info, targets: [ann.primaryAddress])
        try await test.store.addAlias(team, targets: [bob.primaryAddress, ann.primaryAddress, outside])
        try await test.store.addAlias(spaced, targets: [spaced])
        #expect(try await test.store.resolve(.sample("INFO@shop.test")) == .alias([ann.primaryAddress]))
        #expect(try await test.store.resolve(team) == .alias([bob.primaryAddress, ann.primaryAddress, outside]))
        #expect(try await test.store.resolve(spaced) == .alias([spaced]))
        let listed = try await test.store.aliases(ofDomain: "shop.test")
        #expect(listed.map(\.alias) == [info, spaced, team])
        #expect(listed.map(\.alias.description) == ["Info@shop.test", spaced.description, "team@shop.test"])
        #expect(listed.last?.targets.map(\.description) == ["bob@shop.test", "ann@shop.test", "Out@elsewhere.test"])

        #expect(Set(try await test.store.sendingAddresses(of: ann.id)) == [ann.primaryAddress, info])
        #expect(try await test.store.sendingAddresses(of: bob.id) == [bob.primaryAddress])

        await #expect(throws: StoreError.alreadyExists) {
            try await test.store.addAlias(.sample("ann@shop.test"), targets: [outside])
        }
        await #expect(throws: StoreError.alreadyExists) { try await test.store.addAlias(info, targets: [outside]) }
        await #expect(throws: (any Error).self) { try await test.store.addAlias(.sample("x@shop.test"), targets: []) }
        await #expect(throws: (any Error).self) {
            try await test.store.addAlias(.sample("x@nowhere.test"), targets: [outside])
        }
        await #expect(throws: StoreError.notFound) { try await test.store.removeAlias(ann.primaryAddress) }
        try await test.store.removeAlias(info)
        #expect(try await test.store.resolve(info) == .unknownAddress)
        await #expect(throws: StoreError.notFound) { try await test.store.removeAlias(info) }
        #expect(try await test.store.sendingAddresses(of: ann.id) == [ann.primaryAddress])
        await #expect(throws: StoreError.alreadyExists) {
            _ = try await test.store.addAccount(
                NewAccount(organisation: ann.organisation, address: team, passwordHash: "x")
            )
        }
    }

    @Test(arguments: StoreFactory.all) func resetMakesFoldersAnew(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test", quota: 1_000_000)
        let bob = try await test.account("bob@shop.test")
        let before = try await test.store.mailboxes(of: ann.id)
        let mine = try await test.store.create("Mine", specialUse: nil, of: ann.id)
        try await test.deliver(Octets.text(100), to: [ann, bob])
        let email = try #require(try await test.store.entries(in: inbox, of: ann.id).changed.first).email
        let heard = Heard()
        let listener = test.feed.listen(to: ann.id) { heard.note($0) }
        try await test.store.resetAccount(ann.id)
        listener.cancel()
        #expect(heard.changes.contains { $0.mailbox == nil })
        #expect(heard.changes.contains { $0.mailbox == inbox })

        let after = try await test.store.mailboxes(of: ann.id)
        #expect(after.map(\.name) == before.map(\.name))
        #expect(after.map(\.specialUse) == before.map(\.specialUse))
        #expect(after.first?.id == inbox)
        for (new, old) in zip(after, before) { #expect(new.uidValidity.rawValue > old.uidValidity.rawValue) }
        #expect(after.allSatisfy { $0.messages == 0 && $0.size == 0 && $0.isSubscribed })
        // No identifier comes back for something else.
        #expect(Set(after.dropFirst().map(\.id)).isDisjoint(with: before.map(\.id) + [mine.id]))
        let account = try #require(try await test.store.account(ann.id))
        #expect(account.usedBytes == 0)
        #expect(account.usedMessages == 0)
        #expect(account.quotaBytes == 1_000_000)
        #expect(try await test.store.credential(for: ann.primaryAddress)?.passwordHash == "hash of ann@shop.test")
        await #expect(throws: StoreError.notFound) { try await test.store.read(email, of: ann.id, range: 0..<10) }
        #expect(try await test.store.entries(in: inbox, of: bob.id).changed.count == 1)
        try await test.deliver(Octets.text(50), to: [ann])
        #expect(try await test.store.entries(in: inbox, of: ann.id).changed.first?.email != email)
        await #expect(throws: StoreError.notFound) { try await test.store.resetAccount(AccountID(99)) }
    }

    @Test(arguments: StoreFactory.all) func auditIsKept(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await test.store.recordAudit(
            AuditEvent(
                at: test.clock.now(),
                actor: "cli",
                action: "account.add",
                subject: "ann@shop.test",
                remote: IPAddress("192.0.2.1")
            )
        )
    }
}
