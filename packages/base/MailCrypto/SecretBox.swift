import CSodium

/// The platform's master key: seals what must not lie readable in the store.
package struct MasterKey: Sendable, CustomStringConvertible {
    let bytes: [UInt8]
    package static let length = 32

    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        self.bytes = bytes
    }

    package static func random() -> [UInt8] { SecureRandom.bytes(length) }

    package var description: String { "MasterKey(redacted)" }
}

/// Authenticated sealing by libsodium's secretbox (XSalsa20-Poly1305), random nonce in front.
package enum SecretBox {
    package static func seal(_ plain: [UInt8], with key: MasterKey) -> [UInt8] {
        let nonce = SecureRandom.bytes(Int(crypto_secretbox_NONCEBYTES))
        var sealed = [UInt8](repeating: 0, count: plain.count + Int(crypto_secretbox_MACBYTES))
        let done = crypto_secretbox_easy(&sealed, plain, UInt64(plain.count), nonce, key.bytes)
        precondition(done == 0, "secretbox cannot fail on these lengths")
        return nonce + sealed
    }

    /// `.malformed` when it was not sealed with this key, or was changed since.
    package static func open(_ sealed: [UInt8], with key: MasterKey) throws(CryptoError) -> [UInt8] {
        Sodium.require()
        let nonceLength = Int(crypto_secretbox_NONCEBYTES)
        let overhead = nonceLength + Int(crypto_secretbox_MACBYTES)
        guard sealed.count >= overhead else { throw .malformed }
        let body = Array(sealed[nonceLength...])
        var plain = [UInt8](repeating: 0, count: sealed.count - overhead)
        let done = crypto_secretbox_open_easy(
            &plain,
            body,
            UInt64(body.count),
            Array(sealed[..<nonceLength]),
            key.bytes
        )
        guard done == 0 else { throw .malformed }
        return plain
    }
}
