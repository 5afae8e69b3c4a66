import Testing

@testable import SASLMechanisms

@Suite("SASL exchanges")
struct SASLExchangeTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    struct Row: CustomTestStringConvertible {
        let message: String
        let step: SASLExchange.Step
        init(_ message: String, _ step: SASLExchange.Step) {
            self.message = message
            self.step = step
        }
        var testDescription: String { message.debugDescription }
    }

    private static func credentials(_ authorization: String?, _ user: String, _ password: String) -> SASLExchange.Step {
        .credentials(authorizationID: authorization, user: user, password: Secret(password))
    }

    static let plainMessages: [Row] = [
        Row("\0ann@example.test\0secret", credentials(nil, "ann@example.test", "secret")),
        Row("ann\0ann\0secret", credentials(nil, "ann", "secret")),
        Row("bob\0ann\0secret", credentials("bob", "ann", "secret")),
        Row("\0grüße\0pässwörd ☕", credentials(nil, "grüße", "pässwörd ☕")),
        Row("", .failed(.malformed)),
        Row("ann\0secret", .failed(.malformed)),
        Row("\0ann\0secret\0", .failed(.malformed)),
        Row("\0\0secret", .failed(.malformed)),
        Row("\0ann\0", .failed(.malformed)),
        Row("\0an\u{1}n\0secret", .failed(.malformed)),
        Row("\0ann\0sec\nret", .failed(.malformed)),
        Row(
            "\0ann\0\(String(repeating: "x", count: 1024))",
            credentials(nil, "ann", String(repeating: "x", count: 1024))
        ),
        Row("\0ann\0\(String(repeating: "x", count: 1025))", .failed(.tooLong)),
        Row("\0\(String(repeating: "x", count: 321))\0secret", .failed(.tooLong)),
        Row(String(repeating: "x", count: 20_000), .failed(.tooLong)),
    ]

    @Test("RFC 4616 §2: PLAIN, with and without initial response", arguments: plainMessages)
    func plain(_ row: Row) {
        var direct = SASLExchange(.plain)
        #expect(direct.start(initialResponse: Self.bytes(row.message)) == row.step)
        var asked = SASLExchange(.plain)
        #expect(asked.start(initialResponse: nil) == .challenge([]))
        #expect(asked.respond(Self.bytes(row.message)) == row.step)
        #expect(asked.respond(Self.bytes(row.message)) == .failed(.malformed))
    }

    @Test("LOGIN asks for user and password")
    func login() {
        var exchange = SASLExchange(.login)
        #expect(exchange.start(initialResponse: nil) == .challenge(Self.bytes("Username:")))
        #expect(exchange.respond(Self.bytes("ann")) == .challenge(Self.bytes("Password:")))
        #expect(exchange.respond(Self.bytes("secret")) == Self.credentials(nil, "ann", "secret"))
        #expect(exchange.respond(Self.bytes("secret")) == .failed(.malformed))
        var initial = SASLExchange(.login)
        #expect(initial.start(initialResponse: Self.bytes("ann")) == .challenge(Self.bytes("Password:")))
        #expect(initial.respond([]) == .failed(.malformed))
        var wrong = SASLExchange(.login)
        _ = wrong.start(initialResponse: nil)
        #expect(wrong.respond([0]) == .failed(.malformed))
    }

    @Test("An exchange starts once, and not with an answer")
    func order() {
        var early = SASLExchange(.plain)
        #expect(early.respond([]) == .failed(.malformed))
        var twice = SASLExchange(.plain)
        _ = twice.start(initialResponse: nil)
        #expect(twice.start(initialResponse: nil) == .failed(.malformed))
    }

    @Test("Octets that are no UTF-8 are refused")
    func invalidUTF8() {
        var exchange = SASLExchange(.plain)
        #expect(exchange.start(initialResponse: [0, 0xFF, 0, 97]) == .failed(.malformed))
        var password = SASLExchange(.plain)
        #expect(password.start(initialResponse: [0, 97, 0, 0xC3]) == .failed(.malformed))
    }

    @Test("A client's message is a server's")
    func client() throws {
        let secret = Secret("secret")
        var plain = SASLExchange(.plain)
        let message = try #require(SASLClient.plain(user: "ann", password: secret))
        #expect(plain.start(initialResponse: message) == Self.credentials(nil, "ann", "secret"))
        let answers = try #require(SASLClient.login(user: "ann", password: secret))
        #expect(answers.user == Self.bytes("ann") && answers.password == Self.bytes("secret"))
        #expect(SASLClient.plain(user: "a\0b", password: secret) == nil)
        #expect(SASLClient.login(user: "", password: secret) == nil)
    }

    @Test("Passwords are silent when printed")
    func redaction() {
        let step = Self.credentials(nil, "ann", "topsecret")
        var text = ""
        dump(step, to: &text)
        #expect(!"\(step) \(String(reflecting: step)) \(text)".contains("topsecret"))
        #expect(!text.contains("116"))
    }

    @Test("Names of mechanisms in any case")
    func names() {
        #expect(SASLServerMechanism(name: "plain") == .plain)
        #expect(SASLServerMechanism(name: "LOGIN") == .login)
        #expect(SASLServerMechanism(name: "CRAM-MD5") == nil)
    }
}
