import MailModel
import MailPorts
import Testing

@Suite("Port: SingleSignOnStore") struct SingleSignOnConformance {
    private static let issuer = "https://id.test"

    private func event(_ test: StoreUnderTest, _ action: String = "sso.set") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "cli", action: action, subject: "shop.test")
    }

    private func set(
        _ test: StoreUnderTest,
        _ domain: String = "shop.test",
        issuer: String = Self.issuer,
        by role: Role = .owner,
        _ change: (inout ProviderConnection) -> Void = { _ in }
    ) async throws -> ProviderConnection {
        var new = ProviderConnection(domain: domain, issuer: issuer, clientID: "c", sealedSecret: [1, 2], setBy: role)
        change(&new)
        return try await test.store.setConnection(new, replacing: nil, audit: event(test))
    }

    private func signIn(
        _ test: StoreUnderTest,
        _ subject: String,
        _ address: String,
        by connection: ProviderConnection,
        making new: NewAccount? = nil
    ) async throws -> ProviderSignInOutcome {
        try await test.store.signIn(
            ProviderIdentity(
                issuer: connection.issuer,
                subject: subject,
                address: try #require(EmailAddress(address))
            ),
            by: connection,
            making: new,
            audit: event(test, "sso.sign_in")
        )
    }

    @Test(arguments: StoreFactory.all) func `a connection is kept as it was set, under counted versions`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        _ = try await test.account("ann@shop.test")
        let first = try await set(test) { new in
            (new.isEnforced, new.makesAccounts, new.quotaBytes) = (true, true, 5)
            (new.addressClaim, new.nameClaim, new.scopes) = ("upn", "cn", "openid")
            new.needsVerifiedAddress = false
        }
        #expect(first.version == 1 && first.isEnforced && first.makesAccounts && first.quotaBytes == 5)
        #expect(first.addressClaim == "upn" && first.nameClaim == "cn" && !first.needsVerifiedAddress)
        #expect(first.sealedSecret == [1, 2] && first.setBy == .owner && !first.coversAliases)
        #expect(try await test.store.connection(of: "SHOP.test") == first)
        #expect(try await set(test).version == 2)
        await #expect(throws: StoreError.alreadyExists) {
            try await test.store.setConnection(first, replacing: 1, audit: event(test))
        }
        await #expect(throws: StoreError.notFound) { _ = try await set(test, "nobody.test") }
        try await test.store.removeConnection(of: "shop.test", audit: event(test))
        #expect(try await test.store.connection(of: "shop.test") == nil)
        await #expect(throws: StoreError.notFound) {
            try await test.store.removeConnection(of: "shop.test", audit: event(test))
        }
    }

    @Test(arguments: StoreFactory.all) func `an account is linked once, and known by its subject from then on`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let connection = try await set(test)
        #expect(try await signIn(test, "s1", "ann@shop.test", by: connection) == .signedIn(ann))
        #expect(try await signIn(test, "s1", "renamed@shop.test", by: connection) == .signedIn(ann))
        #expect(try await signIn(test, "s2", "ann@shop.test", by: connection) == .otherSubject)
        #expect(try await signIn(test, "s2", "nobody@shop.test", by: connection) == .noAccount)
        let links = try await test.store.links(LinkListing(domain: "shop.test", limit: 10))
        #expect(links.map(\.subject) == ["s1"] && links.first?.lastUse != nil)
        var rest = LinkListing(domain: "shop.test", limit: 10)
        rest.after = links.last?.place(by: .accountID)
        #expect(try await test.store.links(rest).isEmpty)
        try await test.store.removeLink(of: ann.id, at: "shop.test", audit: event(test, "sso.unlink"))
        #expect(try await signIn(test, "s2", "ann@shop.test", by: connection) == .signedIn(ann))
        // Another issuer's subjects are others.
        let other = try await set(test, issuer: "https://other.test")
        #expect(try await test.store.links(LinkListing(domain: "shop.test", limit: 10)).isEmpty)
        #expect(try await signIn(test, "s1", "ann@shop.test", by: connection) == .connectionChanged)
        #expect(try await signIn(test, "s1", "ann@shop.test", by: other) == .signedIn(ann))
    }

    @Test(arguments: StoreFactory.all) func `accounts above the setter, of other domains and suspended are not opened`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        _ = try await test.account("eve@other.test")
        let connection = try await set(test, by: .admin)
        #expect(try await signIn(test, "s1", "eve@other.test", by: connection) == .otherDomain)
        try await test.store.addAlias(
            try #require(EmailAddress("sales@shop.test")),
            targets: [ann.primaryAddress]
        )
        #expect(try await signIn(test, "s1", "sales@shop.test", by: connection) == .addressTaken)
        let boss = try await test.store.addAccount(
            NewAccount(
                organisation: ann.organisation,
                address: try #require(EmailAddress("boss@shop.test")),
                role: .owner,
                passwordHash: "h"
            )
        )
        #expect(try await signIn(test, "s2", "boss@shop.test", by: connection) == .roleAbove)
        let higher = try await set(test, by: .owner)
        #expect(try await signIn(test, "s2", "boss@shop.test", by: higher) == .signedIn(boss))
        let team = try await test.store.addTeamAccount(
            NewAccount(
                organisation: ann.organisation,
                address: try #require(EmailAddress("team@shop.test")),
                passwordHash: "h"
            ),
            audit: event(test, "account.add")
        )
        #expect(try await signIn(test, "s3", team.primaryAddress.description, by: higher) == .suspended)
        try await test.store.setAccountStatus(ann.id, .suspended)
        #expect(try await signIn(test, "s1", "ann@shop.test", by: higher) == .suspended)
    }

    @Test(arguments: StoreFactory.all) func `an account is made with its link, and steps are spent once`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let connection = try await set(test)
        let address = try #require(EmailAddress("new@shop.test"))
        let new = NewAccount(organisation: ann.organisation, address: address, displayName: "New", passwordHash: "h")
        guard case .signedIn(let made) = try await signIn(test, "s9", "new@shop.test", by: connection, making: new)
        else {
            Issue.record("nobody was made")
            return
        }
        #expect(made.displayName == "New" && made.role == .member)
        #expect(try await signIn(test, "s9", "new@shop.test", by: connection, making: new) == .signedIn(made))
        let end = test.clock.now().adding(seconds: 60)
        #expect(try await test.store.spendSignInStep([1], until: end))
        #expect(try await !test.store.spendSignInStep([1], until: end))
        test.clock.advance(seconds: 61)
        #expect(try await test.store.spendSignInStep([1], until: test.clock.now().adding(seconds: 60)))
    }
}
