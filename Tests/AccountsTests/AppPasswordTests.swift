import Accounts
import Logging
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Synchronization
import Telemetry
import Testing

@Suite struct AppPasswordTests {
    let directory = FakeDirectory()
    let clients = FakeCredentials()
    let clock = ManualClock()
    let counted = CountedWork()

    private func ready(
        perAccount: Int = 50
    ) async throws -> (auth: AccountAuthenticator, service: AppPasswordService, ann: Account) {
        let work = counted.work()
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        let ann = try await directory.addAccount(
            NewAccount(
                organisation: OrganisationID(1),
                address: try #require(EmailAddress("ann@shop.test")),
                passwordHash: try await work.hash("correct horse")
            )
        )
        var limits = AppPasswordLimits()
        limits.perAccount = perAccount
        return (
            AccountAuthenticator(
                directory: directory,
                credentials: clients,
                limiter: FakeLimiter(),
                passwords: work
            ),
            AppPasswordService(
                credentials: clients,
                salts: SCRAMSalts(key: [1]),
                limits: limits
            ), ann
        )
    }

    /// What was recorded besides sign-ins.
    private var changes: [String] { clients.audit.map(\.action).filter { !$0.hasPrefix("sign_in") } }

    private func signIn(_ auth: AccountAuthenticator, _ password: String, _ service: String) async -> SignIn? {
        let outcome = await auth.authenticate(
            user: "ann@shop.test",
            password: password,
            remote: IPAddress("192.0.2.1"),
            service: service,
            now: clock.now()
        )
        guard case .success(let signIn) = outcome else { return nil }
        return signIn
    }

    private func add(
        _ service: AppPasswordService,
        _ ann: Account,
        _ name: String = "Phone",
        _ scopes: Set<SignInScope> = [.imap]
    ) async throws -> (password: AppPassword, secret: AppSecret) {
        try await service.add(to: ann, name: name, scopes: scopes, actor: "ann@shop.test", now: clock.now())
    }

    @Test func aSecretHasFourGroupsAndNoTwoAreTheSame() {
        let texts = (0..<50).map { _ in AppSecret.random().text }
        #expect(Set(texts).count == 50)
        for text in texts {
            #expect(text.utf8.split(separator: 45).map(\.count) == [6, 6, 6, 6])
            #expect(text.utf8.allSatisfy { !"l1o0".utf8.contains($0) })
        }
    }

    @Test func aSecretIsReadHoweverItIsTyped() throws {
        let secret = AppSecret.random()
        let letters = secret.text.utf8.filter { $0 != 45 }
        let typed = [
            String(decoding: letters, as: UTF8.self), secret.text.uppercased(),
            " "
                + secret.text.utf8.split(separator: 45).map { String(decoding: $0, as: UTF8.self) }.joined(
                    separator: " "
                ),
        ]
        for text in typed { #expect(AppSecret(text)?.text == secret.text) }
        for text in ["", "correct horse", secret.text + "a", secret.text + "\u{301}", "0" + secret.text.dropFirst()] {
            #expect(AppSecret(text) == nil)
        }
        #expect("\(secret)" == "[redacted]")
        #expect(secret.hash(for: AccountID(1)) != secret.hash(for: AccountID(2)))
    }

    @Test func itSignsInWhereItsScopesSayAndCostsNoSlowHash() async throws {
        let (auth, service, ann) = try await ready()
        let made = try await add(service, ann)
        let before = counted.count
        let signedIn = await signIn(auth, made.secret.text, "imap")
        #expect(signedIn?.credential == .appPassword(made.password.id))
        #expect(counted.count == before)
        #expect(await signIn(auth, made.secret.text, "smtp") == nil)
        #expect(await signIn(auth, made.secret.text, "http") == nil)
        #expect(await signIn(auth, AppSecret.random().text, "imap") == nil)
        // What is refused costs what every refusal does.
        #expect(counted.count == before + 3)
        #expect(await signIn(auth, "correct horse", "imap")?.credential == .password)
        #expect(changes == ["app_password.add"])
        #expect(!clients.audit.contains { $0.detail.contains(made.secret.text) })
    }

    @Test func itsUseIsWrittenOnceInAWhile() async throws {
        let (auth, service, ann) = try await ready()
        let made = try await add(service, ann)
        for _ in 0..<5 { _ = await signIn(auth, made.secret.text, "imap") }
        #expect(clients.uses == 1)
        let use = try await service.list(of: ann.id).first?.lastUse
        #expect(use == LastUse(at: clock.now(), remote: IPAddress("192.0.2.1")))
        clock.advance(seconds: 300)
        _ = await signIn(auth, made.secret.text, "imap")
        #expect(clients.uses == 2)
    }

    @Test func aStoreThatIsAwayIsNoWrongPassword() async throws {
        let (auth, service, ann) = try await ready()
        let made = try await add(service, ann)
        clients.fail(with: .unavailable(reportID: "r"))
        let outcome = await auth.authenticate(
            user: "ann@shop.test",
            password: made.secret.text,
            remote: nil,
            service: "imap",
            now: clock.now()
        )
        guard case .unavailable = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test(arguments: ["", "a\rb", String(repeating: "x", count: 101)]) func aNameIsChecked(name: String) async throws {
        let (_, service, ann) = try await ready()
        await #expect(throws: AccountError.self) { _ = try await add(service, ann, name) }
    }

    @Test func thereAreBoundsAndNamesAreUsedOnce() async throws {
        let (_, service, ann) = try await ready(perAccount: 2)
        await #expect(throws: AccountError.self) { _ = try await add(service, ann, "None", []) }
        _ = try await add(service, ann)
        await #expect(throws: AccountError.fieldTaken("name", "the account has an app password of that name")) {
            _ = try await add(service, ann)
        }
        _ = try await add(service, ann, "Laptop")
        await #expect(throws: AccountError.self) { _ = try await add(service, ann, "Watch") }
    }

    @Test func aRevokedOneSignsNobodyIn() async throws {
        let (auth, service, ann) = try await ready()
        let made = try await add(service, ann)
        try await service.revoke(made.password.id, of: ann, actor: "cli", now: clock.now())
        #expect(await signIn(auth, made.secret.text, "imap") == nil)
        await #expect(throws: AccountError.store(.notFound)) {
            try await service.revoke(made.password.id, of: ann, actor: "cli", now: clock.now())
        }
        #expect(changes == ["app_password.add", "app_password.revoke"])
    }

    // MARK: - Sessions

    private final class Ended: Sendable {
        private let names = Mutex<[String]>([])
        var all: [String] { names.withLock { $0.sorted() } }
        func add(_ name: String) { names.withLock { $0.append(name) } }
    }

    @Test func revokingEndsTheSessionsOfThatPasswordOnly() async throws {
        let (auth, service, ann) = try await ready()
        let (phone, laptop) = (try await add(service, ann), try await add(service, ann, "Laptop"))
        let registry = auth.signIns
        try await registry.look(into: clients)
        let ended = Ended()
        for (name, secret) in [("phone", phone.secret.text), ("laptop", laptop.secret.text), ("own", "correct horse")] {
            let signIn = try #require(await signIn(auth, secret, "imap"))
            #expect(registry.enter(signIn) { ended.add(name) } != nil)
        }
        let left = try #require(await signIn(auth, phone.secret.text, "imap"))
        registry.leave(try #require(registry.enter(left) { ended.add("left") }))
        try await service.revoke(phone.password.id, of: ann, actor: "cli", now: clock.now())
        try await registry.look(into: clients)
        #expect(ended.all == ["phone"] && registry.count == 2)
        clients.end(AccountID(99), nil)
        try await registry.look(into: clients)
        #expect(ended.all == ["phone"])
        clients.end(ann.id, nil)
        try await registry.look(into: clients)
        #expect(ended.all == ["laptop", "own", "phone"] && registry.count == 0)
    }

    @Test func aRevocationWhileSigningInIsNotLost() async throws {
        let (auth, service, ann) = try await ready()
        let phone = try await add(service, ann)
        try await auth.signIns.look(into: clients)
        let early = try #require(await signIn(auth, phone.secret.text, "imap"))
        try await service.revoke(phone.password.id, of: ann, actor: "cli", now: clock.now())
        // Before the session has entered.
        try await auth.signIns.look(into: clients)
        #expect(auth.signIns.enter(early) {} == nil)
        let own = try #require(await signIn(auth, "correct horse", "imap"))
        #expect(auth.signIns.enter(own) {} != nil)
    }

    @Test func whatWasRevokedBeforeTheStartEndsNothing() async throws {
        let (auth, _, ann) = try await ready()
        clients.end(ann.id, nil)
        try await auth.signIns.look(into: clients)
        let signIn = try #require(await signIn(auth, "correct horse", "imap"))
        #expect(auth.signIns.enter(signIn) {} != nil)
        try await auth.signIns.look(into: clients)
        #expect(auth.signIns.count == 1)
    }
}
