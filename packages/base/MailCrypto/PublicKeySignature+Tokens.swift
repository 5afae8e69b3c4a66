import COpenSSL

/// Signatures as JSON Web Signatures carry them (RFC 7518 §3).
extension PublicKeySignature {
    /// Bits of the smallest RSA key that is taken (RFC 7518 §3.3), and of the largest: more costs much and wins nothing.
    package static let rsaBits = 2_048...8_192

    /// `RS256`, or `PS256` (RFC 7518 §3.5); false for a key that is too small or too large.
    package static func verifyTokenRSA(
        _ signature: [UInt8],
        of message: [UInt8],
        modulus: [UInt8],
        exponent: [UInt8],
        usesPSS: Bool
    ) -> Bool {
        let number = Array(modulus.drop { $0 == 0 })
        guard let first = number.first, (1...8).contains(exponent.count) else { return false }
        guard rsaBits.contains(number.count * 8 - first.leadingZeroBitCount) else { return false }
        return verify(
            signature,
            of: message,
            publicDER: rsa(number, exponent),
            type: EVP_PKEY_RSA,
            usesPSS: usesPSS
        )
    }

    /// `ES256`: both numbers in 32 octets each (RFC 7518 §3.4).
    package static func verifyTokenES256(_ signature: [UInt8], of message: [UInt8], x: [UInt8], y: [UInt8]) -> Bool {
        guard signature.count == 64 else { return false }
        // DER has no leading zeros but the one that keeps a number from being negative (X.690 §8.3.2).
        let numbers = [signature[..<32], signature[32...]].map { half in
            let digits = Array(half.drop { $0 == 0 })
            return integer(digits.isEmpty ? [0] : digits)
        }
        return verifyES256(tagged(0x30, numbers[0] + numbers[1]), of: message, x: x, y: y)
    }
}
