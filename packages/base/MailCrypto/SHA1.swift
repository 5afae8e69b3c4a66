import COpenSSL

/// SHA-1 (FIPS 180-4), to look things up in lists that others made with it; protects nothing.
package enum SHA1 {
    /// 20 octets.
    package static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 20)
        let done = EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha1(), nil)
        precondition(done == 1, "SHA-1 is always there")
        return digest
    }
}
