import CSodium

/// Ed25519 (RFC 8032) by libsodium.
package struct Ed25519PrivateKey: Sendable, CustomStringConvertible {
    /// 32 octets; the whole key follows from it.
    package let seed: [UInt8]
    package let publicKey: [UInt8]
    private let expanded: [UInt8]

    package init() { self.init(checkedSeed: SecureRandom.bytes(Int(crypto_sign_SEEDBYTES))) }

    /// nil when the seed is not 32 octets long.
    package init?(seed: [UInt8]) {
        guard seed.count == Int(crypto_sign_SEEDBYTES) else { return nil }
        self.init(checkedSeed: seed)
    }

    private init(checkedSeed seed: [UInt8]) {
        Sodium.require()
        var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
        var secretKey = [UInt8](repeating: 0, count: Int(crypto_sign_SECRETKEYBYTES))
        let status = crypto_sign_seed_keypair(&publicKey, &secretKey, seed)
        precondition(status == 0, "libsodium makes a key of every seed of the right length")
        self.seed = seed
        self.publicKey = publicKey
        self.expanded = secretKey
    }

    /// 64 octets.
    package func sign(_ message: [UInt8]) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: Int(crypto_sign_BYTES))
        let done = crypto_sign_detached(&signature, nil, message, UInt64(message.count), expanded)
        precondition(done == 0, "signing cannot fail with a key of the right length")
        return signature
    }

    package var description: String { "Ed25519PrivateKey(redacted)" }
}

package enum Ed25519 {
    package static func verify(_ signature: [UInt8], of message: [UInt8], publicKey: [UInt8]) -> Bool {
        Sodium.require()
        guard signature.count == Int(crypto_sign_BYTES), publicKey.count == Int(crypto_sign_PUBLICKEYBYTES) else {
            return false
        }
        return crypto_sign_verify_detached(signature, message, UInt64(message.count), publicKey) == 0
    }
}
