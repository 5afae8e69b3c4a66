import MailCrypto
import Testing

@Suite struct TokenSigningKeyTests {
    /// RFC 7515 appendix A.3: the key, the signing input and its signature by ES256.
    @Test func theExampleOfJWSIsVerified() throws {
        func bytes(_ text: String) throws -> [UInt8] { try #require(Base64URL.decode(text.utf8)) }
        let input =
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let signature = try bytes(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        )
        let (x, y) = (
            try bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
            try bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
        )
        #expect(PublicKeySignature.verifyTokenES256(signature, of: Array(input.utf8), x: x, y: y))
        #expect(!PublicKeySignature.verifyTokenES256(signature, of: Array(input.utf8) + [0], x: x, y: y))
        #expect(!PublicKeySignature.verifyTokenES256(signature + [0], of: Array(input.utf8), x: x, y: y))
    }

    private static func all() throws -> [TokenSigningKey] { [.makeEdDSA(), try .makeES256(), try .makeRS256()] }

    @Test func everyAlgorithmSignsWhatItVerifiesAndIsReadBack() throws {
        let keys = try Self.all()
        for key in keys {
            let read = try TokenSigningKey(algorithm: key.algorithm, privateBytes: try key.privateBytes())
            #expect(try read.identifier() == key.identifier())
            let message = Array("message".utf8)
            let signature = try key.sign(message)
            #expect(read.verify(signature, of: message) && !read.verify(signature, of: message + [0]))
            #expect(!read.verify(signature.dropLast() + [signature[signature.count - 1] ^ 1], of: message))
            #expect(try key.publicJWK(keyID: "k").contains("\"alg\":\"\(key.algorithm)\""))
            #expect("\(key)" == "TokenSigningKey(redacted)")
        }
        #expect(throws: CryptoError.self) {
            try TokenSigningKey(algorithm: "ES256", privateBytes: try keys[2].privateBytes())
        }
        #expect(throws: CryptoError.self) { try TokenSigningKey(algorithm: "none", privateBytes: []) }
        // Signatures by P-256 have the same length whatever numbers they hold.
        for count in 0..<200 { #expect(try keys[1].sign([UInt8(count)]).count == 64) }
    }

    @Test func aTokenIsOfOneKeyOneAlgorithmAndOneType() throws {
        let keys = try Self.all()
        let signers = keys.map { CompactJWS(key: $0, keyID: "k", type: "at+jwt") }
        for (index, signer) in signers.enumerated() {
            let token = signer.sign(Array("{}".utf8))
            for (other, verifier) in signers.enumerated() {
                #expect((verifier.verify(token) != nil) == (index == other))
            }
            #expect(CompactJWS(key: keys[index], keyID: "k").verify(token) == nil)
            #expect(CompactJWS(key: keys[index], keyID: "l", type: "at+jwt").verify(token) == nil)
            let parts = token.split(separator: ".").map(String.init)
            for header in [#"{"alg":"none"}"#, #"{"alg":"HS256","kid":"k","typ":"at+jwt"}"#] {
                let forged = "\(Base64URL.encode(Array(header.utf8))).\(parts[1]).\(parts[2])"
                #expect(signer.verify(forged) == nil)
            }
        }
    }
}
