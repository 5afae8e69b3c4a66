import COpenSSL

/// What the classes for pairs of keys do alike with OpenSSL's.
enum PrivateKeyDER {
    /// PKCS #8, or the older form of the kind.
    ///
    /// - Returns: the key, which is the caller's to free.
    /// - Throws: `.malformed` for what is no key of the kind (`EVP_PKEY_RSA`, …).
    static func read(_ octets: [UInt8], kind: Int32) throws(CryptoError) -> OpaquePointer {
        let read = octets.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var pointer = buffer.baseAddress
            return d2i_AutoPrivateKey(nil, &pointer, buffer.count)
        }
        guard let read else {
            ERR_clear_error()
            throw .malformed
        }
        guard EVP_PKEY_get_base_id(read) == kind else {
            EVP_PKEY_free(read)
            throw .malformed
        }
        return read
    }

    /// PKCS #8.
    static func octets(of key: OpaquePointer) throws(CryptoError) -> [UInt8] {
        guard let info = EVP_PKEY2PKCS8(key) else { throw .failed }
        defer { PKCS8_PRIV_KEY_INFO_free(info) }
        var output: UnsafeMutablePointer<UInt8>?
        let count = i2d_PKCS8_PRIV_KEY_INFO(info, &output)
        guard count > 0, let output else { throw .failed }
        defer { CRYPTO_free(output, "", 0) }
        return Array(UnsafeBufferPointer(start: output, count: Int(count)))
    }

    /// With SHA-256, in the form that the kind has.
    static func sign(_ message: [UInt8], with key: OpaquePointer) throws(CryptoError) -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { throw .failed }
        defer { EVP_MD_CTX_free(context) }
        var length = Int(EVP_PKEY_get_size(key))
        var signature = [UInt8](repeating: 0, count: length)
        guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1,
            EVP_DigestSign(context, &signature, &length, message, message.count) == 1
        else { throw .failed }
        return Array(signature[..<length])
    }
}
