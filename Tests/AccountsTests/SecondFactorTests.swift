import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@Suite struct SecondFactorTests {
    let directory = FakeDirectory()
    let store = FakeCredentials()
    let limiter = FakeLimiter()
    let clock = ManualClock()
    let counted = CountedWork()

    private struct House {
        var service: SecondFactorService
        var auth: AccountAuthenticator
        var tokens: TokenService
        var ann: Account
    }

    private func ready() async throws -> House {
        let work = counted.work()
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        let ann = try await directory.addAccount(
            NewAccount(
                organisation: OrganisationID(1),
                address: try #require(EmailAddress("ann@shop.test")),
                passwordHash: try await work.hash("correct horse")
            )
        )
        let tokens = TokenService(
            sessions: directory,
            directory: directory,
            key: Ed25519PrivateKey(),
            limits: TokenLimits(issuer: "mail.example.test")
        )
        var limits = SecondFactorLimits()
        limits.failures = 3
        return House(
            service: SecondFactorService(
                store: store,
                directory: directory,
                limiter: limiter,
                tokens: tokens,
                masterKey: try #require(MasterKey(MasterKey.random())),
                issuer: "mail.example.test",
                limits: limits
            ),
            auth: AccountAuthenticator(
                directory: directory,
                credentials: store,
                limiter: limiter,
                passwords: work
            ),
            tokens: tokens,
            ann: ann
        )
    }

    private static func bytes(_ base32: String) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
        var (bits, count, bytes) = (0, 0, [UInt8]())
        for letter in base32.utf8 {
            bits = (bits << 5 | (alphabet.firstIndex(of: letter) ?? 0)) & 0xFFFF
            count += 5
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes
    }

    private func code(_ secret: [UInt8], steps: Int64 = 0) -> String {
        TOTP.code(secret, step: TOTP.step(at: clock.now().seconds) + steps)
    }

    private func enrolled(_ house: House) async throws -> (secret: [UInt8], recovery: [String]) {
        let secret = Self.bytes(try await house.service.begin(house.ann).secret)
        let codes = try await house.service.confirm(
            house.ann,
            code: code(secret, steps: -1),
            remote: nil,
            now: clock.now()
        )
        return (secret, codes)
    }

    private func word(_ outcome: SecondFactorOutcome) -> String {
        switch outcome {
        case .passed(let account): account.primaryAddress.description
        case .wrongCode: "wrong"
        case .lockedOut: "locked"
        case .noChallenge: "no challenge"
        }
    }

    private func complete(_ house: House, _ challenge: String, _ code: String) async throws -> String {
        word(try await house.service.complete(challenge: challenge, code: code, remote: nil, now: clock.now()))
    }

    @Test func anUnconfirmedSecretAsksNothing() async throws {
        let house = try await ready()
        let made = try await house.service.begin(house.ann)
        #expect(
            made.uri == "otpauth://totp/mail.example.test:ann%40shop.test?secret=\(made.secret)"
                + "&issuer=mail.example.test&algorithm=SHA1&digits=6&period=30"
        )
        #expect(Self.bytes(made.secret).count == 20)
        let outcome = await house.auth.authenticate(
            user: "ann@shop.test",
            password: "correct horse",
            remote: nil,
            service: "http",
            now: clock.now()
        )
        guard case .success = outcome else {
            Issue.record("\(outcome)")
            return
        }
        await #expect(throws: AccountError.store(.refused("the code is wrong"))) {
            try await house.service.confirm(house.ann, code: "000000", remote: nil, now: clock.now())
        }
        #expect(try await store.secondFactor(of: house.ann.id)?.isConfirmed == false)
        let sealed = try #require(try await store.secondFactor(of: house.ann.id)?.sealedSecret)
        #expect(sealed.count > 20 && !sealed.starts(with: Self.bytes(made.secret)))
    }

    @Test func aCodeIsTakenOnce() async throws {
        let house = try await ready()
        let (secret, recovery) = try await enrolled(house)
        #expect(recovery.count == 10 && Set(recovery).count == 10)
        let challenge = house.service.challenge(house.ann, now: clock.now())
        // The one that enrolment took.
        #expect(try await complete(house, challenge, code(secret, steps: -1)) == "wrong")
        #expect(try await complete(house, challenge, code(secret)) == "ann@shop.test")
        #expect(try await complete(house, challenge, code(secret)) == "wrong")
        // Later ones are good, earlier ones are not any more.
        #expect(try await complete(house, challenge, code(secret, steps: 1)) == "ann@shop.test")
        #expect(try await complete(house, challenge, code(secret, steps: 2)) == "wrong")
        #expect(directory.audit.map(\.action).contains("second_factor.refused"))
    }

    @Test func ofManyAtOnceOneSignsIn() async throws {
        let house = try await ready()
        let (secret, _) = try await enrolled(house)
        let challenge = house.service.challenge(house.ann, now: clock.now())
        let present = code(secret)
        let words = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<3 { group.addTask { try await complete(house, challenge, present) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(words.count { $0 == "ann@shop.test" } == 1)
    }

    @Test func aRecoveryCodeIsGoodOnceHoweverItIsTyped() async throws {
        let house = try await ready()
        let (_, recovery) = try await enrolled(house)
        let challenge = house.service.challenge(house.ann, now: clock.now())
        #expect(try await complete(house, challenge, recovery[0].uppercased()) == "ann@shop.test")
        #expect(try await complete(house, challenge, recovery[0]) == "wrong")
        #expect(try await house.service.state(of: house.ann.id).recoveryCodesLeft == 9)
        let renewed = try await house.service.renewRecoveryCodes(house.ann, remote: nil, now: clock.now())
        #expect(try await complete(house, challenge, recovery[1]) == "wrong")
        #expect(try await complete(house, challenge, renewed[1]) == "ann@shop.test")
    }

    @Test func guessingEnds() async throws {
        let house = try await ready()
        let (secret, recovery) = try await enrolled(house)
        let challenge = house.service.challenge(house.ann, now: clock.now())
        for guess in ["000000", "", "aaaaaa\u{301}"] {
            #expect(try await complete(house, challenge, guess) == "wrong")
        }
        #expect(try await complete(house, challenge, code(secret)) == "locked")
        #expect(try await complete(house, challenge, recovery[0]) == "locked")
        clock.advance(seconds: 901)
        let later = house.service.challenge(house.ann, now: clock.now())
        #expect(try await complete(house, later, code(secret)) == "ann@shop.test")
    }

    @Test func aChallengeIsNoAccessTokenAndExpires() async throws {
        let house = try await ready()
        let (secret, _) = try await enrolled(house)
        let challenge = house.service.challenge(house.ann, now: clock.now())
        #expect(house.tokens.verify(challenge, now: clock.now()) == nil)
        let access = try await house.tokens.issue(for: house.ann, now: clock.now()).accessToken
        #expect(try await complete(house, access, code(secret)) == "no challenge")
        #expect(try await complete(house, challenge + "x", code(secret)) == "no challenge")
        try await directory.setAccountStatus(house.ann.id, .suspended)
        #expect(try await complete(house, challenge, code(secret)) == "no challenge")
        try await directory.setAccountStatus(house.ann.id, .active)
        clock.advance(seconds: 301)
        #expect(try await complete(house, challenge, code(secret)) == "no challenge")
    }

    @Test func mailProtocolsTakeAppPasswordsOnly() async throws {
        let house = try await ready()
        _ = try await enrolled(house)
        let clients = AppPasswordService(credentials: store, salts: SCRAMSalts(key: [1]))
        let made = try await clients.add(
            to: house.ann,
            name: "Phone",
            scopes: [.imap],
            actor: "cli",
            now: clock.now()
        )
        func word(_ password: String, _ service: String) async -> String {
            switch await house.auth.authenticate(
                user: "ann@shop.test",
                password: password,
                remote: nil,
                service: service,
                now: clock.now()
            ) {
            case .success: "success"
            case .secondFactorNeeded: "second factor"
            case .appPasswordNeeded: "app password"
            case .providerNeeded: "provider"
            case .invalid: "invalid"
            case .enrolmentNeeded, .lockedOut, .unavailable: "other"
            }
        }
        // Twice: the second is remembered, and asked for no less.
        for _ in 0..<2 {
            #expect(await word("correct horse", "imap") == "app password")
            #expect(await word("correct horse", "smtp") == "app password")
            #expect(await word("correct horse", "http") == "second factor")
        }
        #expect(await word("wrong horse", "imap") == "invalid")
        #expect(await word(made.secret.text, "imap") == "success")
        try await house.service.disable(house.ann, actor: "cli", remote: nil, now: clock.now())
        #expect(await word("correct horse", "imap") == "success")
        #expect(try await house.service.state(of: house.ann.id).isEnabled == false)
    }

    @Test func aSecretOfAnotherAccountIsWorthNothing() async throws {
        let house = try await ready()
        let (secret, _) = try await enrolled(house)
        let sealed = try #require(try await store.secondFactor(of: house.ann.id)?.sealedSecret)
        let bob = try await directory.addAccount(
            NewAccount(
                organisation: OrganisationID(1),
                address: try #require(EmailAddress("bob@shop.test")),
                passwordHash: "x"
            )
        )
        try await store.beginSecondFactor(of: bob.id, sealedSecret: sealed)
        await #expect(throws: AccountError.store(.refused("the code is wrong"))) {
            try await house.service.confirm(bob, code: code(secret), remote: nil, now: clock.now())
        }
    }
}
