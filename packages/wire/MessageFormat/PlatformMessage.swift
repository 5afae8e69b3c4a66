import ByteParsing
package import MailModel

/// A message of the platform as it is sent: RFC 5322 with plain text in UTF-8, in octets that every server takes.
package struct PlatformMessage: Sendable {
    package var id: QueueID
    /// The host that made it; names the Message-ID.
    package var hostname: String
    /// The domain of the From address.
    package var domain: String
    package var recipients: [EmailAddress]
    package var subject: String
    /// Lines parted by LF.
    package var text: String

    package init(
        id: QueueID,
        hostname: String,
        domain: String,
        recipients: [EmailAddress],
        subject: String,
        text: String
    ) {
        self.id = id
        self.hostname = hostname
        self.domain = domain
        self.recipients = recipients
        self.subject = subject
        self.text = text
    }

    /// RFC 2047 §2: an encoded word has at most 75 characters; so many octets of text are in one.
    private static let wordOctets = 42
    /// Longer lines of plain text are encoded (RFC 5322 §2.1.1 allows 998).
    private static let longestLine = 900
    /// Octets of a subject; the rest is cut.
    package static let longestSubject = 300

    package func bytes(at now: Timestamp) -> [UInt8] {
        let body = Self.body(text)
        let head = [
            "From: Mail platform <postmaster@\(domain)>",
            "To: \(recipients.map { "<\($0)>" }.joined(separator: ",\r\n\t"))",
            "Subject: \(Self.header(subject))",
            "Date: \(RFC5322Date.format(now))",
            "Message-ID: <\(id)@\(hostname)>",
            // RFC 3834 §5: nobody's holiday answers it.
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: \(body.encoding)",
        ]
        return Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body.bytes
    }

    /// A header's text, whatever is in it: control characters become spaces, so no octet of it ends the field; what is not ASCII, and
    /// what looks like an encoded word, becomes encoded words (RFC 2047 §4.1).
    package static func header(_ text: String) -> String {
        let plain = text.utf8.prefix(longestSubject).map { $0 < 32 || $0 == 127 ? 32 : $0 }
        let looksEncoded = zip(plain, plain.dropFirst()).contains { $0 == 61 && $1 == 63 }
        guard plain.contains(where: { $0 >= 128 }) || looksEncoded || plain.count > 78 else {
            return String(decoding: plain, as: UTF8.self)
        }
        // A cut inside a character leaves a mark, not octets that are no text.
        let whole = Array(String(decoding: plain, as: UTF8.self).utf8)
        var words: [String] = []
        var start = 0
        while start < whole.count {
            var end = min(start + wordOctets, whole.count)
            while end < whole.count, whole[end] & 0xC0 == 0x80 { end -= 1 }
            words.append("=?utf-8?B?\(base64(whole[start..<end]))?=")
            start = end
        }
        return words.joined(separator: "\r\n ")
    }

    /// Lines parted by LF as the body of plain text in UTF-8, with the encoding that it needs (RFC 2045 §6).
    package static func body(_ text: String) -> (encoding: String, bytes: [UInt8]) {
        var lines: [[UInt8]] = []
        for line in text.utf8.split(separator: 10, omittingEmptySubsequences: false) {
            lines.append(line.filter { $0 != 13 && $0 != 0 })
        }
        let isPlain = lines.allSatisfy { $0.count <= longestLine && $0.allSatisfy { $0 < 128 } }
        let bytes = lines.reduce(into: [UInt8]()) { $0 += $1 + [13, 10] }
        guard !isPlain else { return ("7bit", bytes) }
        // RFC 2045 §6.8: lines of 76 characters are 57 octets each.
        var encoded: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 57) {
            encoded += Array(base64(bytes[start..<min(start + 57, bytes.count)]).utf8) + [13, 10]
        }
        return ("base64", encoded)
    }

    private static func base64(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: Base64.encode(Array(bytes)), as: UTF8.self)
    }
}
