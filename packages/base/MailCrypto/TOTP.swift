import COpenSSL

/// Codes that change with the time (RFC 6238), with HMAC-SHA-1, steps of 30 seconds, as every authenticator program
/// has them.
package enum TOTP {
    /// Seconds of a step (RFC 6238 §4.1, X).
    package static let period: Int64 = 30
    /// Octets of a secret: the length of the hash (RFC 4226 §4, R6).
    package static let secretLength = 20

    /// The step that a moment in seconds since 1970 lies in (RFC 6238 §4.2, T).
    package static func step(at seconds: Int64) -> Int64 { seconds / period }

    /// RFC 4226 §5.3, with as many digits as asked for, 6 to 8.
    package static func code(_ secret: [UInt8], step: Int64, digits: Int = 6) -> String {
        let counter = (0..<8).map { UInt8(truncatingIfNeeded: step >> (56 - 8 * $0)) }
        var code = [UInt8](repeating: 0, count: 20)
        var length: UInt32 = 20
        let made = HMAC(EVP_sha1(), secret, Int32(secret.count), counter, counter.count, &code, &length)
        precondition(made != nil && length == 20, "HMAC-SHA-1 is always there")
        let offset = Int(code[19] & 15)
        let number =
            (UInt32(code[offset]) & 127) << 24 | UInt32(code[offset + 1]) << 16 | UInt32(code[offset + 2]) << 8
            | UInt32(code[offset + 3])
        let modulus = (0..<digits).reduce(UInt32(1)) { value, _ in value * 10 }
        let text = String(number % modulus)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }
}

/// Base 32 without padding (RFC 4648 §6), as authenticator programs take secrets.
package enum Base32 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    package static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var (bits, count) = (UInt32(0), UInt32(0))
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 5 {
                count -= 5
                text.append(alphabet[Int(bits >> count & 31)])
            }
            bits &= 1 << count - 1
        }
        if count > 0 { text.append(alphabet[Int(bits << (5 - count) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
