import IMAPServer
import Testing

@Suite(.timeLimit(.minutes(2))) struct ProtectionTests {
    @Test("RFC 9051 §11.1: without TLS no password is taken")
    func privacy() async throws {
        try await IMAPHouse.run(["OONRUMAIL_PLAINTEXT_AUTH_ON_LOOPBACK": "false"]) { house in
            let client = try await IMAPClient(port: house.port)
            let greeting = try await client.line()
            #expect(greeting.contains(" STARTTLS LOGINDISABLED]"))
            #expect(try await client.code("LOGIN \(IMAPHouse.user) \"\(IMAPHouse.password)\"") == "NO PRIVACYREQUIRED")
            #expect(try await client.code("AUTHENTICATE PLAIN AGEAYg==") == "NO PRIVACYREQUIRED")
        }
    }

    @Test("octets behind STARTTLS end the connection")
    func injection() async throws {
        try await IMAPHouse.run { house in
            let client = try await house.connect()
            try await client.send("a STARTTLS\r\nb NOOP\r\n")
            #expect(try await client.lineOrEnd() == nil)
        }
    }

    @Test("failed sign-ins are counted, the last one ends the session")
    func failures() async throws {
        try await IMAPHouse.run { house in
            let client = try await house.connect()
            #expect(try await client.code("LOGIN \(IMAPHouse.user) wrong") == "NO AUTHENTICATIONFAILED")
            try await client.send("p AUTHENTICATE PLAIN\r\n")
            #expect(try await client.line() == "+ ")
            try await client.send("*\r\n")
            #expect(try await client.answer("p").tagged.hasPrefix("BAD"))
            #expect(try await client.code("LOGIN nobody@example.test wrong") == "NO AUTHENTICATIONFAILED")
            #expect(try await client.code("LOGIN nobody@example.test wrong") == "NO AUTHENTICATIONFAILED")
            #expect(try await client.line().hasPrefix("* BYE"))
            #expect(try await client.lineOrEnd() == nil)
        }
    }

    @Test("RFC 9051 §6.2.2: AUTHENTICATE with and without initial response")
    func mechanisms() async throws {
        try await IMAPHouse.run { house in
            // NUL user NUL password, in base 64.
            let plain = "AHJlYWRlckBleGFtcGxlLnRlc3QAY29ycmVjdCBob3JzZSBiYXR0ZXJ5"
            let first = try await house.connect()
            #expect(try await first.command("AUTHENTICATE PLAIN \(plain)").tagged.hasPrefix("OK [CAPABILITY "))
            #expect(try await first.command("LOGIN a b").tagged.hasPrefix("BAD"))
            let second = try await house.connect()
            try await second.send("x AUTHENTICATE LOGIN\r\n")
            #expect(try await second.line() == "+ VXNlcm5hbWU6")
            try await second.send("cmVhZGVyQGV4YW1wbGUudGVzdA==\r\n")
            #expect(try await second.line() == "+ UGFzc3dvcmQ6")
            try await second.send("Y29ycmVjdCBob3JzZSBiYXR0ZXJ5\r\n")
            #expect(try await second.answer("x").tagged.hasPrefix("OK"))
        }
    }

    @Test("every limit is kept")
    func limits() async throws {
        try await IMAPHouse.run([
            "OONRUMAIL_IMAP_MAX_CONNECTIONS_PER_ACCOUNT": "1", "OONRUMAIL_IMAP_ERROR_LIMIT": "3",
            "OONRUMAIL_MAX_MESSAGE_SIZE": "2000",
        ]) { house in
            let client = try await house.signIn()
            let second = try await house.connect()
            #expect(try await second.code("LOGIN \(IMAPHouse.user) \"\(IMAPHouse.password)\"") == "NO LIMIT")
            #expect(try await client.append(String(repeating: "x", count: 2_001)).hasPrefix("NO [TOOBIG]"))
            #expect(try await client.code("APPEND INBOX {2001}") == "NO TOOBIG")
            #expect(try await client.append(String(repeating: "x", count: 2_000)).hasPrefix("OK"))
            #expect(try await client.command("NONSENSE").tagged.hasPrefix("BAD"))
            #expect(try await client.command("FETCH 1 FLAGS").tagged.hasPrefix("BAD"))
            #expect(try await client.command("SELECT").tagged.hasPrefix("BAD"))
            #expect(try await client.line().hasPrefix("* BYE"))
        }
    }

    @Test("a line that is too long or ends in a bare LF ends the session")
    func lines() async throws {
        try await IMAPHouse.run { house in
            let client = try await house.connect()
            try await client.send("a NOOP\nb NOOP\r\n")
            #expect(try await client.line().contains("BAD"))
            let second = try await house.connect()
            try await second.send("a LOGIN " + String(repeating: "x", count: 70_000))
            #expect(try await second.line().contains("BAD"))
        }
    }

    @Test("silence before signing in ends the session, whatever the limit afterwards")
    func silenceBeforeLogin() async throws {
        try await IMAPHouse.run { configuration in
            configuration.loginTimeout = .milliseconds(100)
        } _: { house in
            let client = try await house.connect()
            #expect(try await client.line().hasPrefix("* BYE"))
            #expect(try await client.lineOrEnd() == nil)
        }
    }

    @Test("silence after signing in ends the session, whatever the limit before")
    func silence() async throws {
        try await IMAPHouse.run { configuration in
            configuration.idleTimeout = .milliseconds(300)
        } _: { house in
            let client = try await house.signIn()
            #expect(try await client.line().hasPrefix("* BYE"))
            #expect(try await client.lineOrEnd() == nil)
        }
    }

    @Test("a stop says BYE to every session")
    func stopping() async throws {
        var client: IMAPClient?
        try await IMAPHouse.run { house in client = try await house.signIn() }
        let left = try #require(client)
        #expect(try await left.line().hasPrefix("* BYE"))
        #expect(try await left.lineOrEnd() == nil)
    }

    @Test("a large message comes back octet by octet")
    func largeMessage() async throws {
        try await IMAPHouse.run { house in
            let client = try await house.signIn()
            let message = "Subject: large\r\n\r\n" + (0..<60_000).map { "Line number \($0) of the text\r\n" }.joined()
            #expect(try await client.append(message).hasPrefix("OK"))
            _ = try await client.ok("SELECT INBOX")
            let fetched = try await client.ok("FETCH 1 BODY.PEEK[]")
            #expect(fetched == ["* 1 FETCH (BODY[] {\(message.utf8.count)}\r\n\(message))"])
            let part = try await client.ok("FETCH 1 BODY.PEEK[]<1000000.5>")
            let bytes = Array(message.utf8)[1_000_000..<1_000_005]
            #expect(part == ["* 1 FETCH (BODY[]<1000000> {5}\r\n\(String(decoding: bytes, as: UTF8.self)))"])
        }
    }
}
