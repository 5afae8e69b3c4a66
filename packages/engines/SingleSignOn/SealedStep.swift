import MailCrypto
package import MailModel
package import MailPorts

/// What the platform gives a browser to bring back: sealed, for one purpose, until a moment.
///
/// So nothing is written for sign-ins that nobody finishes.
package struct SealedStep: Sendable {
    package enum Purpose: String, Sendable {
        case begun = "sso begun"
        case code = "sso code"
        /// A sign-in page's own, while somebody is at the provider.
        case page = "sso page"
        /// What a sign-in page is to know when the browser comes back to it.
        case note = "page note"
    }

    /// Octets of the sealed text.
    static let longest = 4_096

    package var fields: [String]
    package var expiresAt: Timestamp

    package func text(_ purpose: Purpose, _ secrets: any SecretSealing) -> String {
        let lines = ["oonrumail \(purpose.rawValue)", "\(expiresAt.microseconds)"] + fields
        return Base64URL.encode(secrets.seal(Array(lines.joined(separator: "\n").utf8)))
    }

    /// nil for what is not ours, is for another purpose or has expired.
    package init?(_ text: String, _ purpose: Purpose, count: Int, _ secrets: any SecretSealing, now: Timestamp) {
        guard text.utf8.count <= Self.longest, let sealed = Base64URL.decode(Array(text.utf8)),
            let plain = secrets.open(sealed)
        else { return nil }
        let lines = plain.split(separator: 10, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard lines.count == count + 2, lines[0] == "oonrumail \(purpose.rawValue)", let end = Int64(lines[1]) else {
            return nil
        }
        expiresAt = Timestamp(microseconds: end)
        fields = Array(lines[2...])
        guard expiresAt > now else { return nil }
    }

    package init(_ fields: [String], expiresAt: Timestamp) { (self.fields, self.expiresAt) = (fields, expiresAt) }

    /// What a spent one is remembered by.
    static func hash(_ text: String) -> [UInt8] { SHA256.hash(Array("oonrumail spent step\0\(text)".utf8)) }
}
