import ByteParsing
package import MailCrypto
package import MailModel
import MailPorts

/// Signs messages of one domain with one key (RFC 6376 §5, relaxed/relaxed).
package struct DKIMSigner: Sendable {
    package let domain: String
    package let selector: String
    private let key: DKIMPrivateKey

    package init(domain: String, selector: String, key: DKIMPrivateKey) {
        self.domain = domain
        self.selector = selector
        self.key = key
    }

    /// Signed once more than they occur, so that nobody can add another in front (RFC 6376 §5.4).
    static let oversigned: [String] = [
        "From", "Reply-To", "Subject", "Date", "Message-ID", "To", "Cc", "In-Reply-To", "References", "MIME-Version",
        "Content-Type", "Content-Transfer-Encoding",
    ]

    /// Signed where they occur; mailing lists add them where they do not (RFC 6376 §5.4.1).
    static let signedIfPresent: [String] = [
        "Sender", "Resent-From", "Resent-Date", "Resent-To", "Resent-Cc", "Resent-Message-ID", "List-Id", "List-Help",
        "List-Unsubscribe", "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner", "List-Archive",
    ]

    /// One DKIM-Signature field with its final CRLF, to be put before the message.
    ///
    /// The message is header and body, its lines ended by CRLF.
    package func sign(_ message: [UInt8], now: Timestamp) throws(CryptoError) -> [UInt8] {
        let header = DKIMHeader(message)
        return try sign(header, bodyHash: Self.bodyHash(header), now: now)
    }

    static func bodyHash(_ header: DKIMHeader) -> [UInt8] {
        var hasher = DKIMBodyHasher(.relaxed)
        hasher.update(header.body)
        return hasher.finish()
    }

    func sign(_ header: DKIMHeader, bodyHash: [UInt8], now: Timestamp) throws(CryptoError) -> [UInt8] {
        let names = Self.signedNames(header)
        var field = FoldedField("DKIM-Signature:")
        field.append("v=1;")
        field.append("a=\(key.algorithm.rawValue);")
        field.append("c=relaxed/relaxed;")
        field.append("d=\(domain);")
        field.append("s=\(selector);")
        field.append("t=\(now.seconds);")
        for (index, name) in names.enumerated() {
            field.append((index == 0 ? "h=" : "") + name + (index == names.count - 1 ? ";" : ":"), glued: index > 0)
        }
        field.append("bh=\(String(decoding: Base64.encode(bodyHash), as: UTF8.self));")
        field.append("b=")
        // RFC 6376 §3.7: the signature field itself comes last, `b=` empty, without its CRLF.
        let input =
            header.canonical(names, .relaxed)
            + DKIMCanonicalisation.relaxed(name: "dkim-signature".utf8, value: field.value).dropLast(2)
        field.append(base64: Base64.encode(try key.sign(input)))
        return field.bytes + [ASCII.cr, ASCII.lf]
    }

    /// The names of `h=`, in its order.
    static func signedNames(_ header: DKIMHeader) -> [String] {
        func count(_ name: String) -> Int { header.named(EmailAddress.lowercased(name)).count }
        return oversigned.flatMap { Array(repeating: $0, count: count($0) + 1) }
            + signedIfPresent.flatMap { Array(repeating: $0, count: count($0)) }
    }
}
