import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@Suite struct WithoutPasswordTests {
    let directory = FakeDirectory()
    let store = FakeCredentials()
    let limiter = FakeLimiter()
    let clock = ManualClock()
    let counted = CountedWork()
    let flags = FakeFlags()

    private var service: AccountService { AccountService(directory: directory, passwords: counted.work()) }

    private var passkeys: PasskeyService {
        PasskeyService(
            store: store,
            directory: directory,
            key: [UInt8](repeating: 1, count: 32),
            policy: PasskeyPolicy(
                relyingParty: "mail.example.test",
                name: "Mail",
                origins: ["https://mail.example.test"]
            ),
            flags: FeatureFlags(store: flags, interval: .zero)
        )
    }

    private func ready() async throws -> Account {
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        return try await service.addAccount(
            try #require(EmailAddress("ann@shop.test")),
            password: "first horse",
            actor: "cli",
            now: clock.now()
        )
    }

    private func remove(_ account: Account) async throws(AccountError) {
        try await service.removeOwnPassword(of: account, keepingSession: "a", remote: nil, now: clock.now())
    }

    private func attempt(_ auth: AccountAuthenticator, _ user: String, _ service: String) async -> String {
        let outcome = await auth.authenticate(
            user: user,
            password: "first horse",
            remote: IPAddress("192.0.2.1"),
            service: service,
            now: clock.now()
        )
        return "\(outcome)"
    }

    @Test("refusals of an account without a password are those of an unknown one", arguments: ["http", "smtp", "imap"])
    func refusals(service: String) async throws {
        let ann = try await ready()
        directory.giveWayIn(to: ann.id)
        let auth = AccountAuthenticator(
            directory: directory,
            credentials: store,
            limiter: limiter,
            passwords: counted.work()
        )
        #expect(await attempt(auth, "ann@shop.test", service).starts(with: "success"))
        try await remove(ann)
        var costs: [Int] = []
        // Not even the password that was right a moment ago, and is remembered.
        for user in ["ann@shop.test", "nobody@shop.test"] {
            let before = counted.count
            #expect(await attempt(auth, user, service) == "invalid")
            costs.append(counted.count - before)
        }
        #expect(costs == [1, 1])
        for _ in 0..<9 { #expect(await attempt(auth, "ann@shop.test", service) == "invalid") }
        #expect(await attempt(auth, "ann@shop.test", service).starts(with: "lockedOut"))
    }

    @Test func aPasswordGoesWithItsAuditLineOrNotAtAll() async throws {
        let ann = try await ready()
        await #expect(throws: AccountError.fieldTaken("password", "its only way in")) { try await remove(ann) }
        directory.giveWayIn(to: ann.id)
        try await remove(ann)
        #expect(directory.audit.map(\.action) == ["account.add", "account.password_remove"])
        await #expect(throws: AccountError.store(.notFound)) { try await remove(ann) }
        try await service.changeOwnPassword(
            of: ann,
            to: "second horse",
            keepingSession: "a",
            remote: nil,
            now: clock.now()
        )
        let known = directory.passwordHash(of: ann.id)
        directory.failAudit()
        await #expect(throws: AccountError.self) { try await remove(ann) }
        await #expect(throws: AccountError.self) {
            try await service.setPassword(
                ann.primaryAddress,
                password: "third horse",
                actor: "cli",
                now: clock.now()
            )
        }
        await #expect(throws: AccountError.self) {
            try await service.addAccount(
                try #require(EmailAddress("bob@shop.test")),
                password: "first horse",
                actor: "cli",
                now: clock.now()
            )
        }
        #expect(directory.passwordHash(of: ann.id) == known)
        #expect(try await directory.accounts(ofDomain: "shop.test", after: nil, limit: 9).count == 1)
    }

    @Test func earlierPasswordsDoNotComeBackByTakingThemAway() async throws {
        let ann = try await ready()
        directory.giveWayIn(to: ann.id)
        var work = counted.work()
        work.rules.history = 2
        let strict = AccountService(directory: directory, passwords: work)
        try await strict.removeOwnPassword(of: ann, keepingSession: "a", remote: nil, now: clock.now())
        await #expect(throws: AccountError.passwordRefused("the password was in use before")) {
            try await strict.changeOwnPassword(
                of: ann,
                to: "first horse",
                keepingSession: "a",
                remote: nil,
                now: clock.now()
            )
        }
    }

    @Test func aFlagThatGoesOffShutsNobodyOut() async throws {
        let ann = try await ready()
        let creation = try await passkeys.creation(ann, now: clock.now())
        let device = SoftAuthenticator()
        let made = try await passkeys.register(
            device.register(creation),
            name: "Phone",
            for: ann,
            remote: nil,
            now: clock.now()
        )
        #expect(made.passkey.verifiesUser)
        func signsIn() async throws -> Bool {
            let request = try await passkeys.signInRequest(nil, now: clock.now())
            let answer = device.sign(request, as: creation.userHandle)
            let outcome = try await passkeys.signIn(answer, address: nil, remote: nil, now: clock.now())
            if case .passed = outcome { return true }
            return false
        }
        try await passkeys.requireSignInAlone(ann)
        #expect(try await signsIn())
        try await FeatureFlags.set(
            "passkey-sign-in",
            percentage: 0,
            unit: .account,
            of: nil,
            in: flags,
            actor: "cli",
            now: clock.now()
        )
        await #expect(throws: AccountError.self) { try await passkeys.requireSignInAlone(ann) }
        #expect(try await !signsIn())
        directory.giveWayIn(to: ann.id)
        try await remove(ann)
        #expect(try await signsIn())
        store.takePassword(of: ann.id)
        await #expect(throws: AccountError.self) {
            try await passkeys.remove(made.passkey.id, of: ann, remote: nil, now: clock.now())
        }
    }
}
