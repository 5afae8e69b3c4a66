import MailModel
import MailPorts
import Testing

@Suite("Port: SessionStore, sessions in which somebody acts") struct ActingSessionConformance {
    private func audit(_ test: StoreUnderTest, _ action: String = "account.act") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "boss@shop.test", action: action, subject: "ann@shop.test")
    }

    private func signIn(_ test: StoreUnderTest, _ account: Account, _ number: UInt8, _ family: String) async throws {
        try await test.store.add(
            RefreshToken(
                account: account.id,
                family: family,
                hash: Array(repeating: number, count: 32),
                issuedAt: test.clock.now(),
                expiresAt: test.clock.now().adding(seconds: 6_000)
            )
        )
    }

    private func session(
        _ test: StoreUnderTest,
        of account: Account,
        by actor: Account,
        _ family: String,
        in own: String = "own"
    ) -> ActingSession {
        ActingSession(
            account: account.id,
            family: family,
            actor: SessionActor(
                account: actor.id,
                address: "boss@shop.test",
                reason: "A folder is gone: „Post“",
                family: own,
                until: test.clock.now().adding(seconds: 900)
            ),
            createdAt: test.clock.now(),
            origin: SessionOrigin(device: "Desk/1", remote: IPAddress("192.0.2.1"))
        )
    }

    private func families(_ test: StoreUnderTest, _ account: Account) async throws -> [String] {
        try await test.store.sessions(of: account.id, now: test.clock.now()).map(\.family)
    }

    @Test(arguments: StoreFactory.all) func itIsShownUntilItsTimeIsOver(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, boss) = (try await test.account("ann@shop.test"), try await test.account("boss@shop.test"))
        try await signIn(test, boss, 1, "own")
        let made = session(test, of: ann, by: boss, "a")
        try await test.store.add(made, audit: audit(test))
        let now = test.clock.now()
        #expect(
            try await test.store.sessions(of: ann.id, now: now) == [
                SignInSession(
                    family: "a",
                    device: "Desk/1",
                    createdAt: now,
                    lastUse: LastUse(at: now, remote: IPAddress("192.0.2.1")),
                    actor: made.actor
                )
            ]
        )
        #expect(try await test.store.worth(ofFamily: "a") == .full)
        #expect(try await test.store.sessions(of: boss.id, now: now).map(\.actor) == [nil])
        let line = try await test.store.auditTrail(AuditFilter(), before: nil, limit: 1).first
        #expect(line?.event.action == "account.act" && line?.organisation == ann.organisation)
        // Its account's own sign-ins leave it alone until its time is over.
        try await signIn(test, ann, 2, "b")
        #expect(try await families(test, ann).sorted() == ["a", "b"])
        test.clock.advance(seconds: 900)
        #expect(try await families(test, ann) == ["b"])
        try await signIn(test, ann, 3, "c")
        #expect(try await test.store.worth(ofFamily: "a") == .ended)
    }

    @Test(arguments: StoreFactory.all) func oneOfAnActorIsOpenAtATime(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, boss) = (try await test.account("ann@shop.test"), try await test.account("boss@shop.test"))
        let other = try await test.account("other@shop.test")
        try await signIn(test, boss, 1, "own")
        try await signIn(test, other, 2, "others")
        try await test.store.add(session(test, of: ann, by: boss, "a"), audit: audit(test))
        try await test.store.add(session(test, of: ann, by: other, "b", in: "others"), audit: audit(test))
        try await test.store.add(session(test, of: ann, by: boss, "c"), audit: audit(test))
        #expect(try await families(test, ann).sorted() == ["b", "c"])
        #expect(try await test.store.worth(ofFamily: "a") == .ended)
        let end = audit(test, "account.act_end")
        #expect(try await test.store.endSessions(of: ann.id, actedBy: boss.id, audit: end) == 1)
        #expect(try await test.store.endSessions(of: ann.id, actedBy: boss.id, audit: end) == 0)
        #expect(try await families(test, ann) == ["b"])
        let lines = try await test.store.auditTrail(AuditFilter(), before: nil, limit: 9).map(\.event.action)
        #expect(lines.filter { $0 == "account.act_end" }.count == 1)
        try await test.store.revokeSession("b", of: ann.id)
        #expect(try await families(test, ann) == [])
    }

    @Test(arguments: StoreFactory.all) func itEndsWithTheSessionThatItWasBegunIn(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, boss) = (try await test.account("ann@shop.test"), try await test.account("boss@shop.test"))
        try await signIn(test, boss, 1, "own")
        try await signIn(test, boss, 2, "elsewhere")
        try await test.store.add(session(test, of: ann, by: boss, "a"), audit: audit(test))
        try await test.store.add(session(test, of: ann, by: boss, "b", in: "nowhere"), audit: audit(test))
        #expect(try await families(test, ann) == [])
        #expect(try await test.store.worth(ofFamily: "b") == .ended)
        try await test.store.add(session(test, of: ann, by: boss, "c"), audit: audit(test))
        try await test.store.revokeSession("elsewhere", of: boss.id)
        #expect(try await test.store.worth(ofFamily: "c") == .full)
        try await test.store.revokeSession("own", of: boss.id)
        #expect(try await test.store.worth(ofFamily: "c") == .ended)
        #expect(try await families(test, ann) == [])
    }

    @Test(arguments: StoreFactory.all) func itIsNeverLimited(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let (ann, boss) = (try await test.account("ann@shop.test"), try await test.account("boss@shop.test"))
        _ = try await test.store.setSignInPolicy(
            SignInPolicy(needsSecondFactor: true),
            of: ann.organisation,
            replacing: 0,
            audit: audit(test, "organisation.sign_in_policy")
        )
        try await signIn(test, boss, 1, "own")
        try await test.store.add(session(test, of: ann, by: boss, "a"), audit: audit(test))
        #expect(try await test.store.worth(ofFamily: "own") == .limited)
        #expect(try await test.store.worth(ofFamily: "a") == .full)
    }

    @Test(arguments: StoreFactory.all) func aLineThatIsWrittenMeanwhileNamesBoth(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let party = ActingParty(actor: "boss@shop.test", account: "ann@shop.test")
        let line = ActingParty.$current.withValue(party) {
            AuditEvent(at: test.clock.now(), actor: "ann@shop.test", action: "account.change", subject: "ann@shop.test")
        }
        try await test.store.recordAudit(line)
        // Whoever reads it while acting reads the same.
        let read = try await ActingParty.$current.withValue(party) {
            try await test.store.auditTrail(AuditFilter(), before: nil, limit: 1).first?.event
        }
        #expect(read?.actor == "boss@shop.test" && read?.detail == #"{"as":"ann@shop.test"}"#)
        #expect(read?.subject == ann.primaryAddress.canonical)
        #expect(try await test.store.verifyAudit(known: nil).broken == nil)
    }
}
