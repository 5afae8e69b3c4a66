import MailModel
import MailPorts
import Testing

@Suite("Ports: policies of organisations for signing in") struct SignInPolicyConformance {
    private func audit(_ test: StoreUnderTest) -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "cli", action: "organisation.sign_in_policy", subject: "organisation 1")
    }

    @discardableResult
    private func set(
        _ policy: SignInPolicy,
        of organisation: OrganisationID,
        replacing expected: Int64 = 0,
        _ test: StoreUnderTest
    ) async throws -> SignInPolicyRecord {
        try await test.store.setSignInPolicy(policy, of: organisation, replacing: expected, audit: audit(test))
    }

    private func begin(
        _ family: String,
        of account: Account,
        byProvider: Bool = false,
        _ test: StoreUnderTest
    ) async throws {
        try await test.store.add(token(family, of: account, byProvider: byProvider, test))
    }

    private func token(
        _ family: String,
        of account: Account,
        byProvider: Bool = false,
        _ test: StoreUnderTest
    ) -> RefreshToken {
        var token = RefreshToken(
            account: account.id,
            family: family,
            hash: Array(family.utf8),
            issuedAt: test.clock.now(),
            expiresAt: test.clock.now().adding(seconds: 100)
        )
        token.isByProvider = byProvider
        return token
    }

    private func beginAtPages(
        _ family: String,
        of account: Account,
        _ methods: [String],
        _ test: StoreUnderTest
    ) async throws {
        try await test.store.addOAuthGrant(
            OAuthGrant(
                family: family,
                client: nil,
                scopes: [],
                authentication: Authentication(account: account.id, at: test.clock.now(), methods: methods)
            ),
            token: token(family, of: account, test),
            ofCode: nil,
            audit: audit(test)
        )
    }

    private func enrol(_ account: Account, _ test: StoreUnderTest) async throws {
        try await test.store.beginSecondFactor(of: account.id, sealedSecret: [1])
        try await test.store.confirmSecondFactor(of: account.id, sealedSecret: [1], step: 1, recoveryHashes: [[1]])
    }

    private func passkey(of account: Account, _ test: StoreUnderTest) async throws -> PasskeyID {
        let now = test.clock.now()
        return try await test.store.addPasskey(
            Passkey(
                id: PasskeyID(0),
                account: account.id,
                credential: [9],
                publicKey: [1],
                signCount: 0,
                name: "Phone",
                model: [],
                transports: [],
                isBackedUp: false,
                createdAt: now
            ),
            spending: SpentChallenge(hash: [7], expiresAt: now.adding(seconds: 100)),
            recoveryHashes: [[2]],
            atMost: 9,
            audit: audit(test)
        ).passkey.id
    }

    @Test(arguments: StoreFactory.all)
    func `each change makes a version, and its line says what was before`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        #expect(try await store.signInPolicy(of: ann.organisation) == SignInPolicyRecord())
        let strict = SignInPolicy(minimumLength: 14, history: 9, asksBreachedList: true)
        let made = try await set(strict, of: ann.organisation, test)
        #expect(made == SignInPolicyRecord(version: 1, policy: strict, changedAt: test.clock.now()))
        #expect(try await store.signInPolicy(of: ann.organisation) == made)
        await #expect(throws: StoreError.alreadyExists) { try await set(SignInPolicy(), of: ann.organisation, test) }
        #expect(try await store.signInPolicy(of: ann.organisation) == made)
        let needs = SignInPolicy(history: 9, needsSecondFactor: true)
        #expect(try await set(needs, of: ann.organisation, replacing: 1, test).version == 2)
        let lines = try await store.auditTrail(AuditFilter(), before: nil, limit: 2)
        #expect(lines.allSatisfy { $0.organisation == ann.organisation })
        #expect(
            lines.map(\.event.detail) == [
                """
                {"minimum_length":{"before":"14","after":"platform"},"breached_list":{"before":"on","after":"off"},\
                "second_factor":{"before":"off","after":"on"}}
                """,
                """
                {"minimum_length":{"before":"platform","after":"14"},"history":{"before":"platform","after":"9"},\
                "breached_list":{"before":"off","after":"on"}}
                """,
            ]
        )
        await #expect(throws: StoreError.notFound) { try await set(needs, of: OrganisationID(99), test) }
    }

    @Test(arguments: StoreFactory.all)
    func `a session without the factor that is demanded is limited`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        try await begin("own", of: ann, test)
        try await begin("provider", of: ann, byProvider: true, test)
        try await beginAtPages("pwd", of: ann, ["pwd"], test)
        try await beginAtPages("mfa", of: ann, ["pwd", "otp", "mfa"], test)
        for family in ["own", "provider", "pwd", "mfa"] {
            #expect(try await store.worth(ofFamily: family) == .full)
        }
        #expect(try await store.worth(ofFamily: "unknown") == .ended)
        #expect(try await store.factorStanding(of: ann.id) == FactorStanding(kinds: [], isDemanded: false))
        try await set(SignInPolicy(needsSecondFactor: true), of: ann.organisation, test)
        #expect(try await store.factorStanding(of: ann.id) == FactorStanding(kinds: [], isDemanded: true))
        #expect(try await store.worth(ofFamily: "provider") == .full)
        for family in ["own", "pwd", "mfa"] { #expect(try await store.worth(ofFamily: family) == .limited) }
        // A secret that nobody has confirmed is no factor.
        try await store.beginSecondFactor(of: ann.id, sealedSecret: [1])
        #expect(try await store.worth(ofFamily: "own") == .limited)
        try await store.confirmSecondFactor(of: ann.id, sealedSecret: [1], step: 1, recoveryHashes: [])
        #expect(try await store.factorStanding(of: ann.id) == FactorStanding(kinds: [.totp], isDemanded: true))
        #expect(try await store.worth(ofFamily: "own") == .full)
        #expect(try await store.worth(ofFamily: "mfa") == .full)
        // Whoever was let in at the pages by the password alone has not shown it.
        #expect(try await store.worth(ofFamily: "pwd") == .limited)
        try await store.revokeSession("own", of: ann.id)
        #expect(try await store.worth(ofFamily: "own") == .ended)
        try await set(SignInPolicy(), of: ann.organisation, replacing: 1, test)
        #expect(try await store.worth(ofFamily: "pwd") == .full)
    }

    @Test(arguments: StoreFactory.all)
    func `mail sessions of who has no factor end when one is demanded`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, bob) = (try await test.account("ann@shop.test"), try await test.account("bob@shop.test"))
        try await enrol(bob, test)
        let before = try await test.store.signInEndings(after: nil, limit: 1).last?.number ?? 0
        try await set(SignInPolicy(minimumLength: 10), of: ann.organisation, test)
        #expect(try await test.store.signInEndings(after: before, limit: 9) == [])
        try await set(SignInPolicy(needsSecondFactor: true), of: ann.organisation, replacing: 1, test)
        let ended = try await test.store.signInEndings(after: before, limit: 9)
        #expect(ended.map(\.account) == [ann.id] && ended.allSatisfy { $0.credential == nil })
        // Once is enough.
        try await set(SignInPolicy(history: 9, needsSecondFactor: true), of: ann.organisation, replacing: 2, test)
        #expect(try await test.store.signInEndings(after: before, limit: 9).count == 1)
    }

    @Test(arguments: StoreFactory.all)
    func `the last factor stays while it is demanded`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, store) = (try await test.account("ann@shop.test"), test.store)
        try await enrol(ann, test)
        let phone = try await passkey(of: ann, test)
        try await set(SignInPolicy(needsSecondFactor: true), of: ann.organisation, test)
        let refused = StoreError.refused("the organisation demands a second factor: this is the last one")
        try await store.removeSecondFactor(of: ann.id, evenIfDemanded: false)
        await #expect(throws: refused) {
            try await store.removePasskey(phone, of: ann.id, removal: .byOwner, audit: audit(test))
        }
        #expect(try await store.factorStanding(of: ann.id).kinds == [.passkey])
        #expect(try await store.recoveryCodesLeft(of: ann.id) == 1)
        try await enrol(ann, test)
        try await store.removePasskey(phone, of: ann.id, removal: .byOwner, audit: audit(test))
        await #expect(throws: refused) { try await store.removeSecondFactor(of: ann.id, evenIfDemanded: false) }
        #expect(try await store.factorStanding(of: ann.id).kinds == [.totp])
        try await store.removeSecondFactor(of: ann.id, evenIfDemanded: true)
        #expect(try await store.factorStanding(of: ann.id).kinds == [])
        #expect(try await store.recoveryCodesLeft(of: ann.id) == 0)
    }
}
