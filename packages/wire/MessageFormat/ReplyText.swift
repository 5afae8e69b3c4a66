import ByteParsing

/// Reads the one-line replies of attempts: `550 5.1.1 No such user (mx.example.test)`.
package enum ReplyText {
    /// Octets of a reply that are kept: what a stranger's server says must not fill the database or a notification.
    static let limit = 500

    /// The enhanced status (RFC 3463 §2) behind the three digits; nil when there is none.
    static func enhancedStatus(_ reply: String) -> String? {
        let words = reply.utf8.prefix(40).split(separator: ASCII.space, maxSplits: 2)
        guard words.count >= 2, isReplyCode(words[0]) else { return nil }
        let parts = words[1].split(separator: ASCII.dot, omittingEmptySubsequences: false)
        guard parts.count == 3, let category = parts[0].first, parts[0].count == 1, category == words[0].first else {
            return nil
        }
        guard parts.dropFirst().allSatisfy({ (1...3).contains($0.count) && $0.allSatisfy(\.isASCIIDigit) }) else {
            return nil
        }
        return String(decoding: Array(words[1]), as: UTF8.self)
    }

    /// RFC 3463 §3.1: `X.0.0` is the status of which only the class is known.
    package static func status(_ reply: String, isPermanent: Bool) -> String {
        enhancedStatus(reply) ?? (isPermanent ? "5.0.0" : "4.0.0")
    }

    static func isReplyCode(_ word: some Collection<UInt8>) -> Bool {
        word.count == 3 && word.allSatisfy(\.isASCIIDigit) && word.first.map { (50...53).contains($0) } == true
    }

    /// On one line, at most `limit` octets, cut between characters.
    package static func clipped(_ text: String) -> String {
        var bytes = text.utf8.prefix(limit).map { $0 < 32 || $0 == 127 ? ASCII.question : $0 }
        guard bytes.count < text.utf8.count else { return String(decoding: bytes, as: UTF8.self) }
        // A character cut in two goes as a whole.
        while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
        if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// For fields that take ASCII only: every other octet becomes `?`.
    static func ascii(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 < 32 || $0 > 126 ? ASCII.question : $0 }, as: UTF8.self)
    }
}
