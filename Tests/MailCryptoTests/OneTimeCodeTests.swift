import MailCrypto
import Testing

@Suite struct OneTimeCodeTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        var seconds: Int64
        var code: String
        var testDescription: String { "\(seconds)" }
        init(_ seconds: Int64, _ code: String) { (self.seconds, self.code) = (seconds, code) }

        /// RFC 6238 appendix B, SHA-1.
        static let all = [
            Vector(59, "94287082"), Vector(1_111_111_109, "07081804"), Vector(1_111_111_111, "14050471"),
            Vector(1_234_567_890, "89005924"), Vector(2_000_000_000, "69279037"), Vector(20_000_000_000, "65353130"),
        ]
    }

    @Test(arguments: Vector.all) func codesAreThoseOfTheRFC(vector: Vector) {
        let secret = Array("12345678901234567890".utf8)
        let step = TOTP.step(at: vector.seconds)
        #expect(TOTP.code(secret, step: step, digits: 8) == vector.code)
        #expect(TOTP.code(secret, step: step) == String(vector.code.suffix(6)))
    }

    /// RFC 4648 §10.
    @Test func base32() {
        let pairs: [(String, String)] = [
            ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ]
        for (plain, text) in pairs { #expect(Base32.encode(Array(plain.utf8)) == text) }
    }

    /// RFC 7914 §11.
    @Test func pbkdf2() {
        let short = PBKDF2SHA256.derive(Array("passwd".utf8), salt: Array("salt".utf8), iterations: 1)
        #expect(short.prefix(8) == [0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f])
        let long = PBKDF2SHA256.derive(Array("Password".utf8), salt: Array("NaCl".utf8), iterations: 80_000)
        #expect(long.prefix(8) == [0x4d, 0xdc, 0xd8, 0xf6, 0x0b, 0x98, 0xbe, 0x21] && long.count == 32)
    }
}
