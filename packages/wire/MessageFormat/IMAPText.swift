import ByteParsing

/// Octets as IMAP prints them: atoms, quoted strings, literals (RFC 9051 §4).
struct IMAPText {
    private(set) var bytes: [UInt8] = []

    mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }

    mutating func raw(_ text: [UInt8]) { bytes += text }

    mutating func number(_ value: Int) { bytes += Array("\(value)".utf8) }

    mutating func optional(_ text: [UInt8]?) {
        if let text { string(text) } else { raw("NIL") }
    }

    /// Quoted when every octet may stand there, else a literal.
    mutating func string(_ text: some Collection<UInt8>) {
        var needsLiteral = false
        var needsEscape = false
        for byte in text {
            if byte >= 127 || byte == ASCII.cr || byte == ASCII.lf || byte == 0 { needsLiteral = true }
            if byte == ASCII.quote || byte == ASCII.backslash { needsEscape = true }
        }
        if needsLiteral {
            bytes.append(ASCII.leftBrace)
            number(text.count)
            raw("}\r\n")
            // NUL cannot be sent in a literal either (RFC 9051 §4.3).
            bytes.append(contentsOf: text.lazy.map { $0 == 0 ? 0x80 : $0 })
            return
        }
        bytes.append(ASCII.quote)
        if needsEscape {
            for byte in text {
                if byte == ASCII.quote || byte == ASCII.backslash { bytes.append(ASCII.backslash) }
                bytes.append(byte)
            }
        } else {
            bytes.append(contentsOf: text)
        }
        bytes.append(ASCII.quote)
    }
}
