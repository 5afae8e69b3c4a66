import MailModel
import MailPorts
import Testing

@Suite("Port: PeopleDirectoryStore") struct PeopleDirectoryConformance {
    private func event(_ test: StoreUnderTest, _ action: String = "directory.set") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "cli", action: action, subject: "shop.test")
    }

    private func set(
        _ test: StoreUnderTest,
        _ domain: String = "shop.test",
        by role: Role = .owner,
        _ change: (inout DirectoryConnection) -> Void = { _ in }
    ) async throws -> DirectoryConnection {
        var ldap = LDAPSource(url: "ldaps://ldap.test", base: "dc=shop", filter: "(mail={address})")
        ldap.aliasAttributes = ["a", "b"]
        (ldap.bindName, ldap.languageAttribute, ldap.startsTLS) = ("cn=reader", "preferredLanguage", false)
        var new = DirectoryConnection(domain: domain, source: .ldap(ldap), sealedSecret: [1, 2], setBy: role)
        change(&new)
        return try await test.store.setDirectoryConnection(new, replacing: nil, audit: event(test))
    }

    private func entry(
        _ address: String,
        _ identity: String? = nil,
        aliases: [String] = [],
        name: String = ""
    ) throws -> DirectoryEntry {
        var entry = DirectoryEntry(key: "uid=x", address: try #require(EmailAddress(address)))
        entry.identity = identity
        entry.aliases = try aliases.map { try #require(EmailAddress($0)) }
        entry.name = name
        return entry
    }

    private func admit(
        _ test: StoreUnderTest,
        _ entry: DirectoryEntry,
        _ connection: DirectoryConnection,
        making new: NewAccount? = nil,
        updates: Bool = false
    ) async throws -> DirectoryAdmission {
        try await test.store.admit(
            entry,
            by: connection,
            making: new,
            updates: updates,
            audit: event(test, "directory.link")
        )
    }

    @Test(arguments: StoreFactory.all) func `a connection is kept as it was set, each time under a greater version`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        _ = try await test.account("ann@shop.test")
        let first = try await set(test) { new in
            (new.isEnforced, new.makesAccounts, new.quotaBytes) = (true, true, 5)
            (new.isSynchronised, new.mostSuspended) = (true, 7)
        }
        #expect(first.isEnforced && first.makesAccounts && first.quotaBytes == 5 && first.sealedSecret == [1, 2])
        #expect(first.isSynchronised && first.mostSuspended == 7 && first.setBy == .owner)
        guard case .ldap(let ldap) = first.source else {
            Issue.record("another kind")
            return
        }
        #expect(ldap.aliasAttributes == ["a", "b"] && ldap.bindName == "cn=reader" && !ldap.startsTLS)
        #expect(ldap.languageAttribute == "preferredLanguage" && ldap.quotaAttribute == nil && ldap.authority == nil)
        #expect(try await test.store.directoryConnection(of: "SHOP.test") == first)
        #expect(try await test.store.directoryConnection(covering: "shop.test") == first)
        let sql = SQLSource(personQuery: "SELECT 1", passwordQuery: "SELECT 2", peopleQuery: nil)
        let second = try await set(test) { $0.source = .sql(sql) }
        #expect(second.version > first.version && second.source == .sql(sql))
        await #expect(throws: StoreError.alreadyExists) {
            try await test.store.setDirectoryConnection(second, replacing: first.version, audit: event(test))
        }
        await #expect(throws: StoreError.notFound) { _ = try await set(test, "nobody.test") }
        try await test.store.removeDirectoryConnection(of: "shop.test", audit: event(test))
        #expect(try await test.store.directoryConnection(of: "shop.test") == nil)
        await #expect(throws: StoreError.notFound) {
            try await test.store.removeDirectoryConnection(of: "shop.test", audit: event(test))
        }
        test.clock.advance(seconds: 1)
        // Made anew, it is not taken for one before.
        #expect(try await set(test).version > second.version)
    }

    @Test(arguments: StoreFactory.all) func `only accounts of the domain, below the setter and active are opened`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        _ = try await test.account("eve@other.test")
        let connection = try await set(test, by: .admin)
        #expect(try await admit(test, entry("eve@other.test"), connection) == .otherDomain)
        let foreign = NewAccount(
            organisation: ann.organisation,
            address: try #require(EmailAddress("new@other.test")),
            passwordHash: nil
        )
        #expect(try await admit(test, entry("new@other.test"), connection, making: foreign) == .otherDomain)
        #expect(try await admit(test, entry("nobody@shop.test"), connection) == .noAccount)
        try await test.store.addAlias(try #require(EmailAddress("sales@shop.test")), targets: [ann.primaryAddress])
        #expect(try await admit(test, entry("sales@shop.test"), connection) == .addressTaken)
        let boss = NewAccount(
            organisation: ann.organisation,
            address: try #require(EmailAddress("boss@shop.test")),
            role: .owner,
            passwordHash: "h"
        )
        _ = try await test.store.addAccount(boss)
        #expect(try await admit(test, entry("boss@shop.test"), connection) == .roleAbove)
        #expect(try await admit(test, entry("ann@shop.test"), connection) == .admitted(ann, .unchanged))
        try await test.store.setAccountStatus(ann.id, .suspended)
        #expect(try await admit(test, entry("ann@shop.test"), connection) == .suspended)
        #expect(try await admit(test, entry("ann@shop.test"), connection, updates: true) == .suspended)
        _ = try await set(test, by: .admin)
        #expect(try await admit(test, entry("ann@shop.test"), connection) == .connectionChanged)
    }

    @Test(arguments: StoreFactory.all) func `a run changes, suspends and restores what is its own`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let connection = try await set(test)
        let address = try #require(EmailAddress("new@shop.test"))
        let new = NewAccount(organisation: ann.organisation, address: address, displayName: "New", passwordHash: nil)
        let first = try entry("new@shop.test", aliases: ["n@shop.test", "ann@shop.test", "n@other.test"], name: "New")
        guard case .admitted(let made, .made) = try await admit(test, first, connection, making: new) else {
            Issue.record("nobody was made")
            return
        }
        let own = try await test.store.accountAddresses(of: made.id).map(\.address.canonical)
        #expect(Set(own) == ["new@shop.test", "n@shop.test"])
        #expect(try await admit(test, first, connection, updates: true) == .admitted(made, .unchanged))
        #expect(try await test.store.preview(first, by: connection, makes: true) == .admitted(made, .unchanged))
        // The primary address changes there: the account is known by another of its own, and is called by the new one.
        let renamed = try entry("newer@shop.test", aliases: ["new@shop.test"], name: "Newer")
        guard case .admitted(let changed, .changed) = try await admit(test, renamed, connection, updates: true) else {
            Issue.record("not changed")
            return
        }
        #expect(changed.id == made.id && changed.displayName == "Newer" && changed.primaryAddress == renamed.address)
        let after = try await test.store.accountAddresses(of: made.id).map(\.address.canonical)
        #expect(Set(after) == ["new@shop.test", "newer@shop.test"])
        let members = try await test.store.directoryMembers(of: "shop.test", after: nil, limit: 10)
        #expect(members.map(\.account) == [made.id] && members[0].isActive)
        #expect(try await test.store.suspendMember(made.id, by: connection, reason: "gone", audit: event(test)))
        #expect(try await !test.store.suspendMember(made.id, by: connection, reason: "gone", audit: event(test)))
        #expect(try await admit(test, renamed, connection) == .suspended)
        guard case .admitted(_, .restored) = try await admit(test, renamed, connection, updates: true) else {
            Issue.record("not restored")
            return
        }
        // By hand, and so not the run's to undo.
        try await test.store.setAccountStatus(made.id, .suspended)
        #expect(try await admit(test, renamed, connection, updates: true) == .suspended)
    }

    @Test(arguments: StoreFactory.all) func `owners stay, and runs are due by their times`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let boss = try await test.store.addAccount(
            NewAccount(
                organisation: ann.organisation,
                address: try #require(EmailAddress("boss@shop.test")),
                role: .owner,
                passwordHash: "h"
            )
        )
        let connection = try await set(test, by: .platformAdmin) { $0.isSynchronised = true }
        _ = try await admit(test, entry("boss@shop.test"), connection)
        #expect(try await !test.store.suspendMember(boss.id, by: connection, reason: "gone", audit: event(test)))
        let now = test.clock.now()
        #expect(try await test.store.directoriesToSync(now: now, limit: 5) == ["shop.test"])
        var run = DirectoryRun(startedAt: now, endedAt: now, outcome: .held)
        (run.detail, run.seen, run.skipped) = ("why", 3, 1)
        try await test.store.noteDirectoryRun(run, of: "shop.test", next: now.adding(seconds: 10))
        #expect(try await test.store.directoryRun(of: "shop.test") == run)
        #expect(try await test.store.directoriesToSync(now: now, limit: 5).isEmpty)
        #expect(try await test.store.directoriesToSync(now: now.adding(seconds: 10), limit: 5) == ["shop.test"])
        try await test.store.removeDirectoryConnection(of: "shop.test", audit: event(test))
        #expect(try await test.store.directoryRun(of: "shop.test") == nil)
    }

    // MARK: - Who is who

    private func made(
        _ test: StoreUnderTest,
        _ entry: DirectoryEntry,
        _ connection: DirectoryConnection
    ) async throws -> Account {
        let organisation = try #require(try await test.store.domain(named: "shop.test")).organisation
        let new = NewAccount(organisation: organisation, address: entry.address, passwordHash: nil)
        guard case .admitted(let account, .made) = try await admit(test, entry, connection, making: new) else {
            throw StoreError.refused("nobody was made")
        }
        return account
    }

    @Test(arguments: StoreFactory.all)
    func `who gets the address of somebody who left gets nothing of theirs`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        _ = try await test.account("root@shop.test")
        let connection = try await set(test)
        let ann = try await made(test, entry("ann@shop.test", "1", aliases: ["a@shop.test"]), connection)
        // Another person, before anybody noticed that the first one is gone, and after.
        let other = try entry("ann@shop.test", "2")
        for _ in 0..<2 {
            for updates in [false, true] {
                #expect(try await admit(test, other, connection, updates: updates) == .anotherPerson)
            }
            #expect(try await test.store.preview(other, by: connection, makes: true) == .anotherPerson)
            // One of whom nothing is told may be anybody.
            #expect(try await admit(test, entry("ann@shop.test"), connection) == .anotherPerson)
            _ = try await test.store.suspendMember(ann.id, by: connection, reason: "gone", audit: event(test))
        }
        #expect(try await test.store.account(ann.id)?.status == .suspended)
        // By an alias of theirs, under an address of one's own: an account of one's own, without the alias.
        let third = try await made(test, entry("cy@shop.test", "3", aliases: ["a@shop.test"]), connection)
        #expect(third.id != ann.id)
        #expect(try await test.store.accountAddresses(of: third.id).map(\.address.canonical) == ["cy@shop.test"])
        // The same person comes back.
        let back = try await admit(test, entry("ann@shop.test", "1"), connection, updates: true)
        guard case .admitted(let restored, .restored) = back else {
            Issue.record("\(back)")
            return
        }
        #expect(restored.id == ann.id)
        // Made anew there, as an administrator says: whoever has the address next.
        try await test.store.forgetPerson(ann.id, of: "SHOP.test", audit: event(test, "directory.unlink"))
        await #expect(throws: StoreError.notFound) {
            try await test.store.forgetPerson(ann.id, of: "shop.test", audit: event(test, "directory.unlink"))
        }
        guard case .admitted(let relinked, _) = try await admit(test, other, connection) else {
            Issue.record("not linked")
            return
        }
        #expect(relinked.id == ann.id)
        #expect(try await admit(test, entry("ann@shop.test", "1"), connection) == .anotherPerson)
    }

    @Test(arguments: StoreFactory.all)
    func `a person with another address keeps the account, and the old address until it is given away`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        _ = try await test.account("root@shop.test")
        let connection = try await set(test)
        let ann = try await made(test, entry("ann@shop.test", "1"), connection)
        let renamed = try entry("ann.new@shop.test", "1")
        // At whatever comes first: a sign-in as well as a run.
        #expect(try await test.store.preview(renamed, by: connection, makes: true) == .admitted(ann, .changed))
        guard case .admitted(let after, .changed) = try await admit(test, renamed, connection) else {
            Issue.record("not changed")
            return
        }
        #expect(after.id == ann.id && after.primaryAddress == renamed.address)
        func addresses(_ id: AccountID) async throws -> [String] {
            try await test.store.accountAddresses(of: id).map(\.address.canonical).sorted()
        }
        #expect(try await addresses(ann.id) == ["ann.new@shop.test", "ann@shop.test"])
        #expect(try await admit(test, renamed, connection, updates: true) == .admitted(after, .unchanged))
        #expect(try await addresses(ann.id) == ["ann.new@shop.test", "ann@shop.test"])
        #expect(try await test.store.isFormerAddress(ann.primaryAddress))
        #expect(try await !test.store.isFormerAddress(renamed.address))
        // What an administrator chose stays while the directory says the same.
        try await test.store.makePrimary(ann.primaryAddress, of: ann.id, audit: event(test))
        guard case .admitted(let kept, .unchanged) = try await admit(test, renamed, connection, updates: true) else {
            Issue.record("changed")
            return
        }
        #expect(kept.primaryAddress == ann.primaryAddress)
        // So long it is nobody else's.
        #expect(try await admit(test, entry("ann@shop.test", "2"), connection, updates: true) == .anotherPerson)
        try await test.store.makePrimary(renamed.address, of: ann.id, audit: event(test))
        let other = try await made(test, entry("ann@shop.test", "2"), connection)
        #expect(other.id != ann.id && other.primaryAddress == ann.primaryAddress)
        #expect(try await addresses(ann.id) == ["ann.new@shop.test"])
        #expect(try await test.store.resolve(ann.primaryAddress) == .account(other.id, usedBytes: 0, quotaBytes: nil))
        // An address that somebody has is not taken by a change.
        guard
            case .admitted(let still, _) = try await admit(
                test,
                entry("root@shop.test", "1"),
                connection,
                updates: true
            )
        else {
            Issue.record("not admitted")
            return
        }
        #expect(still.id == ann.id && still.primaryAddress == renamed.address)
    }

    @Test(arguments: StoreFactory.all)
    func `people from before identifiers were read are known by their address once`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        _ = try await test.account("root@shop.test")
        let connection = try await set(test)
        let ann = try await made(test, entry("ann@shop.test"), connection)
        let bob = try await made(test, entry("bob@shop.test"), connection)
        #expect(try await test.store.suspendMember(bob.id, by: connection, reason: "gone", audit: event(test)))
        #expect(try await admit(test, entry("ann@shop.test", "1"), connection) == .admitted(ann, .unchanged))
        #expect(try await admit(test, entry("ann@shop.test", "2"), connection) == .anotherPerson)
        // Whether it is the same one who left, nobody knows.
        #expect(try await admit(test, entry("bob@shop.test", "3"), connection, updates: true) == .anotherPerson)
        // Another kind of identifier says nothing of who was whom.
        let next = try await set(test) {
            guard case .ldap(var ldap) = $0.source else { return }
            ldap.idAttribute = "objectGUID"
            $0.source = .ldap(ldap)
        }
        guard case .ldap(let ldap) = next.source else { return }
        #expect(ldap.idAttribute == "objectGUID")
        #expect(try await admit(test, entry("ann@shop.test", "x"), next) == .admitted(ann, .unchanged))
        #expect(try await admit(test, entry("ann@shop.test", "1"), next) == .anotherPerson)
    }

    @Test(arguments: StoreFactory.all)
    func `a run sets the quota, and none that is above the domain's`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        _ = try await test.account("root@shop.test")
        let connection = try await set(test)
        var ann = try entry("ann@shop.test", "1")
        ann.quotaBytes = 5_000
        let account = try await made(test, ann, connection)
        func limits() async throws -> QuotaLimits { try await test.store.quota(of: .account(account.id)).limits }
        #expect(try await limits() == QuotaLimits(hardBytes: 5_000))
        let own = QuotaLimits(hardBytes: 5_000, softBytes: 4_000, hardMessages: 7)
        _ = try await test.store.setLimits(own, of: .account(account.id), audit: event(test))
        ann.quotaBytes = 3_000
        // A sign-in leaves it alone.
        _ = try await admit(test, ann, connection)
        #expect(try await limits() == own)
        guard case .admitted(_, .changed)? = try await test.store.preview(ann, by: connection, makes: true) else {
            Issue.record("no change is seen")
            return
        }
        guard case .admitted(_, .changed) = try await admit(test, ann, connection, updates: true) else {
            Issue.record("not changed")
            return
        }
        #expect(try await limits() == QuotaLimits(hardBytes: 3_000, softBytes: 3_000, hardMessages: 7))
        _ = try await test.store.setLimits(QuotaLimits(hardBytes: 10_000), of: .domain("shop.test"), audit: event(test))
        ann.quotaBytes = 20_000
        _ = try await admit(test, ann, connection, updates: true)
        #expect(try await limits().hardBytes == 10_000)
        guard case .admitted(_, .unchanged) = try await admit(test, ann, connection, updates: true) else {
            Issue.record("changed again")
            return
        }
        ann.quotaBytes = nil
        _ = try await admit(test, ann, connection, updates: true)
        #expect(try await limits().hardBytes == 10_000)
        // Nor is one made with more.
        var bob = try entry("bob@shop.test", "2")
        bob.quotaBytes = 20_000
        #expect(try await made(test, bob, connection).quotaBytes == 10_000)
    }
}
