import Accounts
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import SASLMechanisms
import Telemetry
import Testing

@Suite struct SASLConversationTests {
    let directory = FakeDirectory()
    let clients = FakeCredentials()
    let clock = ManualClock()
    let counted = CountedWork()
    let key = Ed25519PrivateKey()

    private struct House {
        var auth: AccountAuthenticator
        var ann: Account
        var secret: AppSecret
        var tokens: TokenService
    }

    private func house() async throws -> House {
        let work = counted.work()
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        let ann = try await directory.addAccount(
            NewAccount(
                organisation: OrganisationID(1),
                address: try #require(EmailAddress("ann@shop.test")),
                passwordHash: try await work.hash("correct horse")
            )
        )
        let salts = SCRAMSalts(key: [1])
        let tokens = TokenService(
            sessions: directory,
            directory: directory,
            key: key,
            limits: TokenLimits(issuer: "mail.example.test")
        )
        let service = AppPasswordService(credentials: clients, salts: salts)
        let made = try await service.add(to: ann, name: "Phone", scopes: [.imap], actor: "ann", now: clock.now())
        return House(
            auth: AccountAuthenticator(
                directory: directory,
                credentials: clients,
                limiter: FakeLimiter(),
                passwords: work,
                mail: MailSignIns(salts: salts, tokens: tokens)
            ),
            ann: ann,
            secret: made.secret,
            tokens: tokens
        )
    }

    private func begin(
        _ house: House,
        _ mechanism: SASLServerMechanism,
        _ first: String,
        scope: SignInScope = .imap
    ) async -> (SASLAnswer, SASLConversation) {
        await SASLConversation(
            mechanism,
            house.auth,
            scope: scope,
            remote: IPAddress("192.0.2.1"),
            clock: clock
        ).start(Array(first.utf8))
    }

    /// What the server said to the first message: its text, nonce and salt.
    private func challenge(_ house: House, _ user: String) async throws -> (String, SASLConversation) {
        let (answer, next) = await begin(house, .scramSHA256, "n,,n=\(user),r=abc")
        guard case .challenge(let octets) = answer else { throw StoreError.notFound }
        return (String(decoding: octets, as: UTF8.self), next)
    }

    /// A client's whole exchange with `password`.
    private func prove(
        _ house: House,
        _ user: String,
        _ password: String,
        scope: SignInScope = .imap
    ) async throws -> SASLAnswer {
        let (answer, next) = await begin(house, .scramSHA256, "n,,n=\(user),r=abc", scope: scope)
        guard case .challenge(let octets) = answer else { return answer }
        let server = String(decoding: octets, as: UTF8.self)
        let parts = server.split(separator: ",").map { String($0.dropFirst(2)) }
        let salt = try #require(Base64URL.decode(url(parts[1])))
        let salted = PBKDF2SHA256.derive(Array(password.utf8), salt: salt, iterations: try #require(Int(parts[2])))
        let clientKey = HMACSHA256.authenticate(Array("Client Key".utf8), key: salted)
        let without = "c=biws,r=\(parts[0])"
        let message = Array("n=\(user),r=abc,\(server),\(without)".utf8)
        let signature = HMACSHA256.authenticate(message, key: SHA256.hash(clientKey))
        let proof = standard(zip(clientKey, signature).map { $0 ^ $1 })
        let (second, last) = await next.respond(Array("\(without),p=\(proof)".utf8))
        guard case .challenge(let final) = second else { return second }
        let serverKey = HMACSHA256.authenticate(Array("Server Key".utf8), key: salted)
        #expect(
            String(decoding: final, as: UTF8.self)
                == "v=\(standard(HMACSHA256.authenticate(message, key: serverKey)))"
        )
        return await last.respond([]).0
    }

    private func url(_ text: String) -> [UInt8] {
        text.utf8.compactMap { $0 == 61 ? nil : $0 == 43 ? 45 : $0 == 47 ? 95 : $0 }
    }

    private func standard(_ bytes: [UInt8]) -> String {
        let text = Base64URL.encode(bytes).utf8.map { $0 == 45 ? 43 : $0 == 95 ? 47 : $0 } as [UInt8]
        return String(decoding: text + [UInt8](repeating: 61, count: (4 - text.count % 4) % 4), as: UTF8.self)
    }

    private func signIn(_ answer: SASLAnswer) -> SignIn? {
        guard case .decided(.success(let signIn)) = answer else { return nil }
        return signIn
    }

    @Test("RFC 7677 §3: the example's proof is right, and one other bit is not")
    func example() {
        let salted = PBKDF2SHA256.derive(
            Array("pencil".utf8),
            salt: Base64URL.decode("W22ZaJ0SNY7soEsUEjb6gQ".utf8) ?? [],
            iterations: 4_096
        )
        let keys = SCRAMKeys(
            stored: SHA256.hash(HMACSHA256.authenticate(Array("Client Key".utf8), key: salted)),
            server: HMACSHA256.authenticate(Array("Server Key".utf8), key: salted)
        )
        let nonce = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        let message = Array(
            "n=user,r=rOprNGfwEbeRWgbNEkqO,\(nonce),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,\(nonce)".utf8
        )
        var proof = Base64URL.decode("dHzbZapWIk4jUhN-Ute9ytag9zjfMHgsqmmiz7AndVQ".utf8) ?? []
        #expect(
            AccountAuthenticator.isProven(SCRAMProof(user: "user", message: message, proof: proof), by: keys)
        )
        #expect(
            standard(HMACSHA256.authenticate(message, key: keys.server))
                == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        )
        proof[31] ^= 1
        #expect(
            !AccountAuthenticator.isProven(SCRAMProof(user: "user", message: message, proof: proof), by: keys)
        )
    }

    @Test func anAppPasswordIsProvenWithinItsScopesAndTheServerProvesItself() async throws {
        let house = try await house()
        let proven = try #require(signIn(try await prove(house, "ann@shop.test", house.secret.text)))
        #expect(proven.account == house.ann)
        guard case .appPassword = proven.credential else {
            Issue.record("another credential")
            return
        }
        #expect(signIn(try await prove(house, "ann@shop.test", house.secret.text, scope: .smtp)) == nil)
        #expect(signIn(try await prove(house, "ann@shop.test", "correct horse")) == nil)
        #expect(signIn(try await prove(house, "bob@shop.test", house.secret.text)) == nil)
        try await directory.setAccountStatus(house.ann.id, .suspended)
        #expect(signIn(try await prove(house, "ann@shop.test", house.secret.text)) == nil)
    }

    @Test("RFC 5802 §9: the salt does not tell whether there is such an account")
    func salts() async throws {
        let house = try await house()
        var seen: [String: Set<String>] = [:]
        for user in ["ann@shop.test", "ANN@shop.test", "bob@shop.test", "Bob@SHOP.test", "no address"] {
            for _ in 0..<2 {
                let text = try await challenge(house, user).0
                let parts = text.split(separator: ",")
                #expect(parts[0].hasPrefix("r=abc") && parts[0].utf8.count > 20 && parts[2] == "i=4096")
                seen[EmailAddress(user)?.canonical ?? user, default: []].insert(String(parts[1]))
            }
        }
        #expect(seen.count == 3 && seen.values.allSatisfy { $0.count == 1 && $0.first?.utf8.count == 26 })
        #expect(Set(seen.values.flatMap { $0 }).count == 3)
    }

    @Test func wrongProofsAreCountedAndThenNothingIsTaken() async throws {
        let house = try await house()
        for _ in 0..<10 { _ = try await prove(house, "ann@shop.test", "wrong") }
        guard case .decided(.lockedOut) = try await prove(house, "ann@shop.test", house.secret.text) else {
            Issue.record("not locked out")
            return
        }
    }

    @Test func aTokenSpeaksForItsAccountUntilItsSessionEnds() async throws {
        let house = try await house()
        let pair = try await house.tokens.issue(for: house.ann, now: clock.now())
        let bearer = "\u{1}auth=Bearer \(pair.accessToken)\u{1}\u{1}"
        let taken = try #require(signIn(await begin(house, .oauthBearer, "n,a=ann@shop.test,\(bearer)").0))
        let family = try #require(house.tokens.verify(pair.accessToken, now: clock.now())).family
        #expect(taken.account == house.ann && taken.credential == .session(family))
        #expect(signIn(await begin(house, .oauthBearer, "n,,\(bearer)").0) != nil)
        #expect(signIn(await begin(house, .xoauth2, "user=ann@shop.test\(bearer)").0) != nil)
        try await house.tokens.revokeSession(family, of: house.ann, remote: nil, now: clock.now())
        #expect(signIn(await begin(house, .oauthBearer, "n,,\(bearer)").0) == nil)
    }

    @Test("RFC 7628 §3.2.2: what is not good is answered in JSON, then the exchange fails")
    func tokensThatAreNot() async throws {
        let house = try await house()
        let token = try await house.tokens.issue(for: house.ann, now: clock.now()).accessToken
        let parts = token.split(separator: ".").map(String.init)
        let none = Base64URL.encode(Array(#"{"alg":"none","typ":"JWT"}"#.utf8))
        let symmetric = Base64URL.encode(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))
        let code = HMACSHA256.authenticate(Array("\(symmetric).\(parts[1])".utf8), key: key.publicKey)
        let other = TokenService(
            sessions: directory,
            directory: directory,
            key: Ed25519PrivateKey(),
            limits: TokenLimits(issuer: "mail.example.test")
        )
        let elsewhere = TokenService(
            sessions: directory,
            directory: directory,
            key: key,
            limits: TokenLimits(issuer: "other.test")
        )
        var audience = TokenLimits(issuer: "mail.example.test")
        audience.audience = "another service"
        let another = TokenService(sessions: directory, directory: directory, key: key, limits: audience)
        let forged = [
            "\(none).\(parts[1]).", "\(symmetric).\(parts[1]).\(Base64URL.encode(code))",
            try await other.issue(for: house.ann, now: clock.now()).accessToken,
            try await elsewhere.issue(for: house.ann, now: clock.now()).accessToken,
            try await another.issue(for: house.ann, now: clock.now()).accessToken, "x",
        ]
        for bad in forged {
            let (answer, next) = await begin(house, .oauthBearer, "n,,\u{1}auth=Bearer \(bad)\u{1}\u{1}")
            guard case .challenge(let json) = answer else {
                Issue.record("taken: \(bad)")
                continue
            }
            #expect(json == Array(#"{"status":"invalid_token"}"#.utf8))
            guard case .decided(.invalid) = await next.respond([1]).0 else {
                Issue.record("not refused")
                continue
            }
        }
        let good = "\u{1}auth=Bearer \(token)\u{1}\u{1}"
        #expect(signIn(await begin(house, .oauthBearer, "n,a=bob@shop.test,\(good)").0) == nil)
        #expect(signIn(await begin(house, .xoauth2, "user=no address\(good)").0) == nil)
        clock.advance(seconds: 600)
        #expect(signIn(await begin(house, .oauthBearer, "n,,\(good)").0) == nil)
    }
}
