import Accounts
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

/// What sign-ins say for and against a client's network.
@Suite struct ConductTests {
    private let directory = FakeDirectory()
    private let limiter = FakeLimiter()
    private let clock = ManualClock()
    private let conduct = RecordingConduct()
    private let remote = IPAddress("192.0.2.1")

    private func authenticator(_ limits: LockoutLimits = LockoutLimits()) async throws -> AccountAuthenticator {
        let work = CountedWork().work()
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        _ = try await directory.addAccount(
            NewAccount(
                organisation: OrganisationID(1),
                address: try #require(EmailAddress("ann@shop.test")),
                passwordHash: try await work.hash("correct horse")
            )
        )
        return AccountAuthenticator(
            directory: directory,
            credentials: FakeCredentials(),
            limiter: limiter,
            passwords: work,
            limits: limits,
            conduct: conduct
        )
    }

    private func attempt(_ auth: AccountAuthenticator, _ user: String, _ password: String) async {
        _ = await auth.authenticate(user: user, password: password, remote: remote, service: "imap", now: clock.now())
    }

    @Test func failuresOfEveryKindAreNotedWithWhatWasTried() async throws {
        var limits = LockoutLimits()
        limits.failures = 2
        let auth = try await authenticator(limits)
        await attempt(auth, "ann@shop.test", "correct horse")
        await attempt(auth, "Ann@SHOP.test", "one")
        await attempt(auth, "ann@shop.test", "two")
        // Locked out by now: not even looked at, and still an attempt.
        await attempt(auth, "ann@shop.test", "three")
        await attempt(auth, "nobody@shop.test", "four")
        await attempt(auth, "no address", "five")
        let tried = conduct.all.compactMap { note -> String? in
            switch note.conduct {
            case .failedSignIn(let account, let secret): "\(account) \(secret)"
            case .signedIn: "signed in"
            default: nil
            }
        }
        #expect(
            tried == [
                "signed in", "ann@shop.test one", "ann@shop.test two", "ann@shop.test three", "nobody@shop.test four",
                "no address five",
            ]
        )
        #expect(conduct.all.allSatisfy { $0.remote == remote })
    }

    @Test func aStoreThatIsAwayIsNobodysFault() async throws {
        let auth = try await authenticator()
        directory.fail(with: .unavailable(reportID: "x"))
        await attempt(auth, "ann@shop.test", "one")
        #expect(conduct.words == [])
    }
}
