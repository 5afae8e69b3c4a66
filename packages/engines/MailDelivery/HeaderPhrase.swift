import ByteParsing

/// Writes a display name as a header may have it (RFC 5322 §3.2.5, RFC 2047 §5).
enum HeaderPhrase {
    /// Octets of a name; what is longer is cut between characters.
    static let maximumOctets = 200
    /// Octets within one encoded word: 75 characters hold 45 octets in base64 with the rest (RFC 2047 §2).
    private static let wordOctets = 42

    /// A quoted string, or encoded words for what is not ASCII.
    ///
    /// Control characters become spaces.
    static func encoded(_ text: String) -> [UInt8] {
        let octets = cut(text.utf8.map { $0.isASCIIControl ? ASCII.space : $0 }, maximumOctets)
        guard octets.contains(where: { $0 >= 128 }) else {
            return [ASCII.quote]
                + octets.flatMap { $0 == ASCII.quote || $0 == ASCII.backslash ? [ASCII.backslash, $0] : [$0] }
                + [ASCII.quote]
        }
        return words(octets)
    }

    /// Encoded words, each on a line of its own.
    static func words(_ octets: [UInt8]) -> [UInt8] {
        var words: [[UInt8]] = []
        var rest = octets[...]
        while !rest.isEmpty {
            let piece = cut(Array(rest), wordOctets)
            words.append(Array("=?utf-8?B?".utf8) + Base64.encode(piece) + Array("?=".utf8))
            rest = rest.dropFirst(piece.count)
        }
        return Array(words.joined(separator: Array("\r\n ".utf8)))
    }

    /// At most so many octets, and no sequence of UTF-8 in two.
    private static func cut(_ octets: [UInt8], _ limit: Int) -> [UInt8] {
        guard octets.count > limit else { return octets }
        var end = limit
        while end > 0, octets[end] & 0xC0 == 0x80 { end -= 1 }
        return Array(octets[..<end])
    }
}
