import ByteParsing

/// Encoded words in header text (RFC 2047).
package enum EncodedWord {
    /// The field's text as Unicode on one line.
    ///
    /// Octets outside encoded words are UTF-8 (RFC 6532) or else Latin 1.
    package static func decode(_ text: [UInt8]) -> String {
        guard text.contains(ASCII.equal) || text.contains(where: { $0 >= 128 || $0 == ASCII.cr || $0 == ASCII.lf })
        else {
            return String(decoding: text, as: UTF8.self)
        }
        var output = ""
        var plain: [UInt8] = []
        // Adjacent words of one charset are joined before decoding: a character may be split between them.
        var pending: (charset: String, octets: [UInt8])?
        var index = 0
        func flushPlain() {
            if !plain.isEmpty { output += CharsetDecoder.decode(plain, charset: "utf-8") }
            plain = []
        }
        func flushPending() {
            if let word = pending { output += CharsetDecoder.decode(word.octets, charset: word.charset) }
            pending = nil
        }
        while index < text.count {
            if text[index] == ASCII.equal, let word = word(text, at: index) {
                // RFC 2047 §6.2: white space between encoded words is not shown.
                if pending == nil || !plain.allSatisfy({ $0.isASCIIWhitespace }) {
                    flushPending()
                    flushPlain()
                }
                plain = []
                if pending?.charset == word.charset {
                    pending?.octets += word.octets
                } else {
                    flushPending()
                    pending = (word.charset, word.octets)
                }
                index = word.end
                continue
            }
            let byte = text[index]
            index += 1
            if byte == ASCII.cr || byte == ASCII.lf { continue }
            if pending != nil, !byte.isASCIIWhitespace {
                flushPending()
            }
            plain.append(byte)
            if pending == nil, plain.count > 4_096 { flushPlain() }
        }
        flushPending()
        flushPlain()
        return output
    }

    private static let charsetOctets = ByteClass { $0 > 32 && $0 < 127 && $0 != ASCII.question && $0 != ASCII.star }

    /// `=?charset[*language]?B or Q?text?=` at `start`; text may hold spaces, as real mail has them.
    private static func word(_ text: [UInt8], at start: Int) -> (charset: String, octets: [UInt8], end: Int)? {
        var cursor = ByteCursor(text, range: start..<text.count)
        guard cursor.skip(ASCII.equal), cursor.skip(ASCII.question) else { return nil }
        let charset = cursor.take(while: charsetOctets)
        if cursor.skip(ASCII.star) { _ = cursor.take(while: charsetOctets) }
        guard !charset.isEmpty, cursor.skip(ASCII.question), let encoding = cursor.next(), cursor.skip(ASCII.question)
        else { return nil }
        let content = cursor.take { $0 != ASCII.question && $0 != ASCII.lf }
        guard cursor.skip(ASCII.question), cursor.skip(ASCII.equal) else { return nil }
        let octets: [UInt8]
        switch encoding.asciiLowercased {
        case 98: octets = TransferDecoder.base64(content)
        case 113: octets = TransferDecoder.quotedPrintable(content.map { $0 == 95 ? 32 : $0 }[...])
        default: return nil
        }
        return (String(decoding: charset.map(\.asciiLowercased), as: UTF8.self), octets, cursor.position)
    }
}
