import COpenSSL

/// What matters of an X.509 certificate (RFC 5280) to those who watch it.
package struct Certificate: Hashable, Sendable {
    package let der: [UInt8]
    /// Seconds of 1970.
    package let notBefore: Int64
    package let notAfter: Int64
    /// DNS names among the alternative names, as written; wildcards too.
    package let names: [String]
    /// On one line, printable.
    package let subject: String
    package let issuer: String
    /// SHA-256 of the SubjectPublicKeyInfo: what DANE pins (RFC 6698 §2.1.2, selector 1).
    package let keyHash: [UInt8]

    /// Names that are read of one certificate, and certificates of one file.
    private static let maximumNames = 1_000
    private static let maximumChain = 20

    package init(der: [UInt8]) throws(CryptoError) {
        guard let read = Self.read(der) else { throw .malformed }
        defer { X509_free(read) }
        try self.init(read, der)
    }

    private init(_ read: OpaquePointer, _ der: [UInt8]) throws(CryptoError) {
        self.der = der
        notBefore = shim_seconds(X509_get0_notBefore(read))
        notAfter = shim_seconds(X509_get0_notAfter(read))
        var names: [String] = []
        var place: Int32 = 0
        var name = [UInt8](repeating: 0, count: 255)
        while place < Self.maximumNames {
            let count = shim_alternative_name(read, place, &name, 255)
            guard count >= 0 else { break }
            if count > 0 { names.append(Self.printable(Array(name[..<Int(count)]))) }
            place += 1
        }
        self.names = names
        subject = Self.line(X509_get_subject_name(read))
        issuer = Self.line(X509_get_issuer_name(read))
        var output: UnsafeMutablePointer<UInt8>?
        let count = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(read), &output)
        guard count > 0, let output else { throw .malformed }
        defer { CRYPTO_free(output, "", 0) }
        keyHash = SHA256.hash(Array(UnsafeBufferPointer(start: output, count: Int(count))))
    }

    /// The certificates of a PEM file, the server's own first; empty when it has none.
    package static func chain(pem: [UInt8]) -> [Certificate] {
        guard let memory = BIO_new_mem_buf(pem, Int32(pem.count)) else { return [] }
        defer { BIO_free(memory) }
        var found: [Certificate] = []
        while found.count < maximumChain, let read = PEM_read_bio_X509(memory, nil, nil, nil) {
            defer { X509_free(read) }
            var output: UnsafeMutablePointer<UInt8>?
            let count = i2d_X509(read, &output)
            guard count > 0, let output else { break }
            defer { CRYPTO_free(output, "", 0) }
            let der = Array(UnsafeBufferPointer(start: output, count: Int(count)))
            guard let certificate = try? Certificate(read, der) else { break }
            found.append(certificate)
        }
        ERR_clear_error()
        return found
    }

    /// Whether it is for the host, wildcards counted (RFC 9525 §6.3).
    package func isFor(_ host: String) -> Bool {
        guard let read = Self.read(der) else { return false }
        defer { X509_free(read) }
        let name = Array(host.utf8)
        return name.withUnsafeBytes { bytes in
            X509_check_host(read, bytes.bindMemory(to: CChar.self).baseAddress, name.count, 0, nil) == 1
        }
    }

    /// Whether the private key in PEM is this certificate's; false for what is no key.
    package func hasKey(pem: [UInt8]) -> Bool {
        guard let read = Self.read(der), let key = PrivateKeyPEM.read(pem) else { return false }
        defer {
            X509_free(read)
            EVP_PKEY_free(key)
            ERR_clear_error()
        }
        return X509_check_private_key(read, key) == 1
    }

    /// Why clients that trust what this machine trusts would refuse the chain now, in OpenSSL's words; nil when they take it.
    ///
    /// - Parameter roots: a PEM file of trusted certificates; the system's when nil.
    package static func fault(in chain: [Certificate], roots: String? = nil) -> String? {
        guard let first = chain.first, let leaf = read(first.der) else { return "there is no certificate" }
        defer { X509_free(leaf) }
        guard let store = X509_STORE_new(), let context = X509_STORE_CTX_new(), let others = shim_certificates() else {
            return "out of memory"
        }
        defer {
            X509_STORE_CTX_free(context)
            X509_STORE_free(store)
            shim_free_certificates(others)
        }
        for certificate in chain.dropFirst() {
            guard let read = read(certificate.der) else { continue }
            if shim_add_certificate(others, read) == 0 { X509_free(read) }
        }
        let isLoaded = roots.map { X509_STORE_load_file(store, $0) == 1 } ?? (X509_STORE_set_default_paths(store) == 1)
        guard isLoaded, X509_STORE_CTX_init(context, store, leaf, others) == 1 else {
            return "the trusted certificates cannot be read"
        }
        X509_STORE_CTX_set_default(context, "ssl_server")
        guard X509_verify_cert(context) != 1 else { return nil }
        let reason = X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(context)))
        return reason.map { String(cString: $0) } ?? "the chain is not trusted"
    }

    private static func read(_ der: [UInt8]) -> OpaquePointer? {
        der.withUnsafeBufferPointer { buffer in
            var pointer = buffer.baseAddress
            return d2i_X509(nil, &pointer, buffer.count)
        }
    }

    private static func line(_ name: OpaquePointer?) -> String {
        var text = [CChar](repeating: 0, count: 256)
        X509_NAME_oneline(name, &text, Int32(text.count))
        return printable(text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) })
    }

    private static func printable(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.map { $0 < 32 || $0 > 126 ? 63 : $0 }, as: UTF8.self)
    }
}
