import MailCrypto

/// A public key of a provider (RFC 7517), good for signatures that are taken here.
package struct ProviderKey: Equatable, Sendable {
    package enum Material: Equatable, Sendable {
        case rsa(modulus: [UInt8], exponent: [UInt8])
        case p256(x: [UInt8], y: [UInt8])
        case ed25519([UInt8])
    }

    /// Keys of one set that are read.
    package static let most = 64

    package var id: String?
    /// The one algorithm that it is for; nil when its owner does not say.
    package var algorithm: String?
    package var material: Material

    /// The keys of a set (RFC 7517 §5); those of other kinds and uses are passed over, as §5 wants it.
    ///
    /// nil for what is no set, or has more than `most` members.
    package static func set(_ document: JSONValue) -> [ProviderKey]? {
        guard let members = document["keys"]?.list, members.count <= most else { return nil }
        return members.compactMap { ProviderKey($0) }
    }

    private init?(_ member: JSONValue) {
        guard member["use"]?.text ?? "sig" == "sig" else { return nil }
        if let uses = member["key_ops"]?.texts, !uses.contains("verify") { return nil }
        func octets(_ name: String) -> [UInt8]? { member[name]?.text.flatMap { Base64URL.decode(Array($0.utf8)) } }
        switch (member["kty"]?.text, member["crv"]?.text) {
        case ("RSA", _):
            guard let modulus = octets("n"), let exponent = octets("e") else { return nil }
            material = .rsa(modulus: modulus, exponent: exponent)
        case ("EC", "P-256"):
            guard let x = octets("x"), let y = octets("y") else { return nil }
            material = .p256(x: x, y: y)
        case ("OKP", "Ed25519"):
            guard let x = octets("x") else { return nil }
            material = .ed25519(x)
        default: return nil
        }
        id = member["kid"]?.text
        algorithm = member["alg"]?.text
    }

    /// Whether the key made the signature; false too where key and algorithm do not go together.
    package func verifies(_ signature: [UInt8], of message: [UInt8], by algorithm: TokenAlgorithm) -> Bool {
        if let own = self.algorithm, own != algorithm.rawValue, !(own == "Ed25519" && algorithm == .edDSA) {
            return false
        }
        return switch (material, algorithm) {
        case (.rsa(let modulus, let exponent), .rs256), (.rsa(let modulus, let exponent), .ps256):
            PublicKeySignature.verifyTokenRSA(
                signature,
                of: message,
                modulus: modulus,
                exponent: exponent,
                usesPSS: algorithm == .ps256
            )
        case (.p256(let x, let y), .es256):
            PublicKeySignature.verifyTokenES256(signature, of: message, x: x, y: y)
        case (.ed25519(let key), .edDSA): Ed25519.verify(signature, of: message, publicKey: key)
        case (.rsa, _), (.p256, _), (.ed25519, _): false
        }
    }
}

/// Algorithms that ID tokens may be signed with: asymmetric ones alone (RFC 8725 §3.1).
package enum TokenAlgorithm: String, CaseIterable, Sendable {
    case rs256 = "RS256"
    case ps256 = "PS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"
}
