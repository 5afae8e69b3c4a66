import CSodium

/// JSON Web Signatures in compact form (RFC 7515 §7.1), by one key and its algorithm.
///
/// The header is fixed text, compared octet by octet: a token with any other algorithm, key or parameter is refused
/// before its payload is looked at.
package struct CompactJWS: Sendable {
    private let key: TokenSigningKey
    private let header: [UInt8]

    package init(key: Ed25519PrivateKey, keyID: String) { self.init(key: .edDSA(key), keyID: keyID) }

    /// - Parameters:
    ///   - keyID: 1 to 64 letters, digits, `-` or `_`.
    ///   - type: what kind of token it is (RFC 8725 §3.11): one of another type is refused.
    package init(key: TokenSigningKey, keyID: String, type: String = "JWT") {
        precondition(
            keyID.utf8.allSatisfy { $0 == 45 || $0 == 95 || (48...57).contains($0) || (97...122).contains($0 | 32) }
        )
        self.key = key
        self.header = Array(#"{"alg":"\#(key.algorithm)","kid":"\#(keyID)","typ":"\#(type)"}"#.utf8)
    }

    package func sign(_ payload: [UInt8]) -> String {
        let input = Base64URL.encode(header) + "." + Base64URL.encode(payload)
        guard let signature = try? key.sign(Array(input.utf8)) else {
            preconditionFailure("a key that was made or read signs")
        }
        return input + "." + Base64URL.encode(signature)
    }

    /// The payload of a token that this key signed; nil for every other text.
    ///
    /// At most 8 KiB.
    package func verify(_ token: String) -> [UInt8]? {
        let parts = token.utf8.split(separator: 46, omittingEmptySubsequences: false)
        guard token.utf8.count <= 8_192, parts.count == 3, parts[0].elementsEqual(Base64URL.encode(header).utf8) else {
            return nil
        }
        guard let payload = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2]) else { return nil }
        let input = Array(parts[0]) + [46] + Array(parts[1])
        return key.verify(signature, of: input) ? payload : nil
    }
}

/// Base 64 for URLs without padding (RFC 4648 §5, RFC 7515 §2), by libsodium.
package enum Base64URL {
    package static func encode(_ bytes: [UInt8]) -> String {
        Sodium.require()
        let variant = Int32(sodium_base64_VARIANT_URLSAFE_NO_PADDING)
        var text = [CChar](repeating: 0, count: sodium_base64_encoded_len(bytes.count, variant))
        sodium_bin2base64(&text, text.count, bytes, bytes.count, variant)
        return String(decoding: text.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// nil unless it is exactly that form.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        Sodium.require()
        let source = text.map(CChar.init(bitPattern:))
        var bytes = [UInt8](repeating: 0, count: source.count * 3 / 4 + 3)
        var count = 0
        var end: UnsafePointer<CChar>?
        return source.withUnsafeBufferPointer { buffer -> [UInt8]? in
            guard let start = buffer.baseAddress else { return [] }
            let done = sodium_base642bin(
                &bytes,
                bytes.count,
                start,
                buffer.count,
                nil,
                &count,
                &end,
                Int32(sodium_base64_VARIANT_URLSAFE_NO_PADDING)
            )
            guard done == 0, end == start + buffer.count else { return nil }
            return Array(bytes[..<count])
        }
    }
}
