import COpenSSL

/// A certificate for development: ECDSA P-256, signed by itself.
package struct SelfSignedCertificate: Sendable {
    package let certificatePEM: [UInt8]
    package let keyPEM: [UInt8]

    /// - Parameter hostNames: the first is the subject's common name; all are alternative names, with `localhost` and 127.0.0.1.
    package init(hostNames: [String], validDays: Int = 825) throws(CryptoError) {
        guard let first = hostNames.first, let key = shim_ec_keygen(), let certificate = X509_new() else {
            throw .failed
        }
        defer {
            EVP_PKEY_free(key)
            X509_free(certificate)
        }
        guard
            hostNames.allSatisfy({
                $0.utf8.allSatisfy { $0 == 45 || $0 == 46 || (48...57).contains($0) || (65...122).contains($0) }
            })
        else { throw .malformed }
        X509_set_version(certificate, 2)
        var serial = SecureRandom.bytes(16)
        serial[0] &= 0x7F
        guard let number = BN_bin2bn(serial, 16, nil) else { throw .failed }
        defer { BN_free(number) }
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate))
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3_600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), validDays * 86_400)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_txt(
            name,
            "CN",
            MBSTRING_UTF8,
            Array(first.utf8),
            Int32(min(64, first.utf8.count)),
            -1,
            0
        )
        X509_set_issuer_name(certificate, name)
        let names = (hostNames + ["localhost"]).map { "DNS:\($0)" } + ["IP:127.0.0.1", "IP:::1"]
        for (kind, value) in [
            (NID_subject_alt_name, names.joined(separator: ",")), (NID_basic_constraints, "critical,CA:FALSE"),
            (NID_ext_key_usage, "serverAuth"),
        ] {
            guard let field = X509V3_EXT_conf_nid(nil, nil, kind, value) else { throw .failed }
            X509_add_ext(certificate, field, -1)
            X509_EXTENSION_free(field)
        }
        guard X509_sign(certificate, key, EVP_sha256()) > 0 else { throw .failed }
        certificatePEM = try Self.pem { PEM_write_bio_X509($0, certificate) }
        keyPEM = try Self.pem { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
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
