import COpenSSL

/// A private key in PEM (RFC 7468): PKCS #8 (RFC 5958), or PKCS #1 for RSA; never under a passphrase.
package enum PrivateKeyPEM: Sendable, CustomStringConvertible {
    case rsa(RSAKey, bits: Int)
    case ed25519(Ed25519PrivateKey)

    /// Octets of a file that is read.
    package static let longest = 16_384

    /// - Throws: `.malformed` for what is no such key, is damaged, or has a passphrase.
    package init(_ text: [UInt8]) throws(CryptoError) {
        guard let read = Self.read(text) else { throw .malformed }
        switch EVP_PKEY_get_base_id(read) {
        case EVP_PKEY_RSA:
            guard Self.isSound(read) else {
                EVP_PKEY_free(read)
                throw .malformed
            }
            self = .rsa(RSAKey(read), bits: Int(EVP_PKEY_get_bits(read)))
        case NID_ED25519:
            defer { EVP_PKEY_free(read) }
            var seed = [UInt8](repeating: 0, count: 32)
            var count = seed.count
            guard EVP_PKEY_get_raw_private_key(read, &seed, &count) == 1, count == seed.count,
                let key = Ed25519PrivateKey(seed: seed)
            else { throw .malformed }
            self = .ed25519(key)
        default:
            EVP_PKEY_free(read)
            throw .malformed
        }
    }

    /// OpenSSL's key, of any kind, which the caller frees; nil for what is none, is too long, or has a passphrase.
    static func read(_ text: [UInt8]) -> OpaquePointer? {
        guard text.count <= longest, let memory = BIO_new_mem_buf(text, Int32(text.count)) else { return nil }
        defer {
            BIO_free(memory)
            ERR_clear_error()
        }
        // The passphrase is empty: nobody is asked for one.
        return Array("\0".utf8).withUnsafeBufferPointer { empty in
            PEM_read_bio_PrivateKey(memory, nil, nil, UnsafeMutableRawPointer(mutating: empty.baseAddress))
        }
    }

    /// Whether the numbers of the key belong together.
    private static func isSound(_ key: OpaquePointer) -> Bool {
        guard let context = EVP_PKEY_CTX_new(key, nil) else { return false }
        defer { EVP_PKEY_CTX_free(context) }
        return EVP_PKEY_check(context) == 1
    }

    /// PKCS #8 in PEM.
    package func text() throws(CryptoError) -> [UInt8] {
        switch self {
        case .rsa(let key, _): return try Self.text(key.key)
        case .ed25519(let key):
            guard let made = EVP_PKEY_new_raw_private_key(NID_ED25519, nil, key.seed, key.seed.count) else {
                throw .failed
            }
            defer { EVP_PKEY_free(made) }
            return try Self.text(made)
        }
    }

    static func text(_ key: OpaquePointer) throws(CryptoError) -> [UInt8] {
        guard let memory = BIO_new(BIO_s_mem()) else { throw .failed }
        defer { BIO_free(memory) }
        guard PEM_write_bio_PrivateKey(memory, key, nil, nil, 0, nil, nil) == 1 else { throw .failed }
        var content = [UInt8](repeating: 0, count: longest)
        let count = BIO_read(memory, &content, Int32(content.count))
        guard count > 0 else { throw .failed }
        return Array(content[..<Int(count)])
    }

    package var description: String { "PrivateKeyPEM(redacted)" }
}
