import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Synchronization
import Telemetry
import Testing

@testable import Accounts

/// Notes mail, or refuses it.
private final class Post: NoticeSending {
    private let state = Mutex<(sent: [PlatformNotice], failure: StoreError?)>(([], nil))
    var sent: [PlatformNotice] { state.withLock { $0.sent } }
    func fail(with error: StoreError?) { state.withLock { $0.failure = error } }
    func send(_ notice: PlatformNotice, now: Timestamp) async throws(StoreError) {
        let failure = state.withLock { state in
            if state.failure == nil { state.sent.append(notice) }
            return state.failure
        }
        if let failure { throw failure }
    }
}

@Suite struct ActingTests {
    private let directory = FakeDirectory()
    private let clock = ManualClock()
    private let key = Ed25519PrivateKey()
    private let post = Post()

    private func tokens(_ policy: ActingPolicy = .administrators) -> TokenService {
        var limits = TokenLimits(issuer: "mail.example.test")
        limits.acting = policy
        return TokenService(sessions: directory, directory: directory, key: key, limits: limits)
    }

    private func service(_ policy: ActingPolicy = .administrators) -> ActingService {
        let people = PeopleService(
            store: FakePeople(directory),
            directory: directory,
            permissions: FakeDomainPermissions()
        )
        return ActingService(people: people, tokens: tokens(policy), notices: post)
    }

    private func account(_ address: String, _ role: Role = .member, in organisation: Int64 = 1) async throws -> Account
    {
        try await directory.addAccount(
            NewAccount(
                organisation: OrganisationID(organisation),
                address: try #require(EmailAddress(address)),
                role: role,
                passwordHash: "-"
            )
        )
    }

    private func give(_ role: Role, to account: Account) async throws {
        _ = try await FakePeople(directory).take(
            .change(displayName: nil, role: role, profile: ProfileChange()),
            on: account.id,
            upTo: .platformAdmin,
            audit: AuditEvent(at: clock.now(), actor: "cli", action: "account.change", subject: "")
        )
    }

    private func signedIn(_ account: Account) async throws -> SignedIn {
        let pair = try await tokens().issue(for: account, now: clock.now())
        return try #require(try await tokens().session(ofAccessToken: pair.accessToken, now: clock.now()))
    }

    private func begin(
        _ account: Account,
        by administrator: SignedIn,
        _ policy: ActingPolicy = .administrators,
        reason: String = "A folder is gone"
    ) async throws(AccountError) -> ActingToken {
        let origin = SessionOrigin(device: "Desk/1", remote: IPAddress("192.0.2.1"))
        return try await service(policy).begin(
            as: account.id,
            reason: reason,
            by: administrator,
            from: origin,
            now: clock.now()
        )
    }

    private func bearer(_ token: ActingToken, _ policy: ActingPolicy = .administrators) async throws -> SignedIn? {
        try await tokens(policy).bearer(ofAccessToken: token.text, now: clock.now())
    }

    // MARK: - Tokens

    @Test func aTokenIsTheAccountsAndNamesWhoActs() async throws {
        let (ann, boss) = (try await account("ann@shop.test"), try await account("boss@shop.test", .owner))
        let administrator = try await signedIn(boss)
        let token = try await begin(ann, by: administrator)
        let claims = try #require(tokens().verify(token.text, now: clock.now()))
        #expect(claims.account == ann.id && claims.role == .member)
        #expect(claims.actor == AccessClaims.Actor(boss.id, email: "boss@shop.test"))
        let payload = try #require(Base64URL.decode(Array(token.text.utf8).split(separator: 46)[1]))
        #expect(
            String(decoding: payload, as: UTF8.self)
                .hasSuffix(#","act":{"sub":"\#(boss.id)","email":"boss@shop.test"}}"#)
        )
        let found = try #require(try await bearer(token))
        #expect(found.account == ann && found.actor == boss && !found.isLimited)
        clock.advance(seconds: TokenLimits.actingSeconds - 1)
        #expect(try await bearer(token) != nil)
        clock.advance(seconds: 1)
        #expect(try await bearer(token) == nil)
    }

    @Test func whoeverDoesNotAskOfActingRefusesIt() async throws {
        let ann = try await account("ann@shop.test")
        let token = try await begin(ann, by: try await signedIn(try await account("boss@shop.test", .owner)))
        #expect(try await tokens().session(ofAccessToken: token.text, now: clock.now()) == nil)
        #expect(try await tokens().account(ofAccessToken: token.text, now: clock.now()) == nil)
        #expect(try await tokens().refresh(token.text, now: clock.now()) == nil)
    }

    @Test(arguments: [
        #""act":{}"#, #""act":{"sub":"x"}"#, #""act":{"sub":7}"#, #""act":"7""#, #""act":7"#,
        #""act":{"sub":"7","act":{"sub":"8"}}"#, #""act":{"sub":"7"},"act":{"sub":"8"}"#, #""act":{"sub":"7""#,
    ])
    func anActClaimThatIsNotUnderstoodIsNobodysToken(_ claim: String) {
        func payload(_ more: String) -> [UInt8] {
            Array(
                """
                {"iss":"m","sub":"1","aud":"a","exp":9,"iat":1,"jti":"j","family":"f","role":"member","org":"1"\(more)}
                """.utf8
            )
        }
        #expect(AccessClaims(payload: payload("")) != nil)
        #expect(AccessClaims(payload: payload(#","act":{"sub":"7"}"#))?.actor?.account == AccountID(7))
        #expect(AccessClaims(payload: payload("," + claim)) == nil)
    }

    @Test func anAddressThatATextWouldEscapeIsLeftOut() {
        for address in ["\"a b\"@shop.test", "a\\b@shop.test", "a\nb@shop.test"] {
            #expect(AccessClaims.Actor(AccountID(1), email: address).email == nil)
        }
        #expect(AccessClaims.Actor(AccountID(1), email: "a{}'b@shop.test").email == "a{}'b@shop.test")
    }

    // MARK: - Who may

    private struct Case: Sendable {
        var policy: ActingPolicy
        var actor: (role: Role, organisation: Int64)
        var account: (role: Role, organisation: Int64)
        var isAllowed: Bool
        init(_ policy: ActingPolicy, _ actor: Role, _ own: Int64, _ account: Role, _ theirs: Int64, _ allowed: Bool) {
            (self.policy, self.actor, self.account) = (policy, (actor, own), (account, theirs))
            isAllowed = allowed
        }
    }

    private static let cases = [
        Case(.off, .platformAdmin, 1, .member, 1, false),
        Case(.operators, .platformAdmin, 1, .member, 2, true),
        Case(.operators, .platformAdmin, 1, .platformAdmin, 1, true),
        Case(.operators, .owner, 1, .member, 1, false),
        Case(.operators, .admin, 1, .member, 1, false),
        Case(.administrators, .platformAdmin, 1, .owner, 2, true),
        Case(.administrators, .owner, 1, .owner, 1, true),
        Case(.administrators, .owner, 1, .member, 2, false),
        Case(.administrators, .owner, 1, .platformAdmin, 1, false),
        Case(.administrators, .admin, 1, .admin, 1, true),
        Case(.administrators, .admin, 1, .owner, 1, false),
        Case(.administrators, .member, 1, .member, 1, false),
    ]

    @Test(arguments: cases) private func whoMayActAsWhom(_ one: Case) async throws {
        let account = try await account("ann@shop.test", one.account.role, in: one.account.organisation)
        let actor = try await self.account("boss@shop.test", one.actor.role, in: one.actor.organisation)
        #expect(one.policy.allows(actor, as: account) == one.isAllowed)
        let administrator = try await signedIn(actor)
        guard one.isAllowed else {
            await #expect(throws: AccountError.self) { try await begin(account, by: administrator, one.policy) }
            #expect(post.sent.isEmpty && directory.audit.isEmpty)
            return
        }
        #expect(try await begin(account, by: administrator, one.policy).session.account == account.id)
    }

    @Test func refusalsSayWhy() async throws {
        let (ann, boss) = (try await account("ann@shop.test"), try await account("boss@shop.test", .owner))
        let administrator = try await signedIn(boss)
        await #expect(throws: AccountError.notAllowed("This is your own account: nobody acts as themselves.")) {
            try await begin(boss, by: administrator)
        }
        for reason in ["", "a\nb", String(repeating: "x", count: 201)] {
            await #expect(throws: AccountError.self) { try await begin(ann, by: administrator, reason: reason) }
        }
        try await directory.setAccountStatus(ann.id, .suspended)
        await #expect(throws: AccountError.fieldTaken("status", "The account is suspended: nobody acts as it.")) {
            try await begin(ann, by: administrator)
        }
        #expect(post.sent.isEmpty && directory.audit.isEmpty)
    }

    @Test func whoeverActsActsAsNobodyElse() async throws {
        let boss = try await account("boss@shop.test", .owner)
        let (ann, bob) = (try await account("ann@shop.test", .admin), try await account("bob@shop.test"))
        let token = try await begin(ann, by: try await signedIn(boss))
        let acting = try #require(try await bearer(token))
        await #expect(throws: AccountError.notAllowed("Whoever acts as another acts as nobody else.")) {
            try await begin(bob, by: acting)
        }
    }

    // MARK: - What is told

    @Test func theAccountIsToldWhoAndWhy() async throws {
        let ann = try await account("ann@shop.test")
        let token = try await begin(ann, by: try await signedIn(try await account("boss@shop.test", .owner)))
        let mail = try #require(post.sent.first)
        #expect(mail.recipient == ann.primaryAddress && mail.domain == "shop.test" && post.sent.count == 1)
        #expect(mail.text.contains("boss@shop.test") && mail.text.contains("A folder is gone"))
        let line = try #require(directory.audit.last)
        #expect(line.action == "account.act" && line.actor == "boss@shop.test" && line.subject == "ann@shop.test")
        #expect(
            line.detail == #"{"reason":"A folder is gone","session":"\#(token.session.family)","seconds":900}"#
        )
        let shown = try #require(try await tokens().sessions(of: ann.id, now: clock.now()).first)
        #expect(shown.family == token.session.family && shown.actor == token.session.actor)
    }

    @Test func nobodyActsAsAnAccountThatCannotBeTold() async throws {
        let ann = try await account("ann@shop.test")
        let administrator = try await signedIn(try await account("boss@shop.test", .owner))
        for failure in [StoreError.refused("the address takes no mail"), .unavailable(reportID: "1")] {
            post.fail(with: failure)
            await #expect(throws: AccountError.self) { try await begin(ann, by: administrator) }
            #expect(try await tokens().sessions(of: ann.id, now: clock.now()).isEmpty)
        }
    }

    @Test func linesOfTheTrailNameBoth() async throws {
        let party = ActingParty(actor: "boss@shop.test", account: "ann@shop.test")
        let event = ActingParty.$current.withValue(party) {
            AuditEvent(at: clock.now(), actor: "ann@shop.test", action: "account.change", subject: "ann@shop.test")
        }
        #expect(event.attributed.actor == "boss@shop.test" && event.attributed.detail == #"{"as":"ann@shop.test"}"#)
        var other = event
        other.detail = #"{"name":"x"}"#
        #expect(other.attributed.detail == #"{"as":"ann@shop.test","name":"x"}"#)
        // A mark behind the brace is one `Character` with it, and two octets of its own.
        other.detail = "{\u{301}\"name\":\"x\"}"
        #expect(Array(other.attributed.detail.utf8).starts(with: "{\"as\":\"ann@shop.test\",\u{301}\"name\"".utf8))
        let own = AuditEvent(at: clock.now(), actor: "a", action: "b", subject: "c")
        #expect(own.attributed.actor == "a" && own.attributed.detail == "{}")
    }

    // MARK: - Its end

    @Test func bothEndIt() async throws {
        let (ann, boss) = (try await account("ann@shop.test"), try await account("boss@shop.test", .owner))
        let administrator = try await signedIn(boss)
        let first = try await begin(ann, by: administrator)
        let second = try await begin(ann, by: administrator)
        #expect(try await bearer(first) == nil)
        #expect(try await service().end(as: ann.id, by: boss, remote: nil, now: clock.now()) == 1)
        #expect(try await bearer(second) == nil && directory.audit.last?.action == "account.act_end")
        #expect(try await service().end(as: ann.id, by: boss, remote: nil, now: clock.now()) == 0)
        let third = try await begin(ann, by: administrator)
        try await tokens().revokeSession(third.session.family, of: ann, remote: nil, now: clock.now())
        #expect(try await bearer(third) == nil)
    }

    @Test func itEndsWithItsActorsSession() async throws {
        let (ann, boss) = (try await account("ann@shop.test"), try await account("boss@shop.test", .owner))
        let administrator = try await signedIn(boss)
        let token = try await begin(ann, by: administrator)
        try await tokens().revokeSession(administrator.family, of: boss, remote: nil, now: clock.now())
        #expect(try await bearer(token) == nil)
        #expect(try await tokens().sessions(of: ann.id, now: clock.now()).isEmpty)
    }

    @Test func whatTheActorMayIsAskedAtEachUse() async throws {
        let (ann, boss) = (try await account("ann@shop.test"), try await account("boss@shop.test", .admin))
        let token = try await begin(ann, by: try await signedIn(boss))
        #expect(try await bearer(token, .operators) == nil)
        try await give(.member, to: boss)
        #expect(try await bearer(token) == nil)
        #expect(try await tokens().sessions(of: ann.id, now: clock.now()).isEmpty)
        try await give(.admin, to: boss)
        #expect(try await bearer(token) != nil)
        try await give(.owner, to: ann)
        #expect(try await bearer(token) == nil)
        try await give(.member, to: ann)
        try await directory.setAccountStatus(boss.id, .suspended)
        #expect(try await bearer(token) == nil)
    }
}
