import MailCrypto

/// Proof that whoever brings a code is who asked for it (RFC 7636), by S256 only.
package enum ProofKey {
    /// The challenge of an authorization request: SHA-256 in base64url, 43 characters (§4.2).
    package static func isChallenge(_ text: String) -> Bool {
        text.utf8.count == 43 && Base64URL.decode(text.utf8)?.count == 32
    }

    /// `code-verifier = 43*128unreserved` (§4.1), and its hash is the challenge (§4.6).
    package static func proves(_ verifier: String, challenge: String) -> Bool {
        let bytes = Array(verifier.utf8)
        guard (43...128).contains(bytes.count), bytes.allSatisfy(isUnreserved) else { return false }
        return constantTimeEqual(Array(Base64URL.encode(SHA256.hash(bytes)).utf8), Array(challenge.utf8))
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 45, 46, 95, 126: true
        default: false
        }
    }
}
