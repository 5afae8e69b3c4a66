import MailModel
import MailPorts
import Testing

@Suite("Ports: TokenKeyStore, OAuthClientStore, OAuthGrantStore") struct OpenIDConformance {
    private func event(_ test: StoreUnderTest, _ subject: String = "ann@shop.test") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "cli", action: "oauth", subject: subject)
    }

    private func client(_ id: String, _ test: StoreUnderTest, of organisation: OrganisationID? = nil) -> OAuthClient {
        OAuthClient(
            id: id,
            organisation: organisation,
            name: "Calendar \"\u{301}",
            secretHash: [1, 2],
            redirectURIs: ["https://a.test/", "https://b.test/"],
            scopes: ["openid", "imap"],
            createdAt: test.clock.now(),
            createdBy: "cli"
        )
    }

    private func grant(
        _ family: String,
        _ client: String?,
        _ account: Account,
        _ test: StoreUnderTest,
        code: [UInt8]? = nil
    ) async throws {
        try await test.store.addOAuthGrant(
            OAuthGrant(
                family: family,
                client: client,
                scopes: ["openid", "imap"],
                authentication: Authentication(account: account.id, at: test.clock.now(), methods: ["pwd", "otp"])
            ),
            token: RefreshToken(
                account: account.id,
                family: family,
                hash: Array(family.utf8),
                issuedAt: test.clock.now(),
                expiresAt: test.clock.now().adding(seconds: 100),
                origin: SessionOrigin(device: "Calendar")
            ),
            ofCode: code,
            audit: event(test)
        )
    }

    @Test(arguments: StoreFactory.all) func keysAreKeptOnceAndReplaced(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        func key(_ id: String, _ algorithm: TokenAlgorithm, from seconds: Int64) -> TokenKey {
            let at = Timestamp(seconds: seconds)
            return TokenKey(id: id, algorithm: algorithm, sealedKey: [1], createdAt: at, signsFrom: at)
        }
        func add(_ key: TokenKey, since: Int64? = nil, replacing: Bool = false) async throws -> Bool {
            try await test.store.addTokenKey(
                key,
                unlessMadeAfter: since.map { Timestamp(seconds: $0) },
                replacing: replacing,
                audit: event(test, "token-key")
            )
        }
        let first = key("a", .edDSA, from: 20)
        #expect(try await add(first, since: 0))
        #expect(try await !add(key("b", .edDSA, from: 30), since: 19))
        #expect(try await add(key("c", .es256, from: 10), since: 0))
        #expect(try await test.store.tokenKeys() == [key("c", .es256, from: 10), first])
        await #expect(throws: StoreError.alreadyExists) { _ = try await add(first) }
        #expect(try await add(key("d", .edDSA, from: 40), replacing: true))
        #expect(try await test.store.tokenKeys().map(\.id) == ["c", "d"])
        try await test.store.removeTokenKeys(["c", "unknown"], audit: .test)
        #expect(try await test.store.tokenKeys().map(\.id) == ["d"])
    }

    @Test(arguments: StoreFactory.all) func clientsAreKeptChangedAndRemoved(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let own = client("own", test, of: ann.organisation)
        try await test.store.addOAuthClient(own, atMost: 1, audit: event(test))
        await #expect(throws: StoreError.self) {
            try await test.store.addOAuthClient(client("x", test, of: ann.organisation), atMost: 1, audit: event(test))
        }
        await #expect(throws: StoreError.notFound) {
            try await test.store.addOAuthClient(
                client("y", test, of: OrganisationID(999)),
                atMost: 9,
                audit: event(test)
            )
        }
        let common = client("all", test)
        try await test.store.addOAuthClient(common, atMost: 1, audit: event(test))
        #expect(try await test.store.oauthClient("own") == own)
        #expect(try await test.store.oauthClients(ClientListing(organisation: ann.organisation, limit: 9)) == [own])
        #expect(try await test.store.oauthClients(ClientListing(limit: 9)) == [common, own])
        var changed = own
        (changed.name, changed.secretHash) = ("Other", nil)
        try await test.store.changeOAuthClient(changed, audit: event(test))
        await #expect(throws: StoreError.notFound) {
            try await test.store.changeOAuthClient(changed, audit: event(test))
        }
        changed.version = 2
        #expect(try await test.store.oauthClient("own") == changed)

        try await test.store.giveOAuthConsent(of: ann.id, to: own, scopes: ["openid"], audit: event(test))
        try await test.store.giveOAuthConsent(of: ann.id, to: own, scopes: ["imap"], audit: event(test))
        #expect(try await test.store.oauthConsent(of: ann.id, to: "own")?.scopes == ["imap", "openid"])
        #expect(try await test.store.oauthConsents(of: ann.id).map(\.clientName) == ["Other"])
        await #expect(throws: StoreError.notFound) {
            try await test.store.giveOAuthConsent(of: ann.id, to: client("none", test), scopes: [], audit: event(test))
        }
        try await grant("f1", "own", ann, test)
        try await test.store.withdrawOAuthConsent(of: ann.id, from: "own", audit: event(test))
        #expect(try await test.store.isRevoked(family: "f1"))
        await #expect(throws: StoreError.notFound) {
            try await test.store.withdrawOAuthConsent(of: ann.id, from: "own", audit: event(test))
        }
        try await grant("f2", "own", ann, test)
        try await test.store.removeOAuthClient("own", audit: event(test))
        #expect(try await test.store.isRevoked(family: "f2"))
        #expect(try await test.store.oauthClient("own") == nil)
        await #expect(throws: StoreError.notFound) { try await test.store.removeOAuthClient("own", audit: event(test)) }
        await #expect(throws: StoreError.notFound) { try await grant("f3", "own", ann, test) }
    }

    @Test(arguments: StoreFactory.all) func aProgramThatRegisteredItselfIsKeptWhileItIsLetIn(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        func program(_ id: String) -> OAuthClient {
            var client = client(id, test)
            (client.secretHash, client.isSelfRegistered) = (nil, true)
            return client
        }
        func give(_ client: OAuthClient, _ account: Account) async throws {
            try await test.store.giveOAuthConsent(of: account.id, to: client, scopes: ["imap"], audit: event(test))
        }
        let one = program("one")
        try await give(one, ann)
        try await give(one, ann)
        try await give(one, bob)
        #expect(try await test.store.oauthClient("one") == one)
        // They are none of those that the platform registers.
        try await test.store.addOAuthClient(client("all", test), atMost: 1, audit: event(test))
        try await grant("f1", "one", ann, test)
        try await test.store.withdrawOAuthConsent(of: ann.id, from: "one", audit: event(test))
        #expect(try await test.store.isRevoked(family: "f1"))
        #expect(try await test.store.oauthConsents(of: bob.id).map(\.client) == ["one"])
        try await test.store.withdrawOAuthConsent(of: bob.id, from: "one", audit: event(test))
        #expect(try await test.store.oauthClient("one") == nil)
        // One that was registered stays.
        try await give(client("all", test), ann)
        try await test.store.withdrawOAuthConsent(of: ann.id, from: "all", audit: event(test))
        #expect(try await test.store.oauthClient("all") != nil)
        // As many as an account may let in.
        for number in 1...OAuthClient.selfRegisteredPerAccount { try await give(program("p\(number)"), ann) }
        await #expect(throws: StoreError.self) { try await give(one, ann) }
        #expect(try await test.store.oauthClient("one") == nil)
        try await give(program("p1"), ann)
        try await give(client("all", test), ann)
        try await give(one, bob)
    }

    @Test(arguments: StoreFactory.all) func aCodeIsSpentOnceAndASecondUseEndsItsSession(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await test.store.addOAuthClient(client("c", test), atMost: 9, audit: event(test))
        func code(_ hash: UInt8) -> AuthorizationCode {
            AuthorizationCode(
                hash: [hash],
                client: "c",
                redirectURI: "https://a.test/",
                scopes: ["openid"],
                challenge: hash == 1 ? "challenge" : nil,
                nonce: hash == 1 ? "\"\u{301}" : nil,
                authentication: Authentication(account: ann.id, at: test.clock.now(), methods: ["pwd"]),
                expiresAt: Timestamp(seconds: test.clock.now().seconds + 60)
            )
        }
        func spend(_ hash: UInt8, at now: Timestamp) async throws -> CodeOutcome {
            try await test.store.spendAuthorizationCode([hash], now: now, alarm: .test)
        }
        let (now, one, two, three) = (test.clock.now(), code(1), code(2), code(3))
        for code in [one, two, three] { try await test.store.addAuthorizationCode(code) }
        #expect(try await spend(9, at: now) == .unknown)
        #expect(try await spend(3, at: now.adding(seconds: 61)) == .unknown)
        #expect(try await spend(1, at: now) == .good(one))
        try await grant("f1", "c", ann, test, code: [1])
        #expect(try await !test.store.isRevoked(family: "f1"))
        #expect(try await test.store.oauthGrant(ofFamily: "f1")?.authentication.methods == ["pwd", "otp"])
        #expect(try await spend(1, at: now) == .reused(account: ann.id))
        #expect(try await test.store.isRevoked(family: "f1"))
        // Used twice before its session began: none begins.
        #expect(try await spend(2, at: now) == .good(two))
        #expect(try await spend(2, at: now) == .reused(account: ann.id))
        await #expect(throws: StoreError.self) { try await grant("f2", "c", ann, test, code: [2]) }
        #expect(try await test.store.oauthGrant(ofFamily: "f2") == nil)
    }

    @Test(arguments: StoreFactory.all) func aBrowsersSessionEndsWithTheOthers(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await test.store.addOAuthClient(client("c", test), atMost: 9, audit: event(test))
        try await grant("browser", nil, ann, test)
        try await grant("client", "c", ann, test)
        let now = test.clock.now()
        func browser(_ name: String, at now: Timestamp) async throws -> String? {
            try await test.store.browserSession(tokenHash: Array(name.utf8), now: now)?.family
        }
        #expect(try await browser("browser", at: now) == "browser")
        #expect(try await browser("client", at: now) == nil)
        #expect(try await browser("browser", at: now.adding(seconds: 100)) == nil)
        #expect(try await test.store.sessions(of: ann.id, now: now).count == 2)
        #expect(try await test.store.revokeSessions(of: ann.id, except: nil) == 2)
        #expect(try await browser("browser", at: now) == nil)
    }

    @Test(arguments: StoreFactory.all) func aDeviceWaitsForOneDecision(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let now = test.clock.now()
        func request(_ number: UInt8) -> DeviceRequest {
            DeviceRequest(
                deviceHash: [number],
                userHash: [100 + number],
                client: "c",
                scopes: ["imap"],
                expiresAt: Timestamp(seconds: now.seconds + 600)
            )
        }
        for number in UInt8(1)...3 { try await test.store.addDeviceRequest(request(number), intervalSeconds: 5) }
        await #expect(throws: StoreError.alreadyExists) {
            var same = request(4)
            same.userHash = [101]
            try await test.store.addDeviceRequest(same, intervalSeconds: 5)
        }
        func poll(_ number: UInt8, _ client: String = "c", after seconds: Int64) async throws -> DeviceOutcome {
            try await test.store.pollDeviceRequest([number], client: client, now: now.adding(seconds: seconds))
        }
        #expect(try await poll(9, after: 0) == .unknown)
        #expect(try await poll(1, "other", after: 0) == .unknown)
        #expect(try await poll(1, after: 0) == .pending)
        #expect(try await poll(1, after: 4) == .slowDown)
        #expect(try await poll(1, after: 13) == .slowDown)
        #expect(try await poll(1, after: 28) == .pending)
        #expect(try await test.store.deviceRequest(userHash: [101], now: now) == request(1))
        let authentication = Authentication(account: ann.id, at: now, methods: ["pwd"])
        #expect(try await test.store.decideDeviceRequest(userHash: [101], authentication, now: now))
        #expect(try await !test.store.decideDeviceRequest(userHash: [101], nil, now: now))
        #expect(try await test.store.deviceRequest(userHash: [101], now: now) == nil)
        #expect(try await poll(1, after: 60) == .allowed(request(1), authentication))
        #expect(try await poll(1, after: 120) == .unknown)
        #expect(try await test.store.decideDeviceRequest(userHash: [102], nil, now: now))
        #expect(try await poll(2, after: 0) == .denied)
        #expect(try await poll(3, after: 600) == .expired)
        #expect(try await !test.store.decideDeviceRequest(userHash: [103], nil, now: now.adding(seconds: 600)))
    }
}
