import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Synchronization
import Telemetry
import Testing

/// Passwords cheap enough for tests, with a count of the costly steps.
final class CountedWork: Sendable {
    private let jobs = Mutex(0)
    var count: Int { jobs.withLock { $0 } }
    func work() -> PasswordWork {
        PasswordWork(hasher: PasswordHasher(memory: 8 << 10, passes: 1)) { job in
            self.jobs.withLock { $0 += 1 }
            job()
        }
    }
}

@Suite struct AccountAuthenticatorTests {
    static let password = "correct horse"
    let directory = FakeDirectory()
    let clients = FakeCredentials()
    let limiter = FakeLimiter()
    let clock = ManualClock()
    let counted = CountedWork()
    let remote = IPAddress("192.0.2.1")

    private func ready(_ limits: LockoutLimits = LockoutLimits()) async throws -> AccountAuthenticator {
        let work = counted.work()
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        for name in ["ann", "bob"] {
            _ = try await directory.addAccount(
                NewAccount(
                    organisation: OrganisationID(1),
                    address: try #require(EmailAddress("\(name)@shop.test")),
                    passwordHash: try await work.hash(Self.password)
                )
            )
        }
        return AccountAuthenticator(
            directory: directory,
            credentials: clients,
            limiter: limiter,
            passwords: work,
            limits: limits
        )
    }

    private func id(of address: String) async throws -> AccountID {
        let account = try await directory.account(withAddress: try #require(EmailAddress(address)))
        return try #require(account).id
    }

    private func word(_ outcome: AuthenticationOutcome) -> String {
        switch outcome {
        case .success(let signIn): signIn.account.primaryAddress.description
        case .enrolmentNeeded(let signIn): "enrolment \(signIn.account.primaryAddress)"
        case .secondFactorNeeded(let account): "factor \(account.primaryAddress)"
        case .appPasswordNeeded: "app password"
        case .providerNeeded: "provider"
        case .invalid: "invalid"
        case .lockedOut(let seconds): "locked \(seconds)"
        case .unavailable: "unavailable"
        }
    }

    private func attempt(
        _ auth: AccountAuthenticator,
        _ user: String,
        _ password: String = password,
        from remote: String = "192.0.2.1"
    ) async -> String {
        word(
            await auth.authenticate(
                user: user,
                password: password,
                remote: IPAddress(remote),
                service: "imap",
                now: clock.now()
            )
        )
    }

    @Test func theRightPasswordSignsInWhateverTheCaseOfTheAddress() async throws {
        let auth = try await ready()
        #expect(await attempt(auth, "Ann@Shop.Test") == "ann@shop.test")
        #expect(await attempt(auth, "ann@shop.test", "wrong horse") == "invalid")
        #expect(await attempt(auth, "bob@shop.test", "Correct horse") == "invalid")
    }

    @Test(
        "nothing else signs in, and each refusal costs a hash",
        arguments: [
            "nobody@shop.test", "ann", "", "ann@shop.test\u{0}", "@", "ann@other.test",
        ]
    )
    func nothingElse(user: String) async throws {
        let auth = try await ready()
        let before = counted.count
        #expect(await attempt(auth, user) == "invalid")
        #expect(counted.count == before + 1)
    }

    @Test func emptyAndEndlessPasswordsAreRefused() async throws {
        let auth = try await ready()
        #expect(await attempt(auth, "ann@shop.test", "") == "invalid")
        #expect(await attempt(auth, "ann@shop.test", String(repeating: "x", count: 1_025)) == "invalid")
    }

    @Test func aSecondSignInWithinAMinuteCostsNoHash() async throws {
        let auth = try await ready()
        _ = await attempt(auth, "ann@shop.test")
        let before = counted.count
        for _ in 0..<100 { #expect(await attempt(auth, "ann@shop.test") == "ann@shop.test") }
        #expect(counted.count == before)
        #expect(await attempt(auth, "ann@shop.test", "wrong horse") == "invalid")
        #expect(counted.count == before + 1)
        clock.advance(seconds: 61)
        _ = await attempt(auth, "ann@shop.test")
        #expect(counted.count == before + 2)
    }

    @Test func aChangedPasswordOrASuspensionEndsTheShortcutAtOnce() async throws {
        let auth = try await ready()
        _ = await attempt(auth, "ann@shop.test")
        let id = try await id(of: "ann@shop.test")
        try await directory.setPassword(
            id,
            hash: try await counted.work().hash("another horse"),
            replacing: try #require(directory.passwordHash(of: id))
        )
        #expect(await attempt(auth, "ann@shop.test") == "invalid")
        #expect(await attempt(auth, "ann@shop.test", "another horse") == "ann@shop.test")
        try await directory.setAccountStatus(id, .suspended)
        #expect(await attempt(auth, "ann@shop.test", "another horse") == "invalid")
    }

    @Test func tenFailuresLockTheAccountForThatAddressOnly() async throws {
        let auth = try await ready()
        for _ in 0..<10 { #expect(await attempt(auth, "ann@shop.test", "guess") == "invalid") }
        #expect(await attempt(auth, "ann@shop.test") == "locked 900")
        #expect(await attempt(auth, "bob@shop.test") == "bob@shop.test")
        #expect(await attempt(auth, "ann@shop.test", from: "192.0.2.2") == "ann@shop.test")
        clock.advance(seconds: 901)
        #expect(await attempt(auth, "ann@shop.test") == "ann@shop.test")
    }

    @Test func aSuccessForgivesThePairButNotTheAddress() async throws {
        var limits = LockoutLimits()
        (limits.failures, limits.failuresPerAddress) = (3, 5)
        let auth = try await ready(limits)
        for _ in 0..<2 { _ = await attempt(auth, "ann@shop.test", "guess") }
        #expect(await attempt(auth, "ann@shop.test") == "ann@shop.test")
        for _ in 0..<2 { _ = await attempt(auth, "ann@shop.test", "guess") }
        #expect(await attempt(auth, "ann@shop.test") == "ann@shop.test")
        #expect(await attempt(auth, "nobody@shop.test", "guess") == "invalid")
        #expect(await attempt(auth, "bob@shop.test") == "locked 900")
    }

    @Test func addressesOfOneIPv6NetworkCountAsOne() async throws {
        var limits = LockoutLimits()
        limits.failures = 2
        let auth = try await ready(limits)
        for host in 1...2 { _ = await attempt(auth, "ann@shop.test", "guess", from: "2001:db8::\(host)") }
        #expect(await attempt(auth, "ann@shop.test", from: "2001:db8::99") == "locked 900")
        #expect(await attempt(auth, "ann@shop.test", from: "2001:db8:0:1::1") == "ann@shop.test")
    }

    @Test func exemptClientsAreNeverLockedOut() async throws {
        var limits = LockoutLimits()
        limits.failures = 1
        limits.exempt = [try #require(IPNetwork("192.0.2.0/24"))]
        let auth = try await ready(limits)
        for _ in 0..<5 { _ = await attempt(auth, "ann@shop.test", "guess") }
        #expect(await attempt(auth, "ann@shop.test") == "ann@shop.test")
    }

    @Test func aDeadDirectoryIsNoWrongPassword() async throws {
        let auth = try await ready()
        directory.fail(with: .unavailable(reportID: "r"))
        for _ in 0..<20 { #expect(await attempt(auth, "ann@shop.test") == "unavailable") }
        directory.fail(with: nil)
        #expect(await attempt(auth, "ann@shop.test") == "ann@shop.test")
    }

    @Test func aFloodIsTurnedAwayInsteadOfQueued() async throws {
        _ = try await ready()
        let full = PasswordWork(hasher: PasswordHasher(memory: 8 << 10, passes: 1), maxWaiting: 0) { $0() }
        let auth = AccountAuthenticator(directory: directory, credentials: clients, limiter: limiter, passwords: full)
        #expect(await attempt(auth, "ann@shop.test") == "unavailable")
        #expect(await attempt(auth, "nobody@shop.test") == "unavailable")
    }

    @Test func oldHashesAreBroughtToTheCostsInForce() async throws {
        let auth = try await ready()
        let id = try await id(of: "ann@shop.test")
        try await directory.setPassword(
            id,
            hash: try PasswordHasher(memory: 16 << 10, passes: 1).hash(Array(Self.password.utf8)),
            replacing: try #require(directory.passwordHash(of: id))
        )
        let old = directory.passwordHash(of: id)
        #expect(await attempt(auth, "ann@shop.test") == "ann@shop.test")
        #expect(directory.passwordHash(of: id) != old)
        #expect(await attempt(auth, "ann@shop.test") == "ann@shop.test")
    }
}
