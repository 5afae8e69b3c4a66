import COpenSSL

/// A request for a certificate (PKCS #10, RFC 2986) for names, by an ECDSA key on P-256.
package struct CertificateRequest: Sendable, CustomStringConvertible {
    package let der: [UInt8]
    /// PKCS #8.
    package let keyPEM: [UInt8]

    /// - Parameters:
    ///   - hostNames: DNS names, one at least.
    ///   - keyPEM: a key that is used on, so that what pins it goes on; nil makes one.
    /// - Throws: `.malformed` for what is no name or no key on P-256.
    package init(hostNames: [String], keyPEM: [UInt8]? = nil) throws(CryptoError) {
        guard !hostNames.isEmpty, hostNames.allSatisfy(Self.isName) else { throw .malformed }
        let key = if let keyPEM { try Self.read(keyPEM) } else { try Self.make() }
        defer { EVP_PKEY_free(key) }
        guard let request = X509_REQ_new() else { throw .failed }
        defer { X509_REQ_free(request) }
        let names = hostNames.map { "DNS:\($0)" }.joined(separator: ",")
        guard let field = X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, names) else { throw .failed }
        defer { X509_EXTENSION_free(field) }
        guard X509_REQ_set_version(request, 0) == 1, X509_REQ_set_pubkey(request, key) == 1,
            shim_request_extension(request, field) == 1, X509_REQ_sign(request, key, EVP_sha256()) > 0
        else { throw .failed }
        var output: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_REQ(request, &output)
        guard count > 0, let output else { throw .failed }
        defer { CRYPTO_free(output, "", 0) }
        der = Array(UnsafeBufferPointer(start: output, count: Int(count)))
        self.keyPEM = try PrivateKeyPEM.text(key)
    }

    /// Letters, digits, hyphens and dots: nothing that the text of an extension would take for more names.
    static func isName(_ name: String) -> Bool {
        (1...253).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                $0 == 45 || $0 == 46 || (48...57).contains($0) || (97...122).contains($0 | 32)
            }
    }

    private static func make() throws(CryptoError) -> OpaquePointer {
        guard let key = shim_ec_keygen() else { throw .failed }
        return key
    }

    private static func read(_ pem: [UInt8]) throws(CryptoError) -> OpaquePointer {
        guard let read = PrivateKeyPEM.read(pem) else { throw .malformed }
        guard EVP_PKEY_get_base_id(read) == EVP_PKEY_EC, EVP_PKEY_get_bits(read) == 256 else {
            EVP_PKEY_free(read)
            throw .malformed
        }
        return read
    }

    package var description: String { "CertificateRequest(\(der.count) octets)" }
}
