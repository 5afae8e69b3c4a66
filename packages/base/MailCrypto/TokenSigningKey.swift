import COpenSSL

/// A key that signs tokens in the form of JWS (RFC 7515): one algorithm, which no token can choose.
package enum TokenSigningKey: Sendable, CustomStringConvertible {
    case edDSA(Ed25519PrivateKey)
    case es256(ECKey)
    case rs256(RSAKey)

    /// Bits of RSA keys for tokens.
    private static let rsaBits = 2_048

    package static func makeEdDSA() -> TokenSigningKey { .edDSA(Ed25519PrivateKey()) }
    package static func makeES256() throws(CryptoError) -> TokenSigningKey { .es256(try .generate()) }
    /// Takes a quarter of a second.
    package static func makeRS256() throws(CryptoError) -> TokenSigningKey {
        .rs256(try .generate(bits: rsaBits))
    }

    /// `alg` (RFC 7518 §3.1, RFC 8037 §3.1).
    package var algorithm: String {
        switch self {
        case .edDSA: "EdDSA"
        case .es256: "ES256"
        case .rs256: "RS256"
        }
    }

    /// What is sealed and kept: a seed for EdDSA, PKCS #8 for others.
    package func privateBytes() throws(CryptoError) -> [UInt8] {
        switch self {
        case .edDSA(let key): key.seed
        case .es256(let key): try key.privateDER()
        case .rs256(let key): try key.privateDER()
        }
    }

    /// What `privateBytes` gave, of that algorithm.
    package init(algorithm: String, privateBytes: [UInt8]) throws(CryptoError) {
        switch algorithm {
        case "EdDSA":
            guard let key = Ed25519PrivateKey(seed: privateBytes) else { throw .malformed }
            self = .edDSA(key)
        case "ES256": self = .es256(try ECKey(privateDER: privateBytes))
        case "RS256": self = .rs256(try RSAKey(privateDER: privateBytes))
        default: throw .malformed
        }
    }

    package func sign(_ message: [UInt8]) throws(CryptoError) -> [UInt8] {
        switch self {
        case .edDSA(let key): key.sign(message)
        case .es256(let key): try key.sign(message)
        case .rs256(let key): try key.sign(message)
        }
    }

    package func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        switch self {
        case .edDSA(let key): return Ed25519.verify(signature, of: message, publicKey: key.publicKey)
        case .es256(let key):
            return PublicKeySignature.verifyTokenES256(signature, of: message, x: key.x, y: key.y)
        case .rs256(let key):
            guard let (modulus, exponent) = try? key.publicNumbers() else { return false }
            return PublicKeySignature.verifyRS256(signature, of: message, modulus: modulus, exponent: exponent)
        }
    }

    /// Names the key: follows from its public part.
    package func identifier() throws(CryptoError) -> String {
        let bytes: [UInt8]
        switch self {
        case .edDSA(let key): bytes = key.publicKey
        case .es256(let key): bytes = key.x + key.y
        case .rs256(let key): bytes = try key.publicDER()
        }
        return Base64URL.encode(Array(SHA256.hash(bytes)[..<9]))
    }

    /// The public key as a JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2): a JSON object of texts that need no escapes.
    package func publicJWK(keyID: String) throws(CryptoError) -> String {
        let kind: String
        switch self {
        case .edDSA(let key): kind = #""kty":"OKP","crv":"Ed25519","x":"\#(Base64URL.encode(key.publicKey))""#
        case .es256(let key):
            kind = #""kty":"EC","crv":"P-256","x":"\#(Base64URL.encode(key.x))","y":"\#(Base64URL.encode(key.y))""#
        case .rs256(let key):
            let (modulus, exponent) = try key.publicNumbers()
            kind = #""kty":"RSA","n":"\#(Base64URL.encode(modulus))","e":"\#(Base64URL.encode(exponent))""#
        }
        return #"{\#(kind),"use":"sig","alg":"\#(algorithm)","kid":"\#(keyID)"}"#
    }

    package var description: String { "TokenSigningKey(redacted)" }
}

extension RSAKey {
    /// Modulus and exponent, most significant octet first, without zeros in front.
    package func publicNumbers() throws(CryptoError) -> (modulus: [UInt8], exponent: [UInt8]) {
        (try number("n"), try number("e"))
    }

    private func number(_ name: String) throws(CryptoError) -> [UInt8] {
        var found: OpaquePointer?
        guard EVP_PKEY_get_bn_param(key, name, &found) == 1, let found else { throw .failed }
        defer { BN_free(found) }
        var bytes = [UInt8](repeating: 0, count: Int(BN_num_bits(found) + 7) / 8)
        guard BN_bn2bin(found, &bytes) == Int32(bytes.count) else { throw .failed }
        return bytes
    }
}
