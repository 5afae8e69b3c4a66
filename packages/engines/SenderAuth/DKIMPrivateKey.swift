package import MailCrypto
package import MailPorts

/// A domain's private signing key, out of its seal.
package enum DKIMPrivateKey: Sendable, CustomStringConvertible {
    case rsa(RSAKey)
    case ed25519(Ed25519PrivateKey)

    /// Takes a quarter of a second for RSA of 2,048 bits, a second for 3,072.
    package static func make(
        _ algorithm: DKIMKey.Algorithm,
        rsaBits: Int = 2_048
    ) throws(CryptoError) -> DKIMPrivateKey {
        switch algorithm {
        // RFC 8301 §3.2: "Signers SHOULD use RSA keys of at least 2048 bits."
        case .rsaSHA256: .rsa(try RSAKey.generate(bits: rsaBits))
        case .ed25519SHA256: .ed25519(Ed25519PrivateKey())
        }
    }

    package init(unsealing key: DKIMKey, with master: MasterKey) throws(CryptoError) {
        let plain = try SecretBox.open(key.sealedPrivateKey, with: master)
        switch key.algorithm {
        case .rsaSHA256:
            self = .rsa(try RSAKey(privateDER: plain))
        case .ed25519SHA256:
            guard let made = Ed25519PrivateKey(seed: plain) else { throw .malformed }
            self = .ed25519(made)
        }
    }

    /// PKCS #8 for RSA, the seed for Ed25519, under the master key.
    package func sealed(with master: MasterKey) throws(CryptoError) -> [UInt8] {
        switch self {
        case .rsa(let key): SecretBox.seal(try key.privateDER(), with: master)
        case .ed25519(let key): SecretBox.seal(key.seed, with: master)
        }
    }

    /// As the `p=` tag wants it: SubjectPublicKeyInfo for RSA, the raw 32 octets for Ed25519 (RFC 8463 §4).
    package func publicKey() throws(CryptoError) -> [UInt8] {
        switch self {
        case .rsa(let key): try key.publicDER()
        case .ed25519(let key): key.publicKey
        }
    }

    /// PKCS #8 in PEM.
    package func pem() throws(CryptoError) -> [UInt8] {
        switch self {
        case .rsa(let key): try PrivateKeyPEM.rsa(key, bits: 0).text()
        case .ed25519(let key): try PrivateKeyPEM.ed25519(key).text()
        }
    }

    package var algorithm: DKIMKey.Algorithm {
        switch self {
        case .rsa: .rsaSHA256
        case .ed25519: .ed25519SHA256
        }
    }

    /// Signs what the header hash is made of.
    func sign(_ input: [UInt8]) throws(CryptoError) -> [UInt8] {
        switch self {
        case .rsa(let key): try key.sign(input)
        // RFC 8463 §3: the Ed25519 signature is over the SHA-256 of the data.
        case .ed25519(let key): key.sign(SHA256.hash(input))
        }
    }

    package var description: String { "DKIMPrivateKey(redacted)" }
}
