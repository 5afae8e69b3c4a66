import MailModel
import MailPorts
import OpenIDProvider
import OpenIDWire
import Testing

@Suite struct AuthorizationRequestTests {
    private static let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    private func client(isPublic: Bool = true, redirects: [String] = ["https://app.test/cb"]) -> OAuthClient {
        OAuthClient(
            id: "c1",
            organisation: nil,
            name: "App",
            secretHash: isPublic ? nil : [1],
            redirectURIs: redirects,
            scopes: ["openid", "imap"],
            createdAt: Timestamp(seconds: 0),
            createdBy: "cli"
        )
    }

    private static let good = [
        "client_id": "c1", "redirect_uri": "https://app.test/cb", "response_type": "code", "scope": "openid imap",
        "state": "s", "code_challenge": challenge, "code_challenge_method": "S256",
    ]

    @Test func theExampleOfAppendixBProvesItself() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        #expect(ProofKey.isChallenge(Self.challenge) && ProofKey.proves(verifier, challenge: Self.challenge))
        for wrong in ["", "x", verifier + "A", String(verifier.dropLast()), Self.challenge, verifier + "\u{301}"] {
            #expect(!ProofKey.proves(wrong, challenge: Self.challenge))
        }
        #expect(!ProofKey.proves(verifier, challenge: verifier))
    }

    @Test func aGoodRequestIsReadWhole() throws {
        let more = ["nonce": "n", "prompt": "login consent", "max_age": "60", "login_hint": "a@b.test", "unknown": "x"]
        let asked = try AuthorizationRequest(Self.good.merging(more) { $1 }, client: client())
        #expect(asked.scopes == ["openid", "imap"] && asked.state == "s" && asked.nonce == "n" && asked.maxAge == 60)
        #expect(asked.prompt == ["login", "consent"] && asked.challenge == Self.challenge)
    }

    private struct Bad {
        var changes: [String: String?]
        /// nil: nobody is sent anywhere.
        var code: OAuthFault.Code?
    }

    @Test func aBadRequestIsRefusedWhereItMayBe() throws {
        let rows = [
            Bad(changes: ["redirect_uri": nil], code: nil),
            Bad(changes: ["redirect_uri": "https://app.test/cb/"], code: nil),
            Bad(changes: ["redirect_uri": "https://app.test/cb\u{301}"], code: nil),
            Bad(changes: ["state": String(repeating: "s", count: 2_000)], code: nil),
            Bad(changes: ["response_type": "token"], code: .unsupportedResponseType),
            Bad(changes: ["response_mode": "fragment"], code: .invalidRequest),
            Bad(changes: ["code_challenge": nil], code: .invalidRequest),
            Bad(changes: ["code_challenge_method": "plain"], code: .invalidRequest),
            Bad(changes: ["code_challenge_method": nil], code: .invalidRequest),
            Bad(changes: ["scope": "openid smtp"], code: .invalidScope),
            Bad(changes: ["scope": "nothing"], code: .invalidScope),
            Bad(changes: ["prompt": "none consent"], code: .invalidRequest),
            Bad(changes: ["max_age": "1e9"], code: .invalidRequest),
            Bad(changes: ["request_uri": "https://x.test"], code: .requestURINotSupported),
        ]
        for row in rows {
            var fields = Self.good
            for (name, value) in row.changes { fields[name] = value }
            do throws(AuthorizationRequest.Refusal) {
                _ = try AuthorizationRequest(fields, client: client())
                Issue.record("taken: \(row.changes)")
            } catch {
                switch error {
                case .page: #expect(row.code == nil, "\(row.changes)")
                case .answer(let fault, let place, let state):
                    #expect(fault.code == row.code && place == "https://app.test/cb" && state == "s", "\(row.changes)")
                }
            }
        }
        // Who keeps a secret may do without a proof.
        var fields = Self.good
        (fields["code_challenge"], fields["code_challenge_method"]) = (nil, nil)
        #expect(try AuthorizationRequest(fields, client: client(isPublic: false)).challenge == nil)
    }

    @Test func redirectAddressesAreComparedOctetByOctetButForPortsOfLoopback() {
        let known = "http://127.0.0.1/cb?x=1"
        for good in [known, "http://127.0.0.1:1/cb?x=1", "http://127.0.0.1:65535/cb?x=1"] {
            #expect(RedirectURI.matches(good, registered: known))
        }
        for bad in [
            "http://127.0.0.1:8@evil.test/cb?x=1", "http://127.0.0.1:80/cb", "http://127.0.0.1.evil.test/cb?x=1",
            "https://127.0.0.1/cb?x=1", "http://localhost/cb?x=1", "http://127.0.0.1:123456/cb?x=1",
            "http://user@127.0.0.1/cb?x=1", "http://127.0.0.1:/cb?x=1",
        ] { #expect(!RedirectURI.matches(bad, registered: known), "\(bad)") }
        #expect(!RedirectURI.matches("https://app.test:444/cb", registered: "https://app.test/cb"))
        for bad in [
            "", "http://app.test/", "https://app.test/#x", "https://app.test/a b", "https://", "javascript:alert(1)",
            "https://u@app.test/", "https://app.test/;x", "data:text/html,x", "https://app.test/\"x",
            "com.example.app:/cb",
        ] { #expect(RedirectURI.fault(bad, isPublic: false) != nil, "\(bad)") }
        for good in ["com.example.app:/cb", "com.example.app://cb", "http://[::1]/cb", "https://app.test/cb?x=1"] {
            #expect(RedirectURI.fault(good, isPublic: true) == nil, "\(good)")
        }
        #expect(RedirectURI.source("https://app.test:8443/cb") == "https://app.test:8443")
        #expect(RedirectURI.source("com.example.app:/cb") == "com.example.app:")
    }

    @Test func answersNameTheProviderAndEscapeWhatTheyCarry() {
        let place = AuthorizationRequest.answer(
            [("code", "a b&c")],
            to: "https://app.test/cb?x=1",
            state: "\r\n\"",
            issuer: "https://mail.test"
        )
        #expect(place == "https://app.test/cb?x=1&code=a%20b%26c&state=%0D%0A%22&iss=https%3A%2F%2Fmail.test")
    }

    @Test func textInTokensIsEscapedOctetByOctet() {
        var members = JSONMembers()
        members.add("nonce", "\"\u{301}\\\r\n")
        #expect(members.text == "{\"nonce\":\"\\\"\u{301}\\\\\\u000d\\u000a\"}")
    }

    @Test func userCodesAreReadAsPeopleTypeThem() throws {
        for _ in 0..<50 {
            let code = DeviceCode.randomUserCode()
            #expect(DeviceCode.normalised(code.lowercased()) == code)
        }
        #expect(DeviceCode.normalised(" bcdf ghjk") == "BCDF-GHJK")
        for bad in ["", "BCDF", "BCDF-GHJA", "BCDF-GHJKL", "BCDF-GHJK\u{301}"] {
            #expect(DeviceCode.normalised(bad) == nil)
        }
    }
}
