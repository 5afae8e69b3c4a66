import COpenSSL

/// PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2), as SCRAM-SHA-256 wants it (`Hi` of RFC 5802 §2.2).
///
/// Time grows with `iterations`: about a millisecond for 4,096.
package enum PBKDF2SHA256 {
    /// 32 octets.
    package static func derive(_ password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
        var key = [UInt8](repeating: 0, count: 32)
        let done = PKCS5_PBKDF2_HMAC(
            password.map(CChar.init(bitPattern:)),
            Int32(password.count),
            salt,
            Int32(salt.count),
            Int32(iterations),
            EVP_sha256(),
            32,
            &key
        )
        precondition(done == 1, "PBKDF2 is always there")
        return key
    }
}
