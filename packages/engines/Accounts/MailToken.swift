import MailCrypto

/// A secret that goes by mail or by hand: 32 random octets in base64url.
///
/// The store keeps its hash.
package struct MailToken: Sendable, CustomStringConvertible, CustomReflectable {
    package enum Use: String { case passwordReset, recoveryAddress, invitation, signUp, registration }
    private static let octets = 32

    package let text: String

    package static func random() -> MailToken { MailToken(text: Base64URL.encode(SecureRandom.bytes(octets))) }

    private init(text: String) { self.text = text }

    /// Reads what a person pasted, with white space around it; nil for what cannot be a token.
    package init?(pasted: String) {
        guard pasted.utf8.count <= 200 else { return nil }
        let bytes = pasted.utf8.filter { $0 > 32 }
        guard bytes.count == 43, Base64URL.decode(bytes)?.count == Self.octets else { return nil }
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// What the store finds it by; a token for one use is none for another.
    package func hash(for use: Use) -> [UInt8] {
        SHA256.hash(Array("oonrumail mail token\0\(use.rawValue)\0\(text)".utf8))
    }

    package var description: String { "[redacted]" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
