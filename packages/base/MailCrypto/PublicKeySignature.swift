import COpenSSL

/// Checks signatures by keys that come as bare numbers, as COSE has them.
package enum PublicKeySignature {
    /// ECDSA on P-256 with SHA-256 over an ASN.1 signature; false for a point that is not on the curve too.
    package static func verifyES256(_ signature: [UInt8], of message: [UInt8], x: [UInt8], y: [UInt8]) -> Bool {
        guard x.count == 32, y.count == 32 else { return false }
        // SubjectPublicKeyInfo of id-ecPublicKey, prime256v1, an uncompressed point (RFC 5480 §2).
        let head: [UInt8] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
            0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
        ]
        return verify(signature, of: message, publicDER: head + x + y, type: EVP_PKEY_EC)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    package static func verifyRS256(
        _ signature: [UInt8],
        of message: [UInt8],
        modulus: [UInt8],
        exponent: [UInt8]
    ) -> Bool {
        verify(signature, of: message, publicDER: rsa(modulus, exponent), type: EVP_PKEY_RSA)
    }

    static func rsa(_ modulus: [UInt8], _ exponent: [UInt8]) -> [UInt8] {
        let key = tagged(0x30, integer(modulus) + integer(exponent))
        // rsaEncryption with NULL (RFC 3279 §2.3.1).
        let algorithm: [UInt8] = [
            0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
        ]
        return tagged(0x30, algorithm + tagged(0x03, [0] + key))
    }

    /// - Parameter usesPSS: RSASSA-PSS with a salt as long as the hash, and MGF1 with the same hash.
    static func verify(
        _ signature: [UInt8],
        of message: [UInt8],
        publicDER: [UInt8],
        type: Int32,
        usesPSS: Bool = false
    ) -> Bool {
        let read = publicDER.withUnsafeBufferPointer { buffer -> OpaquePointer? in
            var pointer = buffer.baseAddress
            return d2i_PUBKEY(nil, &pointer, buffer.count)
        }
        guard let read else {
            ERR_clear_error()
            return false
        }
        defer { EVP_PKEY_free(read) }
        guard EVP_PKEY_get_base_id(read) == type, let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        var parameters: OpaquePointer?
        guard EVP_DigestVerifyInit(context, &parameters, EVP_sha256(), nil, read) == 1 else { return false }
        if usesPSS {
            guard EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1,
                EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1
            else { return false }
        }
        return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }

    /// A non-negative INTEGER (X.690 §8.3).
    static func integer(_ bytes: [UInt8]) -> [UInt8] {
        tagged(0x02, (bytes.first.map { $0 >= 0x80 } ?? true ? [0] : []) + bytes)
    }

    static func tagged(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        switch content.count {
        case ..<0x80: [tag, UInt8(content.count)] + content
        case ..<0x100: [tag, 0x81, UInt8(content.count)] + content
        default: [tag, 0x82, UInt8(content.count >> 8), UInt8(truncatingIfNeeded: content.count)] + content
        }
    }
}
