import COpenSSL

/// A certificate that its own key has signed: ECDSA P-256, for development and for challenges of authorities.
package struct SelfSignedCertificate: Sendable {
    package let certificatePEM: [UInt8]
    package let keyPEM: [UInt8]

    private static let seconds = 86_400

    /// - Parameter hostNames: the first is the subject's common name; all are alternative names, with `localhost` and 127.0.0.1.
    package init(hostNames: [String], validDays: Int = 825) throws(CryptoError) {
        guard let first = hostNames.first else { throw .failed }
        guard
            hostNames.allSatisfy({
                $0.utf8.allSatisfy { $0 == 45 || $0 == 46 || (48...57).contains($0) || (65...122).contains($0) }
            })
        else { throw .malformed }
        let names = (hostNames + ["localhost"]).map { "DNS:\($0)" } + ["IP:127.0.0.1", "IP:::1"]
        try self.init(subject: Array(first.utf8), seconds: validDays * Self.seconds) { () throws(CryptoError) in
            [
                try Self.field(NID_subject_alt_name, names.joined(separator: ",")),
                try Self.field(NID_basic_constraints, "critical,CA:FALSE"),
                try Self.field(NID_ext_key_usage, "serverAuth"),
            ]
        }
    }

    /// The certificate that a TLS-ALPN-01 challenge is answered with (RFC 8737 §3): for this name alone, with SHA-256 of
    /// the key authorization as its critical `acmeIdentifier`.
    ///
    /// - Throws: `.malformed` for what is no name.
    package init(answering keyAuthorization: String, for name: String) throws(CryptoError) {
        guard CertificateRequest.isName(name) else { throw .malformed }
        let digest = SHA256.hash(Array(keyAuthorization.utf8))
        // Longer than any authority takes to look; nobody trusts it in any case.
        try self.init(subject: Array("ACME challenge".utf8), seconds: Self.seconds) { () throws(CryptoError) in
            [try Self.field(NID_subject_alt_name, "DNS:\(name)"), try Self.identifier(digest)]
        }
    }

    /// - Parameter fields: makes the extensions, which are freed here.
    private init(
        subject: [UInt8],
        seconds: Int,
        fields: () throws(CryptoError) -> [OpaquePointer]
    ) throws(CryptoError) {
        guard let key = shim_ec_keygen(), let certificate = X509_new() else { throw .failed }
        defer {
            EVP_PKEY_free(key)
            X509_free(certificate)
        }
        X509_set_version(certificate, 2)
        var serial = SecureRandom.bytes(16)
        serial[0] &= 0x7F
        guard let number = BN_bin2bn(serial, 16, nil) else { throw .failed }
        defer { BN_free(number) }
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate))
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3_600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), seconds)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        // ub-common-name (RFC 5280 appendix A.1).
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, subject, Int32(min(64, subject.count)), -1, 0)
        X509_set_issuer_name(certificate, name)
        for field in try fields() {
            X509_add_ext(certificate, field, -1)
            X509_EXTENSION_free(field)
        }
        guard X509_sign(certificate, key, EVP_sha256()) > 0 else { throw .failed }
        certificatePEM = try Self.pem { PEM_write_bio_X509($0, certificate) }
        keyPEM = try Self.pem { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
    }

    private static func field(_ kind: Int32, _ value: String) throws(CryptoError) -> OpaquePointer {
        guard let field = X509V3_EXT_conf_nid(nil, nil, kind, value) else { throw .failed }
        return field
    }

    /// `id-pe-acmeIdentifier`, critical; its value is `Authorization ::= OCTET STRING (SIZE (32))` (RFC 8737 §3).
    private static func identifier(_ digest: [UInt8]) throws(CryptoError) -> OpaquePointer {
        precondition(digest.count == 32, "SHA-256 has 32 octets")
        guard let kind = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1), let value = ASN1_OCTET_STRING_new() else {
            throw .failed
        }
        defer {
            ASN1_OBJECT_free(kind)
            ASN1_OCTET_STRING_free(value)
        }
        let authorization: [UInt8] = [0x04, 32] + digest
        guard ASN1_OCTET_STRING_set(value, authorization, Int32(authorization.count)) == 1,
            let field = X509_EXTENSION_create_by_OBJ(nil, kind, 1, value)
        else { throw .failed }
        return field
    }

    private static func pem(_ write: (OpaquePointer) -> Int32) throws(CryptoError) -> [UInt8] {
        guard let memory = BIO_new(BIO_s_mem()) else { throw .failed }
        defer { BIO_free(memory) }
        guard write(memory) == 1 else { throw .failed }
        var content = [UInt8](repeating: 0, count: 16_384)
        let count = BIO_read(memory, &content, Int32(content.count))
        guard count > 0 else { throw .failed }
        return Array(content[..<Int(count)])
    }
}
