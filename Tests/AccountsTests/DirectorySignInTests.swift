import Accounts
import MailModel
import MailPorts
import MailTesting
import Synchronization
import Telemetry
import Testing

/// One directory that says what it was told to say, and counts.
private final class ToldDirectory: PeopleDirectories {
    struct State {
        var connection: DirectoryConnection?
        var verdict = DirectoryVerdict.unavailable
        var asked = 0
        /// Times that somebody looked whether there is one.
        var lookups = 0
    }
    let state = Mutex(State())

    func connection(covering domain: String) async throws(StoreError) -> DirectoryConnection? {
        state.withLock { state in
            state.lookups += 1
            return state.connection?.domain == domain ? state.connection : nil
        }
    }

    func check(
        _ password: String,
        of address: EmailAddress,
        by connection: DirectoryConnection,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> DirectoryVerdict {
        state.withLock { state in
            state.asked += 1
            return state.verdict
        }
    }

    func isFormer(_ address: EmailAddress) async throws(StoreError) -> Bool { false }

    func recipient(_ address: EmailAddress) async throws(StoreError) -> DirectoryRecipient { .nobody }
}

@Suite("Signing in by a directory") struct DirectorySignInTests {
    private let store = FakeDirectory()
    private let clients = FakeCredentials()
    private let counted = CountedWork()
    private let told = ToldDirectory()
    private let clock = ManualClock()

    private func ready(_ change: (inout DirectoryConnection) -> Void = { _ in }) async throws -> AccountAuthenticator {
        let work = counted.work()
        _ = try await store.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        for (name, role, password) in [
            ("ann", Role.member, nil), ("boss", .owner, "of the boss"), ("bob", .member, "kept here"),
        ] {
            let hash: String?
            if let password { hash = try await work.hash(password) } else { hash = nil }
            _ = try await store.addAccount(
                NewAccount(
                    organisation: OrganisationID(1),
                    address: try #require(EmailAddress("\(name)@shop.test")),
                    role: role,
                    passwordHash: hash
                )
            )
        }
        var connection = DirectoryConnection(
            domain: "shop.test",
            source: .ldap(LDAPSource(url: "ldaps://a.test", base: "dc=x", filter: "(mail={address})")),
            sealedSecret: nil,
            setBy: .owner
        )
        connection.version = 1
        change(&connection)
        told.state.withLock { $0.connection = connection }
        return AccountAuthenticator(
            directory: store,
            credentials: clients,
            limiter: FakeLimiter(),
            passwords: work,
            directories: told
        )
    }

    private func attempt(_ auth: AccountAuthenticator, _ user: String, _ password: String) async -> String {
        let outcome = await auth.authenticate(
            user: user,
            password: password,
            remote: IPAddress("192.0.2.1"),
            service: "imap",
            now: clock.now()
        )
        return switch outcome {
        case .success(let signIn): "\(signIn.account.primaryAddress)"
        case .invalid: "invalid"
        case .unavailable: "unavailable"
        case .lockedOut: "locked"
        case .appPasswordNeeded, .providerNeeded, .enrolmentNeeded, .secondFactorNeeded: "other"
        }
    }

    private func say(_ verdict: DirectoryVerdict) { told.state.withLock { $0.verdict = verdict } }
    private var asked: Int { told.state.withLock { $0.asked } }
    private func account(_ address: String) async throws -> Account {
        let parsed = try #require(EmailAddress(address))
        let found = try await store.account(withAddress: parsed)
        return try #require(found)
    }

    @Test func `the directory's word is remembered for a while, and for that password only`() async throws {
        let auth = try await ready()
        say(.right(try await account("ann@shop.test")))
        for _ in 0..<5 { #expect(await attempt(auth, "ann@shop.test", "right") == "ann@shop.test") }
        #expect(asked == 1)
        say(.refused("wrong password"))
        #expect(await attempt(auth, "ann@shop.test", "other") == "invalid")
        #expect(await attempt(auth, "ann@shop.test", "right") == "ann@shop.test")
        clock.advance(seconds: 301)
        #expect(await attempt(auth, "ann@shop.test", "right") == "invalid")
    }

    @Test func `an app password is good without a look at directories`() async throws {
        let auth = try await ready()
        let service = AppPasswordService(
            credentials: clients,
            salts: SCRAMSalts(key: [1]),
            limits: AppPasswordLimits()
        )
        let made = try await service.add(
            to: try await account("bob@shop.test"),
            name: "Phone",
            scopes: [.imap],
            actor: "bob@shop.test",
            now: clock.now()
        )
        #expect(await attempt(auth, "bob@shop.test", made.secret.text) == "bob@shop.test")
        #expect(told.state.withLock { $0.lookups } == 0)
    }

    @Test func `another version of the connection asks again`() async throws {
        let auth = try await ready()
        say(.right(try await account("ann@shop.test")))
        #expect(await attempt(auth, "ann@shop.test", "right") == "ann@shop.test")
        told.state.withLock { $0.connection?.version = 2 }
        say(.refused("wrong password"))
        #expect(await attempt(auth, "ann@shop.test", "right") == "invalid")
    }

    @Test func `an entry that is another account's opens nothing`() async throws {
        let auth = try await ready()
        say(.right(try await account("bob@shop.test")))
        #expect(await attempt(auth, "ann@shop.test", "right") == "invalid")
    }

    @Test func `whether somebody is known costs the same: one Argon2id and one question`() async throws {
        let auth = try await ready()
        say(.refused("wrong password"))
        _ = await attempt(auth, "nobody@shop.test", "x")
        for user in ["ann@shop.test", "bob@shop.test", "nobody@shop.test"] {
            let (before, questions) = (counted.count, asked)
            #expect(await attempt(auth, user, "wrong") == "invalid")
            #expect(counted.count == before + 1 && asked == questions + 1, "\(user)")
        }
    }

    @Test func `a directory that is away is nobody's failure, and yet no way to guess`() async throws {
        let auth = try await ready()
        for _ in 0..<30 { #expect(await attempt(auth, "ann@shop.test", "wrong") == "unavailable") }
        // Where a password is kept here, guesses are counted apart.
        for _ in 0..<10 { #expect(await attempt(auth, "bob@shop.test", "wrong") == "unavailable") }
        #expect(await attempt(auth, "bob@shop.test", "wrong") == "locked")
        say(.right(try await account("ann@shop.test")))
        #expect(await attempt(auth, "ann@shop.test", "right") == "ann@shop.test")
    }

    @Test func `a password that is kept here is good beside the directory, and not where that one is enforced`()
        async throws
    {
        let auth = try await ready()
        say(.refused("wrong password"))
        #expect(await attempt(auth, "bob@shop.test", "kept here") == "bob@shop.test" && asked == 0)
        told.state.withLock { $0.connection?.isEnforced = true }
        #expect(await attempt(auth, "bob@shop.test", "kept here") == "invalid")
        // Whoever must be able to repair it keeps theirs.
        #expect(await attempt(auth, "boss@shop.test", "of the boss") == "boss@shop.test")
    }

    @Test func `nobody above who set it is asked for there`() async throws {
        let auth = try await ready { $0.setBy = .admin }
        say(.right(try await account("boss@shop.test")))
        #expect(await attempt(auth, "boss@shop.test", "of the directory") == "invalid" && asked == 0)
    }

    @Test func `a revoked password is forgotten`() async throws {
        let auth = try await ready()
        let ann = try await account("ann@shop.test")
        say(.right(ann))
        try await auth.signIns.look(into: clients)
        #expect(await attempt(auth, "ann@shop.test", "right") == "ann@shop.test")
        clients.end(ann.id, nil)
        try await auth.signIns.look(into: clients)
        say(.refused("wrong password"))
        #expect(await attempt(auth, "ann@shop.test", "right") == "invalid")
    }
}
