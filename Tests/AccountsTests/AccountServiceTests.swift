import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

struct FakeDomains: DomainAdministration {
    let directory: FakeDirectory
    func addDomain(
        _ name: String,
        organisation: OrganisationID,
        actor: String,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(StoreError) -> HostedDomain {
        try await directory.addDomain(
            name,
            organisation: organisation,
            keys: [],
            audit: AuditEvent(at: now, actor: actor, action: "domain.add", subject: name, remote: remote)
        )
    }
    func records(of domain: String) async throws(StoreError) -> [PublishedRecord] { [] }
    func zoneFile(of domain: String) async throws(StoreError) -> String { "" }
}

struct PasswordRow: Sendable, CustomTestStringConvertible {
    let name: String
    let password: String
    let isTaken: Bool
    init(_ name: String, _ password: String, _ isTaken: Bool) {
        (self.name, self.password, self.isTaken) = (name, password, isTaken)
    }
    var testDescription: String { name }
}

@Suite struct AccountServiceTests {
    let directory = FakeDirectory()
    let clock = ManualClock()
    let counted = CountedWork()
    var service: AccountService {
        AccountService(directory: directory, passwords: counted.work(), defaultQuota: 1_000)
    }
    let ann = EmailAddress(uncheckedLocalPart: "ann", domain: "shop.test")

    @Test func theFirstStartMakesEverythingOnce() async throws {
        let domains = FakeDomains(directory: directory)
        #expect(try await service.isFirstStart())
        let made = try await service.bootstrap(
            admin: ann,
            password: "correct horse",
            domains: domains,
            now: clock.now()
        )
        #expect(made?.role == .platformAdmin)
        #expect(try await directory.domain(named: "shop.test") != nil)
        #expect(
            try await service.bootstrap(admin: ann, password: "other horse", domains: domains, now: clock.now()) == nil
        )
        #expect(try await directory.organisations().count == 1)
        #expect(try await !service.isFirstStart())
    }

    @Test func aStartCutShortIsPickedUp() async throws {
        _ = try await directory.addOrganisation(name: "shop.test")
        let made = try await service.bootstrap(
            admin: ann,
            password: "correct horse",
            domains: FakeDomains(directory: directory),
            now: clock.now()
        )
        #expect(made != nil)
        #expect(try await directory.organisations().count == 1)
    }

    @Test func accountsBelongToTheOrganisationOfTheirDomain() async throws {
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(9), keys: [])
        let made = try await service.addAccount(ann, password: "correct horse", actor: "cli", now: clock.now())
        #expect(made.organisation == OrganisationID(9) && made.quotaBytes == 1_000 && made.role == .member)
        #expect(directory.audit.map(\.action) == ["account.add"])
        await #expect(throws: AccountError.addressTaken(ann)) {
            try await service.addAccount(ann, password: "correct horse", actor: "cli", now: clock.now())
        }
        let elsewhere = try #require(EmailAddress("ann@elsewhere.test"))
        await #expect(throws: AccountError.domainNotHosted("elsewhere.test")) {
            try await service.addAccount(elsewhere, password: "correct horse", actor: "cli", now: clock.now())
        }
    }

    @Test(
        "passwords",
        arguments: [
            PasswordRow("eight characters", "12345678", true), PasswordRow("seven", "1234567", false),
            PasswordRow("empty", "", false),
            PasswordRow("seven of two octets", "ééééééé", false), PasswordRow("NUL", "12345678\u{0}", false),
            PasswordRow("the address", "ann@shop.test", false),
            PasswordRow("1024 octets", String(repeating: "x", count: 1_024), true),
            PasswordRow("1025", String(repeating: "x", count: 1_025), false),
        ]
    )
    func passwords(row: PasswordRow) {
        #expect((PasswordPolicy.objection(to: row.password, address: "ann@shop.test") == nil) == row.isTaken)
        #expect(PasswordPolicy.objection(to: row.password, address: "ann@shop.test")?.contains("ann@") != true)
    }

    @Test func aNewPasswordEndsTheSessions() async throws {
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        let account = try await service.addAccount(ann, password: "correct horse", actor: "cli", now: clock.now())
        let tokens = TokenService(
            sessions: directory,
            directory: directory,
            key: Ed25519PrivateKey(),
            limits: TokenLimits(issuer: "m.test")
        )
        let pair = try await tokens.issue(for: account, now: clock.now())
        try await service.setPassword(ann, password: "better horse", actor: "cli", now: clock.now())
        #expect(try await tokens.refresh(pair.refreshToken, now: clock.now()) == nil)
        let nobody = try #require(EmailAddress("nobody@shop.test"))
        await #expect(throws: AccountError.noSuchAccount(nobody)) {
            try await service.setPassword(nobody, password: "better horse", actor: "cli", now: clock.now())
        }
    }
}
