/// The algorithms that passkeys sign with (RFC 9053 §2, RFC 8812 §2), by their COSE numbers.
package enum PasskeyAlgorithm: Int64, CaseIterable, Sendable {
    case es256 = -7
    case edDSA = -8
    case rs256 = -257
}

/// A public key of a passkey, read from a COSE_Key (RFC 9052 §7, RFC 9053 §7, RFC 8230 §4).
///
/// The key says which algorithm it is for, and no other is ever tried with it.
package enum PasskeyPublicKey: Hashable, Sendable {
    /// Coordinates on P-256, 32 octets each.
    case es256(x: [UInt8], y: [UInt8])
    /// Ed25519, 32 octets.
    case edDSA([UInt8])
    /// Modulus and exponent, big-endian without leading zeros.
    case rs256(modulus: [UInt8], exponent: [UInt8])

    /// Bits of an RSA modulus.
    package static let rsaBits = 2_048...4_096
    /// Octets of a COSE_Key at most.
    package static let longest = 1_024

    package var algorithm: PasskeyAlgorithm {
        switch self {
        case .es256: .es256
        case .edDSA: .edDSA
        case .rs256: .rs256
        }
    }

    /// Reads a whole COSE_Key.
    package init(_ cose: [UInt8]) throws(WebAuthnFault) {
        guard cose.count <= Self.longest else { throw .key }
        let value: CBORValue
        do throws(CBORFault) {
            value = try CBORDecoder.whole(cose)
        } catch {
            throw .cbor(error)
        }
        try self.init(value)
    }

    private init(_ value: CBORValue) throws(WebAuthnFault) {
        // Labels: 1 kty, 3 alg; of EC2 and OKP -1 crv, -2 x, -3 y; of RSA -1 n, -2 e.
        let type = value.member(1)?.number
        guard let algorithm = value.member(3)?.number.flatMap(PasskeyAlgorithm.init(rawValue:)) else {
            throw .algorithm
        }
        switch (algorithm, type) {
        case (.es256, 2):
            guard value.member(-1)?.number == 1, let x = value.member(-2)?.octets, let y = value.member(-3)?.octets,
                x.count == 32, y.count == 32
            else { throw .key }
            self = .es256(x: x, y: y)
        case (.edDSA, 1):
            guard value.member(-1)?.number == 6, let x = value.member(-2)?.octets, x.count == 32 else {
                throw .key
            }
            self = .edDSA(x)
        case (.rs256, 3):
            guard let modulus = value.member(-1)?.octets, let exponent = value.member(-2)?.octets,
                let first = modulus.first, first != 0, exponent.first != 0, (1...8).contains(exponent.count),
                exponent != [1], exponent.last.map({ $0 & 1 == 1 }) == true
            else { throw .key }
            guard Self.rsaBits.contains(modulus.count * 8 - first.leadingZeroBitCount) else { throw .key }
            self = .rs256(modulus: modulus, exponent: exponent)
        default: throw .key
        }
    }
}
