import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@Suite struct TokenServiceTests {
    let directory = FakeDirectory()
    let clock = ManualClock()
    let key = Ed25519PrivateKey()

    private func service(issuer: String = "mail.example.test") -> TokenService {
        TokenService(sessions: directory, directory: directory, key: key, limits: TokenLimits(issuer: issuer))
    }

    private func account(_ role: Role = .admin) async throws -> Account {
        try await directory.addAccount(
            NewAccount(
                organisation: OrganisationID(7),
                address: try #require(EmailAddress("ann@shop.test")),
                role: role,
                passwordHash: "-"
            )
        )
    }

    @Test func anAccessTokenSaysWhoAndExpires() async throws {
        let tokens = service()
        let ann = try await account()
        let pair = try await tokens.issue(for: ann, now: clock.now())
        let claims = try #require(tokens.verify(pair.accessToken, now: clock.now()))
        #expect(claims.account == ann.id && claims.role == .admin && claims.organisation == OrganisationID(7))
        #expect(claims.issuer == "mail.example.test" && claims.audience == "oonrumail")
        #expect(try await tokens.account(ofAccessToken: pair.accessToken, now: clock.now()) == ann)
        clock.advance(seconds: 599)
        #expect(tokens.verify(pair.accessToken, now: clock.now()) != nil)
        clock.advance(seconds: 1)
        #expect(tokens.verify(pair.accessToken, now: clock.now()) == nil)
    }

    @Test func onlyTokensOfThisKeyAndIssuerAreTaken() async throws {
        let tokens = service()
        let token = try await tokens.issue(for: try await account(), now: clock.now()).accessToken
        let other = TokenService(
            sessions: directory,
            directory: directory,
            key: Ed25519PrivateKey(),
            limits: TokenLimits(issuer: "mail.example.test")
        )
        #expect(other.verify(token, now: clock.now()) == nil)
        #expect(service(issuer: "other.test").verify(token, now: clock.now()) == nil)
        #expect(tokens.verify(token, now: clock.now().adding(seconds: -31)) == nil)
        let parts = token.split(separator: ".").map(String.init)
        let none = Base64URL.encode(Array(#"{"alg":"none"}"#.utf8))
        for forged in [
            "", "nonsense", "..", "\(parts[0]).\(parts[1]).", "\(none).\(parts[1]).", "\(none).\(parts[1]).\(parts[2])",
            "\(parts[0]).\(Base64URL.encode(Array("{}".utf8))).\(parts[2])", token + ".", token + "=", token + "\n",
        ] { #expect(tokens.verify(forged, now: clock.now()) == nil) }
    }

    @Test(
        "a signed payload of another form is refused",
        arguments: [
            "{}", "[]", "{\"iss\":1}", "{\"iss\":\"a\",\"iss\":\"b\"}", "{\"iss\":\"a\",}", "{\"iss\" :\"a\"}",
            "{\"iss\":\"a\\\"\"}", "{", "", "{\"exp\":-1}",
        ]
    )
    func otherPayload(text: String) {
        let keyID = Base64URL.encode(Array(SHA256.hash(key.publicKey)[..<9]))
        let token = CompactJWS(key: key, keyID: keyID).sign(Array(text.utf8))
        #expect(service().verify(token, now: clock.now()) == nil)
    }

    @Test func refreshTokensRotateAndReuseEndsTheFamily() async throws {
        let tokens = service()
        let first = try await tokens.issue(for: try await account(), now: clock.now())
        let second = try #require(try await tokens.refresh(first.refreshToken, now: clock.now()))
        #expect(try await tokens.account(ofAccessToken: second.accessToken, now: clock.now()) != nil)
        #expect(try await tokens.refresh(first.refreshToken, now: clock.now()) == nil)
        #expect(try await tokens.refresh(second.refreshToken, now: clock.now()) == nil)
        #expect(try await tokens.account(ofAccessToken: second.accessToken, now: clock.now()) == nil)
    }

    @Test func aRefreshTokenCannotBeMadeUp() async throws {
        let tokens = service()
        let real = try await tokens.issue(for: try await account(), now: clock.now()).refreshToken
        let parts = real.split(separator: ".").map(String.init)
        for forged in [
            "", "a.b.c", "\(parts[0]).2.\(parts[2])", "\(parts[0]).1.\(Base64URL.encode(SecureRandom.bytes(32)))",
            real + "x",
        ] {
            #expect(try await tokens.refresh(forged, now: clock.now()) == nil)
        }
        #expect(try await tokens.refresh(real, now: clock.now()) != nil)
    }

    @Test func signingOutAndExpiryEndASession() async throws {
        let tokens = service()
        let ann = try await account()
        let pair = try await tokens.issue(for: ann, now: clock.now())
        try await tokens.revoke(refreshToken: pair.refreshToken, remote: nil, now: clock.now())
        #expect(directory.audit.last.map { "\($0.action) \($0.subject)" } == "sign_out \(ann.primaryAddress)")
        #expect(try await tokens.refresh(pair.refreshToken, now: clock.now()) == nil)
        #expect(try await tokens.account(ofAccessToken: pair.accessToken, now: clock.now()) == nil)
        let late = try await tokens.issue(for: ann, now: clock.now())
        clock.advance(seconds: 2_592_001)
        #expect(try await tokens.refresh(late.refreshToken, now: clock.now()) == nil)
    }

    @Test func aSuspendedAccountRefreshesNothing() async throws {
        let tokens = service()
        let ann = try await account()
        let pair = try await tokens.issue(for: ann, now: clock.now())
        try await directory.setAccountStatus(ann.id, .suspended)
        #expect(try await tokens.account(ofAccessToken: pair.accessToken, now: clock.now()) == nil)
        #expect(try await tokens.refresh(pair.refreshToken, now: clock.now()) == nil)
        try await directory.setAccountStatus(ann.id, .active)
        #expect(try await tokens.refresh(pair.refreshToken, now: clock.now()) == nil)
    }
}
