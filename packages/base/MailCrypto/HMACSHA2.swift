import COpenSSL

/// HMAC (RFC 2104) with the longer and shorter hashes of the SHA-2 family (FIPS 180-4).
package enum HMACSHA2: Sendable {
    case sha256, sha384, sha512

    /// Octets of a code.
    package var length: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    package func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        let hash =
            switch self {
            case .sha256: EVP_sha256()
            case .sha384: EVP_sha384()
            case .sha512: EVP_sha512()
            }
        var code = [UInt8](repeating: 0, count: length)
        var written: UInt32 = 0
        let made = HMAC(hash, key, Int32(key.count), message, message.count, &code, &written)
        precondition(made != nil && Int(written) == length, "SHA-2 is always there")
        return code
    }
}
