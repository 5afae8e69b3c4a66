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

    private func entry(_ address: String, aliases: [String] = [], name: String = "") throws -> DirectoryEntry {
        var entry = DirectoryEntry(key: "uid=x", address: try #require(EmailAddress(address)))
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
        // The primary address changes there: the account is known by another of its own.
        let renamed = try entry("newer@shop.test", aliases: ["new@shop.test"], name: "Newer")
        guard case .admitted(let changed, .changed) = try await admit(test, renamed, connection, updates: true) else {
            Issue.record("not changed")
            return
        }
        #expect(changed.id == made.id && changed.displayName == "Newer" && changed.primaryAddress == address)
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
}
