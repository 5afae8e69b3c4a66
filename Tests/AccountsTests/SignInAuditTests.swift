import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@Suite struct SignInAuditTests {
    let directory = FakeDirectory()
    let clock = ManualClock()
    let counted = CountedWork()

    private func ready() async throws -> AccountAuthenticator {
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        _ = try await directory.addAccount(
            NewAccount(
                organisation: OrganisationID(1),
                address: try #require(EmailAddress("ann@shop.test")),
                passwordHash: try await counted.work().hash("correct horse")
            )
        )
        return AccountAuthenticator(
            directory: directory,
            credentials: FakeCredentials(),
            limiter: FakeLimiter(),
            passwords: counted.work()
        )
    }

    private func attempt(
        _ auth: AccountAuthenticator,
        _ user: String = "ann@shop.test",
        _ password: String = "correct horse",
        service: String = "http",
        from remote: String = "192.0.2.1"
    ) async {
        _ = await auth.authenticate(
            user: user,
            password: password,
            remote: IPAddress(remote),
            service: service,
            now: clock.now()
        )
    }

    @Test func everySignInOverHTTPAndEveryRefusalIsALine() async throws {
        let auth = try await ready()
        for _ in 0..<2 { await attempt(auth) }
        await attempt(auth, "ann@shop.test", "wrong horse", service: "imap")
        await attempt(auth, "nobody@shop.test")
        await attempt(auth, "\"},\"x\":{\"", "x\"")
        #expect(
            directory.audit.map { "\($0.actor) \($0.action) \($0.subject) \($0.detail)" } == [
                #"ann@shop.test sign_in ann@shop.test {"service":"http","by":"password"}"#,
                #"ann@shop.test sign_in ann@shop.test {"service":"http","by":"password"}"#,
                #"- sign_in.refused ann@shop.test {"service":"imap","why":"wrong password"}"#,
                #"- sign_in.refused nobody@shop.test {"service":"http","why":"unknown or suspended"}"#,
                #"- sign_in.refused - {"service":"http","why":"malformed credentials"}"#,
            ]
        )
        #expect(directory.audit.allSatisfy { $0.remote == IPAddress("192.0.2.1") })
    }

    @Test func aMailClientThatComesBackIsOneLineForAWhile() async throws {
        let auth = try await ready()
        for _ in 0..<20 { await attempt(auth, service: "imap") }
        #expect(directory.audit.count == 1)
        await attempt(auth, service: "smtp")
        await attempt(auth, service: "imap", from: "192.0.2.2")
        #expect(directory.audit.count == 3)
        clock.advance(seconds: 300)
        await attempt(auth, service: "imap")
        #expect(directory.audit.count == 4)
    }

    @Test func aTrailThatCannotBeWrittenKeepsNobodyOut() async throws {
        let auth = try await ready()
        await attempt(auth)
        directory.failAudit()
        let outcome = await auth.authenticate(
            user: "ann@shop.test",
            password: "correct horse",
            remote: nil,
            service: "http",
            now: clock.now()
        )
        guard case .success = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }
}
