import COpenSSL

/// A key pair on P-256 for ES256 (RFC 7518 §3.4).
///
/// `@unchecked Sendable`: the key is never changed after it is made, and OpenSSL counts its references atomically.
package final class ECKey: @unchecked Sendable, CustomStringConvertible {
    /// Octets of each of the two numbers of a signature, and of each coordinate.
    private static let width = 32

    private let key: OpaquePointer
    /// The public point.
    package let x: [UInt8]
    package let y: [UInt8]

    private init(owning key: OpaquePointer) throws(CryptoError) {
        var output: UnsafeMutablePointer<UInt8>?
        let count = Int(i2d_PUBKEY(key, &output))
        guard count > 65, let output else {
            EVP_PKEY_free(key)
            throw .failed
        }
        // RFC 5480 §2.2: the last of it is the uncompressed point.
        let point = Array(UnsafeBufferPointer(start: output, count: count)[(count - 65)...])
        CRYPTO_free(output, "", 0)
        guard point[0] == 4 else {
            EVP_PKEY_free(key)
            throw .malformed
        }
        self.key = key
        x = Array(point[1..<33])
        y = Array(point[33...])
    }

    deinit { EVP_PKEY_free(key) }

    package static func generate() throws(CryptoError) -> ECKey {
        guard let made = shim_ec_keygen() else { throw .failed }
        return try ECKey(owning: made)
    }

    /// PKCS #8 in DER.
    ///
    /// - Throws: `.malformed` for what is no key on P-256.
    package convenience init(privateDER: [UInt8]) throws(CryptoError) {
        let read = try PrivateKeyDER.read(privateDER, kind: EVP_PKEY_EC)
        guard EVP_PKEY_get_bits(read) == 256 else {
            EVP_PKEY_free(read)
            throw .malformed
        }
        try self.init(owning: read)
    }

    package func privateDER() throws(CryptoError) -> [UInt8] { try PrivateKeyDER.octets(of: key) }

    /// The two numbers side by side, 64 octets, as JWS has them (RFC 7518 §3.4).
    package func sign(_ message: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard let plain = Self.plain(try PrivateKeyDER.sign(message, with: key)) else { throw .failed }
        return plain
    }

    /// Of an ASN.1 signature (RFC 3279 §2.2.3): `SEQUENCE { r INTEGER, s INTEGER }`.
    private static func plain(_ signature: [UInt8]) -> [UInt8]? {
        var rest = signature[...]
        guard rest.popFirst() == 0x30, let length = rest.popFirst(), Int(length) == rest.count else { return nil }
        var plain: [UInt8] = []
        for _ in 0..<2 {
            guard rest.popFirst() == 0x02, let count = rest.popFirst(), rest.count >= Int(count) else { return nil }
            let number = rest.prefix(Int(count)).drop { $0 == 0 }
            guard number.count <= width else { return nil }
            plain += [UInt8](repeating: 0, count: width - number.count) + number
            rest = rest.dropFirst(Int(count))
        }
        return rest.isEmpty ? plain : nil
    }

    package var description: String { "ECKey(redacted)" }
}
