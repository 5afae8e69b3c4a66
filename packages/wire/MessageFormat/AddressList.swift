import ByteParsing

/// One address of a field, as IMAP's ENVELOPE shows it (RFC 9051 §7.5.2): parts as written, encoded words untouched.
package struct MessageAddress: Hashable, Sendable {
    /// Display name; nil when absent.
    package var name: [UInt8]?
    /// Obsolete source route.
    package var route: [UInt8]?
    /// nil marks the end of a group.
    package var mailbox: [UInt8]?
    /// nil with a mailbox marks the start of a group, which `mailbox` names.
    package var host: [UInt8]?

    package init(name: [UInt8]? = nil, route: [UInt8]? = nil, mailbox: [UInt8]? = nil, host: [UInt8]? = nil) {
        self.name = name
        self.route = route
        self.mailbox = mailbox
        self.host = host
    }

    /// `local@host` of a real address.
    package var addrSpec: String? {
        guard let mailbox, let host, !host.isEmpty else { return nil }
        return String(decoding: mailbox + [ASCII.at] + host, as: UTF8.self)
    }
}

/// Reads `address-list` (RFC 5322 §3.4 with the obsolete forms of §4.4), tolerant of what mail programs write.
package enum AddressList {
    package static func parse(_ text: [UInt8], limits: ParseLimits = .default) -> [MessageAddress] {
        var parser = AddressParser(text, limit: limits.addresses)
        parser.parse()
        return parser.found
    }
}

private struct AddressParser {
    var cursor: StructuredCursor
    var found: [MessageAddress] = []
    let limit: Int
    var isInGroup = false

    init(_ text: [UInt8], limit: Int) {
        cursor = StructuredCursor(text)
        self.limit = limit
    }

    mutating func parse() {
        while found.count < limit {
            cursor.skipSpaceAndComments()
            guard let byte = cursor.peek else { break }
            switch byte {
            case ASCII.comma: cursor.advance()
            case ASCII.semicolon:
                cursor.advance()
                endGroup()
            default: address()
            }
        }
        endGroup()
    }

    private mutating func endGroup() {
        guard isInGroup else { return }
        isInGroup = false
        found.append(MessageAddress())
    }

    /// `mailbox / group`.
    private mutating func address() {
        var words: [[UInt8]] = []
        var comment: [UInt8]?
        var isQuoted = false
        // The local part as written: atoms and dots joined, no spaces.
        var local: [UInt8] = []
        while true {
            if let text = cursor.skipSpaceAndComments() { comment = text }
            guard let byte = cursor.peek else { break }
            if byte == ASCII.quote {
                let text = cursor.quotedString()
                words.append(text)
                local += text
                isQuoted = true
                continue
            }
            let atom = cursor.take(while: StructuredCursor.atom)
            if !atom.isEmpty {
                words.append(Array(atom))
                local += atom
                continue
            }
            switch byte {
            case ASCII.less: return angleAddress(name: phrase(words))
            case ASCII.at:
                cursor.advance()
                let host = domain()
                if let text = cursor.skipSpaceAndComments() { comment = text }
                // "a@b <c@d>": what came first is the name.
                if cursor.peek == ASCII.less { return angleAddress(name: local + [ASCII.at] + host) }
                found.append(
                    MessageAddress(name: comment.flatMap { $0.isEmpty ? nil : $0 }, mailbox: local, host: host)
                )
                return skipToSeparator()
            case ASCII.colon where !isInGroup && !words.isEmpty:
                cursor.advance()
                isInGroup = true
                found.append(MessageAddress(mailbox: phrase(words)))
                return
            case ASCII.comma, ASCII.semicolon:
                return bare(words, local, isQuoted)
            default: cursor.advance()
            }
        }
        bare(words, local, isQuoted)
    }

    /// Words without an address.
    private mutating func bare(_ words: [[UInt8]], _ local: [UInt8], _ isQuoted: Bool) {
        guard !words.isEmpty else { return }
        if words.count == 1, !isQuoted {
            found.append(MessageAddress(mailbox: local, host: []))
        } else {
            found.append(MessageAddress(name: phrase(words), mailbox: [], host: []))
        }
    }

    private func phrase(_ words: [[UInt8]]) -> [UInt8]? {
        words.isEmpty ? nil : Array(words.joined(separator: [ASCII.space]))
    }

    /// `angle-addr` with the obsolete route.
    private mutating func angleAddress(name: [UInt8]?) {
        cursor.advance()
        cursor.skipSpaceAndComments()
        var route: [UInt8] = []
        while cursor.peek == ASCII.at || cursor.peek == ASCII.comma {
            if cursor.skip(ASCII.comma) {
                cursor.skipSpaceAndComments()
                continue
            }
            cursor.advance()
            if !route.isEmpty { route.append(ASCII.comma) }
            route.append(ASCII.at)
            route += domain()
            cursor.skipSpaceAndComments()
        }
        if !route.isEmpty { _ = cursor.skip(ASCII.colon) }
        var local: [UInt8] = []
        var host: [UInt8] = []
        scan: while true {
            cursor.skipSpaceAndComments()
            guard let byte = cursor.peek else { break }
            switch byte {
            case ASCII.greater:
                cursor.advance()
                break scan
            case ASCII.quote: local += cursor.quotedString()
            case ASCII.at:
                cursor.advance()
                host = domain()
            default:
                let atom = cursor.take(while: StructuredCursor.atom)
                if atom.isEmpty {
                    if byte == ASCII.comma || byte == ASCII.semicolon { break scan }
                    cursor.advance()
                } else {
                    local += atom
                }
            }
        }
        found.append(MessageAddress(name: name, route: route.isEmpty ? nil : route, mailbox: local, host: host))
        skipToSeparator()
    }

    /// `dot-atom / domain-literal`.
    private mutating func domain() -> [UInt8] {
        var text: [UInt8] = []
        while true {
            cursor.skipSpaceAndComments()
            guard let byte = cursor.peek else { return text }
            if byte == ASCII.leftBracket {
                while let byte = cursor.peek {
                    cursor.advance()
                    if !byte.isASCIIWhitespace, byte != ASCII.cr, byte != ASCII.lf { text.append(byte) }
                    if byte == ASCII.rightBracket { break }
                }
                return text
            }
            let atom = cursor.take(while: StructuredCursor.atom)
            guard !atom.isEmpty else { return text }
            text += atom
            // Obsolete white space around dots; anything else ends the domain.
            guard
                text.last == ASCII.dot || cursor.peek == ASCII.dot || cursor.peek.map({ $0.isASCIIWhitespace }) == true
            else { return text }
            var ahead = cursor
            ahead.skipSpaceAndComments()
            guard text.last == ASCII.dot || ahead.peek == ASCII.dot else { return text }
        }
    }

    /// Passes over what follows an address up to the next comma or semicolon.
    private mutating func skipToSeparator() {
        while true {
            cursor.skipSpaceAndComments()
            guard let byte = cursor.peek, byte != ASCII.comma, byte != ASCII.semicolon else { return }
            if byte == ASCII.quote { _ = cursor.quotedString() } else { cursor.advance() }
        }
    }
}
