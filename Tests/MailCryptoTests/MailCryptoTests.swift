import MailCrypto
import Testing

@Suite struct MailCryptoTests {
    @Test("SHA-256 of abc, FIPS 180-4")
    func sha256() {
        #expect(SHA256.hash(Array("abc".utf8)).prefix(4) == [0xBA, 0x78, 0x16, 0xBF])
        var pieces = IncrementalSHA256()
        pieces.update(Array("a".utf8))
        pieces.update(Array("bc".utf8))
        #expect(pieces.finish() == SHA256.hash(Array("abc".utf8)))
    }

    @Test("HMAC, RFC 4231 test case 2")
    func hmac() {
        let code = HMACSHA256.authenticate(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(code.prefix(4) == [0x5B, 0xDC, 0xC1, 0x46])
    }

    @Test func `a password verifies against its own hash only`() throws {
        let hasher = PasswordHasher(memory: 1 << 20, passes: 1)
        let hash = try hasher.hash(Array("secret".utf8))
        #expect(hash.hasPrefix("$argon2id$"))
        #expect(hasher.verify(Array("secret".utf8), against: hash))
        #expect(!hasher.verify(Array("Secret".utf8), against: hash))
        #expect(!hasher.verify([], against: hash))
        #expect(!hasher.verify(Array("secret".utf8), against: "plain"))
        #expect(PasswordHasher(memory: 2 << 20, passes: 1).needsRehash(hash))
    }

    @Test func `an over-long password is refused`() {
        #expect(throws: CryptoError.malformed) {
            try PasswordHasher(memory: 1 << 20, passes: 1).hash([UInt8](repeating: 65, count: 1_025))
        }
    }

    @Test func `a sealed value opens with its key, unchanged, and nothing else`() throws {
        let key = try #require(MasterKey(MasterKey.random()))
        let other = try #require(MasterKey(MasterKey.random()))
        var sealed = SecretBox.seal(Array("private".utf8), with: key)
        #expect(try SecretBox.open(sealed, with: key) == Array("private".utf8))
        #expect(throws: CryptoError.malformed) { try SecretBox.open(sealed, with: other) }
        sealed[sealed.count - 1] ^= 1
        #expect(throws: CryptoError.malformed) { try SecretBox.open(sealed, with: key) }
        #expect(throws: CryptoError.malformed) { try SecretBox.open([1, 2, 3], with: key) }
    }

    @Test func `Ed25519 signs as in RFC 8032 §7.1 test 1`() throws {
        let seed: [UInt8] = [
            0x9D, 0x61, 0xB1, 0x9D, 0xEF, 0xFD, 0x5A, 0x60, 0xBA, 0x84, 0x4A, 0xF4, 0x92, 0xEC, 0x2C, 0xC4, 0x44, 0x49,
            0xC5, 0x69, 0x7B, 0x32,
            0x69, 0x19, 0x70, 0x3B, 0xAC, 0x03, 0x1C, 0xAE, 0x7F, 0x60,
        ]
        let key = try #require(Ed25519PrivateKey(seed: seed))
        #expect(key.publicKey.prefix(4) == [0xD7, 0x5A, 0x98, 0x01])
        let signature = key.sign([])
        #expect(signature.prefix(4) == [0xE5, 0x56, 0x43, 0x00])
        #expect(Ed25519.verify(signature, of: [], publicKey: key.publicKey))
        #expect(!Ed25519.verify(signature, of: [0], publicKey: key.publicKey))
    }

    @Test func `an RSA key survives its DER and its signature verifies`() throws {
        let key = try RSAKey.generate()
        let again = try RSAKey(privateDER: try key.privateDER())
        let signature = try again.sign([1, 2, 3])
        #expect(RSAKey.verify(signature, of: [1, 2, 3], publicDER: try key.publicDER()))
        #expect(!RSAKey.verify(signature, of: [1, 2, 4], publicDER: try key.publicDER()))
        #expect(throws: CryptoError.malformed) { try RSAKey(privateDER: [1, 2, 3]) }
    }

    @Test func `a token of another key, algorithm or payload does not verify`() {
        let jws = CompactJWS(key: Ed25519PrivateKey(), keyID: "k1")
        let token = jws.sign(Array(#"{"sub":"1"}"#.utf8))
        #expect(jws.verify(token) == Array(#"{"sub":"1"}"#.utf8))
        #expect(CompactJWS(key: Ed25519PrivateKey(), keyID: "k1").verify(token) == nil)
        let parts = token.split(separator: ".").map(String.init)
        let none = Base64URL.encode(Array(#"{"alg":"none"}"#.utf8))
        #expect(jws.verify("\(none).\(parts[1]).") == nil)
        #expect(jws.verify("\(parts[0]).\(Base64URL.encode(Array(#"{"sub":"2"}"#.utf8))).\(parts[2])") == nil)
        #expect(jws.verify(token + "=") == nil)
        #expect(jws.verify("") == nil)
    }

    @Test func `a development certificate is PEM and names its hosts`() throws {
        let made = try SelfSignedCertificate(hostNames: ["mail.example.test"])
        #expect(String(decoding: made.certificatePEM, as: UTF8.self).hasPrefix("-----BEGIN CERTIFICATE-----"))
        #expect(String(decoding: made.keyPEM, as: UTF8.self).hasPrefix("-----BEGIN PRIVATE KEY-----"))
        #expect(throws: CryptoError.self) { try SelfSignedCertificate(hostNames: ["a,DNS:evil.test"]) }
    }
}
