import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@Suite("Policies of organisations for signing in") struct SignInPolicyTests {
    let directory = FakeDirectory()
    let store = FakeCredentials()
    let clock = ManualClock()
    let counted = CountedWork()
    private let organisation = OrganisationID(1)

    private func accounts(_ adjust: (inout PasswordRules) -> Void = { _ in }) async throws -> AccountService {
        var work = counted.work()
        adjust(&work.rules)
        _ = try await directory.addOrganisation(name: "Shop")
        _ = try await directory.addDomain("shop.test", organisation: organisation, keys: [])
        return AccountService(directory: directory, passwords: work)
    }

    private func add(_ service: AccountService, _ password: String) async throws(AccountError) -> Account {
        try await service.addAccount(
            EmailAddress(uncheckedLocalPart: "ann", domain: "shop.test"),
            password: password,
            actor: "cli",
            now: clock.now()
        )
    }

    struct Strictness: Sendable {
        var platform: Int
        var policy: Int?
        var inForce: Int
    }

    @Test(
        "The stricter of platform and policy is in force",
        arguments: [
            Strictness(platform: 10, policy: nil, inForce: 10), Strictness(platform: 10, policy: 12, inForce: 12),
            Strictness(platform: 16, policy: 12, inForce: 16), Strictness(platform: 8, policy: 0, inForce: 8),
        ]
    )
    func strictness(_ row: Strictness) {
        var rules = PasswordRules()
        (rules.minimumLength, rules.history) = (row.platform, row.platform)
        let inForce = rules.under(SignInPolicy(minimumLength: row.policy, history: row.policy))
        #expect(inForce.minimumLength == row.inForce && inForce.history == row.inForce)
    }

    @Test func `the list is asked when either says so and there is one`() {
        var rules = PasswordRules()
        #expect(!rules.under(SignInPolicy(asksBreachedList: true)).asksBreachedList)
        rules.isBreached = { _ in true }
        #expect(rules.under(SignInPolicy()).asksBreachedList)
        rules.asksBreachedList = false
        #expect(!rules.under(SignInPolicy()).asksBreachedList)
        #expect(rules.under(SignInPolicy(asksBreachedList: true)).asksBreachedList)
    }

    @Test func `a new account's password goes by the policy of the domain's organisation`() async throws {
        let service = try await accounts {
            $0.isBreached = { $0 == "letmein12345" }
            $0.asksBreachedList = false
        }
        directory.setSignInPolicy(SignInPolicy(minimumLength: 12), of: organisation)
        await #expect(throws: AccountError.passwordRefused("the password is shorter than 12 characters")) {
            _ = try await add(service, "eleven char")
        }
        directory.setSignInPolicy(SignInPolicy(minimumLength: 12, asksBreachedList: true), of: organisation)
        await #expect(
            throws: AccountError.passwordRefused("the password is on a list of passwords that attackers know")
        ) { _ = try await add(service, "letmein12345") }
        directory.setSignInPolicy(SignInPolicy(minimumLength: 12), of: organisation)
        _ = try await add(service, "letmein12345")
    }

    @Test func `as many earlier passwords are refused as the policy says`() async throws {
        let service = try await accounts { $0.history = 1 }
        let ann = try await add(service, "horse number 0")
        directory.setSignInPolicy(SignInPolicy(history: 3), of: organisation)
        func change(_ number: Int) async throws(AccountError) {
            try await service.changeOwnPassword(
                of: ann,
                to: "horse number \(number)",
                keepingSession: "",
                remote: nil,
                now: clock.now()
            )
        }
        for number in 1...3 { try await change(number) }
        for number in 0...3 {
            await #expect(throws: AccountError.passwordRefused("the password was in use before")) {
                try await change(number)
            }
        }
        directory.setSignInPolicy(SignInPolicy(), of: organisation)
        try await change(1)
    }

    // MARK: - Who sets it

    @Test func `a policy is never weaker than the platform and belongs to its organisation's managers`() async throws {
        let service = try await accounts {
            $0.minimumLength = 10
            $0.history = 4
        }
        let owner = try await add(service, "first horse")
        let people = PeopleService(
            store: FakePeople(directory),
            directory: directory,
            permissions: FakeDomainPermissions()
        )
        func change(
            as role: Role,
            in place: OrganisationID,
            _ adjust: (inout SignInPolicyChange) -> Void
        ) async throws(AccountError) -> SignInPolicyRecord {
            var (account, change) = (owner, SignInPolicyChange())
            (account.role, account.organisation) = (role, place)
            adjust(&change)
            return try await people.changeSignInPolicy(
                of: organisation,
                change,
                beyond: service.platformRules,
                by: PeopleActor(account, remote: nil),
                now: clock.now()
            )
        }
        func field(_ adjust: (inout SignInPolicyChange) -> Void) async -> String? {
            do {
                _ = try await change(as: .owner, in: organisation, adjust)
                return nil
            } catch {
                guard case AccountError.fieldRefused(let name, _) = error else { return "another error" }
                return name
            }
        }
        #expect(await field { $0.minimumLength = .at(9) } == "minimum_length")
        #expect(await field { $0.minimumLength = .at(129) } == "minimum_length")
        #expect(await field { $0.history = .at(3) } == "history")
        #expect(await field { $0.history = .at(25) } == "history")
        #expect(await field { $0.asksBreachedList = true } == "breached_list")
        #expect(await field { $0.history = .at(24) } == nil)
        await #expect(throws: AccountError.notAllowed("Your role does not allow this.")) {
            _ = try await change(as: .member, in: organisation) { $0.needsSecondFactor = true }
        }
        await #expect(throws: AccountError.store(.notFound)) {
            _ = try await change(as: .owner, in: OrganisationID(2)) { $0.needsSecondFactor = true }
        }
        let made = try await change(as: .admin, in: organisation) { $0.needsSecondFactor = true }
        #expect(made.version == 2 && made.policy == SignInPolicy(history: 24, needsSecondFactor: true))
    }

    // MARK: - Second factors

    private func word(_ auth: AccountAuthenticator, _ service: String) async -> String {
        switch await auth.authenticate(
            user: "ann@shop.test",
            password: "first horse",
            remote: nil,
            service: service,
            now: clock.now()
        ) {
        case .success: "success"
        case .enrolmentNeeded: "enrolment"
        case .secondFactorNeeded: "second factor"
        case .appPasswordNeeded: "app password"
        case .providerNeeded: "provider"
        case .invalid: "invalid"
        case .lockedOut: "locked out"
        case .unavailable: "unavailable"
        }
    }

    @Test func `the password alone signs in to nothing where a factor is demanded`() async throws {
        let ann = try await add(try await accounts(), "first horse")
        let auth = AccountAuthenticator(
            directory: directory,
            credentials: store,
            limiter: FakeLimiter(),
            passwords: counted.work()
        )
        #expect(await word(auth, "http") == "success")
        #expect(await word(auth, "imap") == "success")
        store.demandFactor(of: ann.id)
        #expect(await word(auth, "http") == "enrolment")
        #expect(await word(auth, "imap") == "app password")
        #expect(await word(auth, "smtp") == "app password")
        try await store.beginSecondFactor(of: ann.id, sealedSecret: [1])
        #expect(await word(auth, "http") == "enrolment")
        let enrolled = AuditEvent(at: clock.now(), actor: "ann", action: "second_factor.enable", subject: "ann")
        try await store.confirmSecondFactor(of: ann.id, sealedSecret: [1], step: 1, recoveryHashes: [], audit: enrolled)
        #expect(await word(auth, "http") == "second factor")
        #expect(await word(auth, "imap") == "app password")
    }

    @Test func `a limited session speaks for nobody but at the routes that ask for it`() async throws {
        let ann = try await add(try await accounts(), "first horse")
        let tokens = TokenService(
            sessions: directory,
            directory: directory,
            key: Ed25519PrivateKey(),
            limits: TokenLimits(issuer: "mail.example.test")
        )
        let pair = try await tokens.issue(for: ann, now: clock.now())
        #expect(!pair.isLimited)
        directory.limit(ann.id)
        #expect(try await tokens.account(ofAccessToken: pair.accessToken, now: clock.now()) == nil)
        #expect(try await tokens.session(ofAccessToken: pair.accessToken, now: clock.now()) == nil)
        #expect(try await tokens.bearer(ofAccessToken: pair.accessToken, now: clock.now())?.isLimited == true)
        let fresh = try #require(try await tokens.refresh(pair.refreshToken, now: clock.now()))
        #expect(fresh.isLimited)
        directory.limit(ann.id, false)
        #expect(try await tokens.account(ofAccessToken: fresh.accessToken, now: clock.now()) == ann)
    }
}
