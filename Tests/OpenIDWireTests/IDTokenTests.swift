import MailCrypto
import OpenIDWire
import Testing

@Suite struct IDTokenTests {
    private static let key = Ed25519PrivateKey()
    private static let now: Int64 = 1_800_000_000

    private static func text(_ value: String) -> String { Base64URL.encode(Array(value.utf8)) }

    private static func token(
        _ claims: String,
        header: String = #"{"alg":"EdDSA","kid":"k1"}"#,
        by key: Ed25519PrivateKey = Self.key
    ) -> String {
        let input = "\(text(header)).\(text(claims))"
        return input + "." + Base64URL.encode(key.sign(Array(input.utf8)))
    }

    private static func claims(_ more: String = "", audience: String = #""client""#, nonce: String = "n") -> String {
        """
        {"iss":"https://id.test","sub":"s1","aud":\(audience),"exp":\(now + 300),"iat":\(now),"nonce":"\(nonce)"\(more)}
        """
    }

    private static var keys: [ProviderKey] {
        let x = Base64URL.encode(key.publicKey)
        let document = #"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","x":"\#(x)"},{"kty":"oct","k":"AAAA"}]}"#
        return JSONValue(Array(document.utf8)).flatMap { ProviderKey.set($0) } ?? []
    }

    private static func outcome(_ token: String, now: Int64 = Self.now) -> String {
        do throws(IDToken.Fault) {
            let read = try IDToken(token)
            let expected = IDToken.Expectation(
                issuer: "https://id.test",
                clientID: "client",
                nonce: "n",
                accessToken: nil,
                now: now,
                leeway: 60,
                oldest: 600
            )
            return try read.verify(keys, expected).subject
        } catch {
            return "\(error)"
        }
    }

    @Test func `a token that is right names its subject`() {
        #expect(Self.outcome(Self.token(Self.claims())) == "s1")
        #expect(Self.outcome(Self.token(Self.claims(#","azp":"client""#, audience: #"["other","client"]"#))) == "s1")
    }

    @Test func `a token that another key signed is refused`() {
        #expect(Self.outcome(Self.token(Self.claims(), by: Ed25519PrivateKey())) == "signature")
    }

    @Test(arguments: ["none", "HS256", "RS512", "None"])
    func `algorithms that are no asymmetric ones of ours are refused`(_ name: String) {
        let header = #"{"alg":"\#(name)","kid":"k1"}"#
        #expect(Self.outcome(Self.token(Self.claims(), header: header)) == "algorithm")
    }

    @Test func `an algorithm that the key is not for does not verify`() {
        let header = #"{"alg":"RS256","kid":"k1"}"#
        #expect(Self.outcome(Self.token(Self.claims(), header: header)) == "signature")
    }

    @Test func `claims that are not as they must be are told apart`() {
        #expect(Self.outcome(Self.token(Self.claims(audience: #""other""#))) == "audience")
        #expect(Self.outcome(Self.token(Self.claims(audience: #"["client","other"]"#))) == "audience")
        #expect(Self.outcome(Self.token(Self.claims(#","azp":"other""#))) == "audience")
        #expect(Self.outcome(Self.token(Self.claims(nonce: "m"))) == "nonce")
        #expect(Self.outcome(Self.token(Self.claims(#","nbf":\#(Self.now + 61)"#))) == "issuedAt")
        let other = Self.claims().replacing("https://id.test", with: "https://id.test/")
        #expect(Self.outcome(Self.token(other)) == "issuer")
    }

    @Test func `clocks may differ by the leeway and no more`() {
        let token = Self.token(Self.claims())
        #expect(Self.outcome(token, now: Self.now + 359) == "s1")
        #expect(Self.outcome(token, now: Self.now + 360) == "expired")
        #expect(Self.outcome(token, now: Self.now - 60) == "s1")
        #expect(Self.outcome(token, now: Self.now - 61) == "issuedAt")
    }

    @Test func `a key that is not there is asked for, not guessed`() {
        let header = #"{"alg":"EdDSA","kid":"k2"}"#
        #expect(Self.outcome(Self.token(Self.claims(), header: header)) == "unknownKey")
    }

    @Test func `what must be understood and a name twice make no token`() {
        let header = #"{"alg":"EdDSA","kid":"k1","crit":["b64"]}"#
        #expect(Self.outcome(Self.token(Self.claims(), header: header)) == "malformed")
        #expect(Self.outcome(Self.token(Self.claims(#","sub":"s2""#))) == "malformed")
        #expect(Self.outcome("a.b") == "malformed")
        #expect(Self.outcome(String(repeating: "a", count: IDToken.longest + 1)) == "malformed")
    }
}

@Suite struct JSONValueTests {
    @Test func `texts are read with escapes and surrogate pairs`() {
        let text = #"{"a":"\u00e9\ud83d\ude00\"","b":[1,-2,3.5,true,null],"c":{}}"#
        let value = JSONValue(Array(text.utf8))
        #expect(value?["a"]?.text == "é😀\"")
        #expect(value?["b"] == .list([.number(1), .number(-2), .otherNumber, .truth(true), .null]))
        #expect(value?["c"] == .object([:]))
    }

    @Test(arguments: [
        "", "{", "{\"a\":1,}", "[1 2]", "\"\\ud83d\"", "{\"a\":1,\"a\":2}", "01", "1 1", "\"\u{1}\"", "nul", "-",
    ])
    func `what is no JSON is refused`(_ text: String) {
        #expect(JSONValue(Array(text.utf8)) == nil)
    }

    @Test func `nesting and members are bounded`() {
        let deep = String(repeating: "[", count: 9) + String(repeating: "]", count: 9)
        #expect(JSONValue(Array(deep.utf8)) == nil)
        let long = "[" + Array(repeating: "1", count: JSONValue.members).joined(separator: ",") + "]"
        #expect(JSONValue(Array(long.utf8)) == nil)
    }

    @Test func `every prefix of a document is refused`() {
        let text = Array(#"{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}],"x":"\u00e9"}"#.utf8)
        for end in 0..<text.count { #expect(JSONValue(Array(text[..<end])) == nil) }
        #expect(JSONValue(text) != nil)
    }
}
