import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@Suite struct OwnPasswordTests {
    let directory = FakeDirectory()
    let clock = ManualClock()
    let counted = CountedWork()

    private func ready(
        _ adjust: (inout PasswordRules) -> Void = { _ in }
    ) async throws -> (service: AccountService, tokens: TokenService, ann: Account) {
        var rules = PasswordRules()
        adjust(&rules)
        var work = counted.work()
        work.rules = rules
        let service = AccountService(directory: directory, passwords: work)
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        let ann = try await service.addAccount(
            try #require(EmailAddress("ann@shop.test")),
            password: "first horse",
            actor: "cli",
            now: clock.now()
        )
        let tokens = TokenService(
            sessions: directory,
            directory: directory,
            key: Ed25519PrivateKey(),
            limits: TokenLimits(issuer: "mail.example.test")
        )
        return (service, tokens, ann)
    }

    private func change(
        _ service: AccountService,
        _ ann: Account,
        to password: String,
        keeping family: String = ""
    ) async throws(AccountError) {
        try await service.changeOwnPassword(
            of: ann,
            to: password,
            keepingSession: family,
            remote: nil,
            now: clock.now()
        )
    }

    @Test func theSessionThatChangesItStaysAndTheOthersEnd() async throws {
        let (service, tokens, ann) = try await ready()
        let mine = try await tokens.issue(for: ann, now: clock.now())
        let other = try await tokens.issue(for: ann, now: clock.now())
        let here = try #require(try await tokens.session(ofAccessToken: mine.accessToken, now: clock.now()))
        try await change(service, ann, to: "second horse", keeping: here.family)
        #expect(try await tokens.account(ofAccessToken: mine.accessToken, now: clock.now()) != nil)
        #expect(try await tokens.account(ofAccessToken: other.accessToken, now: clock.now()) == nil)
        #expect(try await tokens.refresh(other.refreshToken, now: clock.now()) == nil)
        #expect(try await tokens.refresh(mine.refreshToken, now: clock.now()) != nil)
        #expect(directory.audit.map(\.action) == ["account.add", "account.password"])
    }

    @Test func earlierPasswordsMayNotComeBackForAWhile() async throws {
        let (service, _, ann) = try await ready { $0.history = 2 }
        let refused = AccountError.passwordRefused("the password was in use before")
        await #expect(throws: refused) { try await change(service, ann, to: "first horse") }
        try await change(service, ann, to: "second horse")
        await #expect(throws: refused) { try await change(service, ann, to: "first horse") }
        try await change(service, ann, to: "third horse")
        try await change(service, ann, to: "fourth horse")
        await #expect(throws: refused) { try await change(service, ann, to: "second horse") }
        try await change(service, ann, to: "first horse")
    }

    @Test func theOperatorsRulesHoldForNewPasswordsOnly() async throws {
        let (service, _, ann) = try await ready {
            $0.minimumLength = 11
            $0.isBreached = { $0 == "letmein12345" }
        }
        await #expect(throws: AccountError.passwordRefused("the password is shorter than 11 characters")) {
            try await change(service, ann, to: "ten horses")
        }
        await #expect(
            throws: AccountError.passwordRefused("the password is on a list of passwords that attackers know")
        ) {
            try await change(service, ann, to: "letmein12345")
        }
        await #expect(throws: AccountError.self) {
            _ = try await service.addAccount(
                try #require(EmailAddress("bob@shop.test")),
                password: "letmein12345",
                actor: "cli",
                now: clock.now()
            )
        }
        try await change(service, ann, to: "eleven horses")
    }

    @Test func aReusedRefreshTokenIsInTheAuditLog() async throws {
        let (_, tokens, ann) = try await ready()
        let first = try await tokens.issue(for: ann, now: clock.now())
        let thief = SessionOrigin(device: "x", remote: IPAddress("192.0.2.66"))
        #expect(try await tokens.refresh(first.refreshToken, now: clock.now()) != nil)
        #expect(try await tokens.refresh(first.refreshToken, from: thief, now: clock.now()) == nil)
        let event = try #require(directory.audit.last)
        #expect(event.action == "session.reuse" && event.remote == IPAddress("192.0.2.66"))
    }

    @Test func aDeviceIsCutAndCleaned() {
        let origin = SessionOrigin(device: "Mail\r\nX: y" + String(repeating: "ü", count: 200))
        #expect(origin.device.utf8.count <= 203 && origin.device.utf8.allSatisfy { $0 >= 32 })
        #expect(origin.device.utf8.starts(with: "Mail  X: y".utf8))
    }
}
