import COpenSSL

/// An RSA key pair for DKIM (RFC 6376 §3.3.1): PKCS #1 v1.5 with SHA-256.
///
/// `@unchecked Sendable`: the key is never changed after it is made, and OpenSSL counts its references atomically.
package final class RSAKey: @unchecked Sendable, CustomStringConvertible {
    let key: OpaquePointer

    /// Takes over the key.
    init(_ key: OpaquePointer) { self.key = key }
    deinit { EVP_PKEY_free(key) }

    /// Takes a quarter of a second for 2,048 bits.
    package static func generate(bits: Int = 2_048) throws(CryptoError) -> RSAKey {
        guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil) else { throw .failed }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits)) == 1,
            EVP_PKEY_keygen(context, &key) == 1, let key
        else { throw .failed }
        return RSAKey(key)
    }

    /// A private key in DER (PKCS #8 or PKCS #1).
    package init(privateDER: [UInt8]) throws(CryptoError) {
        key = try PrivateKeyDER.read(privateDER, kind: EVP_PKEY_RSA)
    }

    /// PKCS #8 DER.
    package func privateDER() throws(CryptoError) -> [UInt8] { try PrivateKeyDER.octets(of: key) }

    /// SubjectPublicKeyInfo DER, as the `p=` tag of a DKIM record wants it.
    package func publicDER() throws(CryptoError) -> [UInt8] {
        var output: UnsafeMutablePointer<UInt8>?
        let count = i2d_PUBKEY(key, &output)
        guard count > 0, let output else { throw .failed }
        defer { CRYPTO_free(output, "", 0) }
        return Array(UnsafeBufferPointer(start: output, count: Int(count)))
    }

    package func sign(_ message: [UInt8]) throws(CryptoError) -> [UInt8] { try PrivateKeyDER.sign(message, with: key) }

    /// False for a key that does not read too.
    package static func verify(_ signature: [UInt8], of message: [UInt8], publicDER: [UInt8]) -> Bool {
        let read = publicDER.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var pointer = buffer.baseAddress
            return d2i_PUBKEY(nil, &pointer, buffer.count)
        }
        guard let read, let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            EVP_PKEY_free(read)
        }
        return EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, read) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }

    /// The size of an RSA key's modulus; nil for what is no RSA key.
    package static func bits(publicDER: [UInt8]) -> Int? {
        let read = publicDER.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var pointer = buffer.baseAddress
            return d2i_PUBKEY(nil, &pointer, buffer.count)
        }
        guard let read else { return nil }
        defer { EVP_PKEY_free(read) }
        return EVP_PKEY_get_base_id(read) == EVP_PKEY_RSA ? Int(EVP_PKEY_get_bits(read)) : nil
    }

    package var description: String { "RSAKey(redacted)" }
}
