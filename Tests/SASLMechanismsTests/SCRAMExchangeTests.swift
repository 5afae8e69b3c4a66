import ByteParsing
import Testing

@testable import SASLMechanisms

@Suite("SCRAM-SHA-256 and tokens")
struct SCRAMExchangeTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    private static let salt = Base64.decode(bytes("W22ZaJ0SNY7soEsUEjb6gQ==")) ?? []

    private func challenged(_ first: String = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO") -> SASLExchange {
        var exchange = SASLExchange(.scramSHA256)
        _ = exchange.start(initialResponse: Self.bytes(first))
        _ = exchange.challenge(salt: Self.salt, iterations: 4096, nonce: Self.bytes("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"))
        return exchange
    }

    @Test("RFC 7677 §3: the example, octet by octet")
    func example() {
        var exchange = SASLExchange(.scramSHA256)
        #expect(exchange.start(initialResponse: nil) == .challenge([]))
        let first = "n=user,r=rOprNGfwEbeRWgbNEkqO"
        #expect(exchange.respond(Self.bytes("n,,\(first)")) == .salt(authorizationID: nil, user: "user"))
        let nonce = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        let server = "\(nonce),s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        #expect(
            exchange.challenge(salt: Self.salt, iterations: 4096, nonce: Self.bytes("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"))
                == .challenge(Self.bytes(server))
        )
        let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        #expect(
            exchange.respond(Self.bytes("c=biws,\(nonce),p=\(proof)"))
                == .proof(
                    SCRAMProof(
                        user: "user",
                        message: Self.bytes("\(first),\(server),c=biws,\(nonce)"),
                        proof: Base64.decode(Self.bytes(proof)) ?? []
                    )
                )
        )
        let signature = Base64.decode(Self.bytes("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")) ?? []
        #expect(
            exchange.proven(serverSignature: signature)
                == .challenge(Self.bytes("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="))
        )
        #expect(exchange.respond([]) == .completed)
        #expect(exchange.respond([]) == .failed(.malformed))
    }

    @Test(
        "RFC 5802 §7: first messages that are none",
        arguments: [
            "p=tls-unique,,n=user,r=abc", "x,,n=user,r=abc", "n,n=user,r=abc", "n,,m=ext,n=user,r=abc", "n,,n=,r=abc",
            "n,,n=user", "n,,n=user,r=", "n,,n=us=er,r=abc", "n,,n=us=2cer,r=abc", "n,,n=us\u{1}er,r=abc",
            "n,,n=user,r=a\u{7F}c", "n,b=x,n=user,r=abc", "n,,n=user\u{0},r=abc",
        ]
    )
    func wrongFirst(_ message: String) {
        var exchange = SASLExchange(.scramSHA256)
        #expect(exchange.start(initialResponse: Self.bytes(message)) == .failed(.malformed))
    }

    @Test("RFC 5802 §5.1: names are unescaped, an identity of one's own is none, another's is told")
    func names() {
        var escaped = SASLExchange(.scramSHA256)
        #expect(
            escaped.start(initialResponse: Self.bytes("y,a=a=2Cb=3D\u{301},n=a=2Cb=3D\u{301},r=abc"))
                == .salt(authorizationID: nil, user: "a,b=\u{301}")
        )
        var other = SASLExchange(.scramSHA256)
        #expect(
            other.start(initialResponse: Self.bytes("n,a=bob,n=ann,r=abc"))
                == .salt(authorizationID: "bob", user: "ann")
        )
        var long = SASLExchange(.scramSHA256)
        #expect(
            long.start(initialResponse: Self.bytes("n,,n=\(String(repeating: "x", count: 2000)),r=abc"))
                == .failed(.tooLong)
        )
    }

    @Test(
        "RFC 5802 §7: final messages with another header, nonce or no proof",
        arguments: [
            "c=eSws,r=NONCE,p=PROOF", "c=biws,r=NONCEx,p=PROOF", "c=biws,r=rOprNGfwEbeRWgbNEkqO,p=PROOF",
            "c=biws,r=NONCE",
            "c=biws,r=NONCE,p=AAAA", "c=biws,r=NONCE,p=", "r=NONCE,c=biws,p=PROOF", "",
        ]
    )
    func wrongFinal(_ pattern: String) {
        var exchange = challenged()
        let message = Array(pattern.utf8).split(separator: 44, omittingEmptySubsequences: false).map { part in
            switch String(decoding: part, as: UTF8.self) {
            case "r=NONCE": "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
            case "r=NONCEx": "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0x"
            case "p=PROOF": "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
            case let other: other
            }
        }
        #expect(exchange.respond(Self.bytes(message.joined(separator: ","))) == .failed(.malformed))
    }

    @Test("RFC 7628 §4.1: the example, and XOAUTH2's form")
    func tokens() {
        let token = Secret("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")
        var bearer = SASLExchange(.oauthBearer)
        let message =
            "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=143\u{1}auth=Bearer \(token.text)\u{1}\u{1}"
        #expect(
            bearer.start(initialResponse: Self.bytes(message))
                == .token(authorizationID: "user@example.com", token: token)
        )
        #expect(bearer.refusedToken() == .challenge(Self.bytes(#"{"status":"invalid_token"}"#)))
        #expect(bearer.respond([1]) == .failed(.refusedToken))
        var older = SASLExchange(.xoauth2)
        #expect(
            older.start(initialResponse: Self.bytes("user=ann@shop.test\u{1}auth=Bearer \(token.text)\u{1}\u{1}"))
                == .token(authorizationID: "ann@shop.test", token: token)
        )
        #expect(older.refusedToken() == .challenge(Self.bytes(#"{"status":"401","schemes":"bearer"}"#)))
        #expect(older.respond([]) == .failed(.refusedToken))
        var anonymous = SASLExchange(.oauthBearer)
        #expect(
            anonymous.start(initialResponse: Self.bytes("n,,\u{1}auth=bearer t\u{1}\u{1}"))
                == .token(authorizationID: nil, token: Secret("t"))
        )
    }

    @Test(
        "RFC 7628 §3.1: messages that are none",
        arguments: [
            "\u{1}", "n,,\u{1}\u{1}", "n,,\u{1}auth=Bearer t\u{1}", "n,,\u{1}auth=Basic t\u{1}\u{1}",
            "n,,\u{1}auth=Bearer \u{1}\u{1}", "n,,\u{1}auth=Bearer a b\u{1}\u{1}",
            "n,,\u{1}auth=Bearer t\r\n\u{1}\u{1}",
            "n,,\u{1}auth=Bearer t\u{1}auth=Bearer u\u{1}\u{1}", "p=x,,\u{1}auth=Bearer t\u{1}\u{1}",
            "n,user,\u{1}auth=Bearer t\u{1}\u{1}", "n,,x\u{1}auth=Bearer t\u{1}\u{1}",
            "n,,\u{1}auth=Bearer t\u{301}\u{1}\u{1}",
        ]
    )
    func wrongTokens(_ message: String) {
        var exchange = SASLExchange(.oauthBearer)
        #expect(exchange.start(initialResponse: Self.bytes(message)) == .failed(.malformed))
    }

    @Test("SCRAM is announced only on demand, and first then; PLAIN comes before tokens")
    func announced() {
        #expect(SASLServerMechanism.announced(withSCRAM: false) == ["PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"])
        #expect(SASLServerMechanism.announced(withSCRAM: true).first == "SCRAM-SHA-256")
    }
}
