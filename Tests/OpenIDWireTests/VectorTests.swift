import MailCrypto
import OpenIDWire
import Testing

/// The examples of the RFCs themselves.
@Suite struct VectorTests {
    private static let modulusOfJWK =
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
        + "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
        + "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
        + "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    private static let modulusOfJWS =
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR"
        + "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB"
        + "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia"
        + "GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"

    private static func keys(_ document: String) -> [ProviderKey] {
        JSONValue(Array(document.utf8)).flatMap { ProviderKey.set($0) } ?? []
    }

    /// Header and claims as they were signed, and the signature.
    private static func parts(_ token: String) throws -> (input: [UInt8], signature: [UInt8]) {
        let dot = try #require(token.utf8.lastIndex(of: 46))
        let signature = try #require(Base64URL.decode(token.utf8[token.utf8.index(after: dot)...]))
        return (Array(token.utf8[..<dot]), signature)
    }

    @Test func `RFC 7636 appendix B: the verifier proves its challenge`() {
        let (verifier, challenge) = (
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        )
        #expect(ProofKey.isChallenge(challenge) && ProofKey.proves(verifier, challenge: challenge))
        #expect(!ProofKey.proves(verifier + "a", challenge: challenge))
        // `plain` is no proof here: whoever saw the request would have the verifier.
        #expect(!ProofKey.proves(challenge, challenge: challenge))
        #expect(!ProofKey.proves(String(verifier.dropLast()), challenge: challenge))
    }

    @Test func `RFC 7517 appendix A.1: a key for encryption is passed over, one for signatures is read`() throws {
        let keys = Self.keys(
            """
            {"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
            {"kty":"RSA","n":"\(Self.modulusOfJWK)",
            "e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}
            """
        )
        let key = try #require(keys.first)
        #expect(keys.count == 1 && key.id == "2011-04-29" && key.algorithm == "RS256")
        guard case .rsa(let modulus, let exponent) = key.material else {
            Issue.record("no RSA key")
            return
        }
        #expect(modulus.count == 256 && exponent == [1, 0, 1])
    }

    @Test func `RFC 7515 appendix A.2: the signature by RS256 is verified, by no other algorithm`() throws {
        let key = try #require(
            Self.keys(
                """
                {"keys":[{"kty":"RSA","n":"\(Self.modulusOfJWS)",
                "e":"AQAB"}]}
                """
            ).first
        )
        let (input, signature) = try Self.parts(
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19"
                + "yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt"
                + "_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
                + "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI"
                + "8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        )
        #expect(key.verifies(signature, of: input, by: .rs256))
        #expect(!key.verifies(signature, of: input + [65], by: .rs256))
        #expect(!key.verifies(signature, of: input, by: .ps256))
        #expect(!key.verifies(signature, of: input, by: .es256))
    }

    @Test func `RFC 8037 appendix A.4: the signature by Ed25519 is verified`() throws {
        let key = try #require(
            Self.keys(
                #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#
            ).first
        )
        let (input, signature) = try Self.parts(
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6"
                + "dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        )
        #expect(key.verifies(signature, of: input, by: .edDSA))
        #expect(!key.verifies(signature, of: [65] + input, by: .edDSA))
    }

    /// RFC 7519 §3.1 is authenticated by a shared secret, §6.1 by nothing.
    @Test(arguments: [
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9"
            + "leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
    ])
    func `RFC 7519: tokens that no key of a provider signed are refused`(_ token: String) {
        #expect(throws: IDToken.Fault.self) { try IDToken(token) }
    }
}
