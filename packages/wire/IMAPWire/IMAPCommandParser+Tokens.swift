import ByteParsing
import MailModel

extension IMAPCommandParser {
    /// `ATOM-CHAR`: any CHAR but atom-specials.
    static let atomOctets = ByteClass { $0 > 32 && $0 < 127 && !Array("(){%*\"\\]".utf8).contains($0) }
    /// `ASTRING-CHAR = ATOM-CHAR / resp-specials`; octets over 127 for clients that send raw UTF-8.
    static let astringOctets = ByteClass { atomOctets.contains($0) || $0 == ASCII.rightBracket || $0 >= 128 }
    static let listOctets = ByteClass { astringOctets.contains($0) || $0 == ASCII.percent || $0 == ASCII.star }
    static let tagOctets = ByteClass { (atomOctets.contains($0) || $0 == ASCII.rightBracket) && $0 != ASCII.plus }

    /// `tag = 1*<any ASTRING-CHAR except "+">`, at most `Limits.tag` octets here.
    mutating func readTag() throws(IMAPParseError) -> String {
        let octets = cursor.take(while: Self.tagOctets)
        guard !octets.isEmpty, octets.count <= Limits.tag, cursor.isAtEnd || cursor.peek == ASCII.space else {
            throw IMAPParseError(tag: nil, hint: "Expected a tag and a command")
        }
        let tag = String(decoding: octets, as: UTF8.self)
        self.tag = tag
        guard cursor.skip(ASCII.space) else { throw error("Expected a command") }
        return tag
    }

    mutating func space() throws(IMAPParseError) {
        guard cursor.skip(ASCII.space) else { throw error("Expected a space") }
    }

    mutating func atom() throws(IMAPParseError) -> [UInt8] {
        let octets = cursor.take(while: Self.atomOctets)
        guard !octets.isEmpty else { throw error("Expected an atom") }
        return Array(octets)
    }

    /// `quoted`; nil when there is none or it does not end.
    mutating func quoted() -> [UInt8]? {
        guard cursor.skip(ASCII.quote) else { return nil }
        var text: [UInt8] = []
        while let byte = cursor.next() {
            switch byte {
            case ASCII.quote: return text
            case ASCII.backslash:
                guard let next = cursor.next(), next == ASCII.quote || next == ASCII.backslash else { return nil }
                text.append(next)
            // RFC 9051 §9: TEXT-CHAR excludes CR, LF and NUL.
            case ASCII.cr, ASCII.lf, 0: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    /// A literal as the framer left it: `{n}` CRLF octets.
    mutating func literal() -> [UInt8]? {
        _ = cursor.skip(ASCII.tilde)
        guard cursor.skip(ASCII.leftBrace), let size = cursor.number(maximum: UInt64(UInt32.max)) else { return nil }
        _ = cursor.skip(ASCII.plus)
        guard cursor.skip(ASCII.rightBrace), cursor.skip(ASCII.cr), cursor.skip(ASCII.lf) else { return nil }
        // RFC 9051 §4.3: a literal holds no NUL.
        guard let octets = cursor.take(Int(size)), !octets.contains(0) else { return nil }
        return Array(octets)
    }

    /// `string = quoted / literal`.
    mutating func string() throws(IMAPParseError) -> [UInt8] {
        let text = cursor.peek == ASCII.quote ? quoted() : literal()
        guard let text else { throw error("Expected a string") }
        return text
    }

    /// `astring = 1*ASTRING-CHAR / string`.
    mutating func astring() throws(IMAPParseError) -> [UInt8] {
        switch cursor.peek {
        case ASCII.quote, ASCII.leftBrace: return try string()
        case ASCII.tilde where cursor.peek(at: 1) == ASCII.leftBrace: return try string()
        default:
            let octets = cursor.take(while: Self.astringOctets)
            guard !octets.isEmpty else { throw error("Expected an atom or a string") }
            return Array(octets)
        }
    }

    mutating func mailbox() throws(IMAPParseError) -> MailboxName {
        guard let name = MailboxName(wire: try astring(), isUTF8: isUTF8) else {
            throw error("The mailbox name is no UTF-8 or has control characters")
        }
        return name
    }

    mutating func spacedMailbox() throws(IMAPParseError) -> MailboxName {
        try space()
        return try mailbox()
    }

    /// A mailbox name or part of one as text; empty allowed.
    mutating func nameText() throws(IMAPParseError) -> String {
        guard let name = MailboxName(wire: try astring(), isUTF8: isUTF8) else {
            throw error("The name is no UTF-8 or has control characters")
        }
        return name.text
    }

    /// `list-mailbox`.
    mutating func pattern() throws(IMAPParseError) -> String {
        let octets: [UInt8]
        switch cursor.peek {
        case ASCII.quote, ASCII.leftBrace: octets = try string()
        default:
            octets = Array(cursor.take(while: Self.listOctets))
            guard !octets.isEmpty else { throw error("Expected a pattern") }
        }
        guard let name = MailboxName(wire: octets, isUTF8: isUTF8) else {
            throw error("The pattern is no UTF-8 or has control characters")
        }
        return name.text
    }

    mutating func sequenceSet() throws(IMAPParseError) -> SequenceSet {
        guard let set = SequenceSet.parse(&cursor) else { throw error("Expected a sequence set") }
        return set
    }

    /// Words after a space each, in upper case.
    mutating func words() throws(IMAPParseError) -> [String] {
        var found: [String] = []
        repeat {
            try space()
            found.append(String(decoding: try atom().map(\.asciiUppercased), as: UTF8.self))
        } while cursor.peek == ASCII.space && found.count < Limits.listItems
        return found
    }

    /// `flag-list`, with its parentheses.
    mutating func flagList() throws(IMAPParseError) -> FlagList {
        guard cursor.skip(ASCII.leftParen) else { throw error("Expected (") }
        var list = FlagList()
        if cursor.skip(ASCII.rightParen) { return list }
        try flags(into: &list)
        guard cursor.skip(ASCII.rightParen) else { throw error("Expected )") }
        return list
    }

    /// `flag *(SP flag)`.
    ///
    /// `\Recent` is taken and ignored, other unknown system flags are refused.
    mutating func flags(into list: inout FlagList) throws(IMAPParseError) {
        repeat {
            if cursor.skip(ASCII.backslash) {
                let name = String(decoding: try atom().map(\.asciiLowercased), as: UTF8.self)
                switch name {
                case "seen": list.flags.insert(.seen)
                case "answered": list.flags.insert(.answered)
                case "flagged": list.flags.insert(.flagged)
                case "deleted": list.flags.insert(.deleted)
                case "draft": list.flags.insert(.draft)
                case "recent": ()
                default: throw error("Unknown system flag")
                }
            } else {
                let keyword = try atom()
                guard keyword.count <= 255, list.keywords.count < 100 else {
                    throw error("Too many or too long keywords")
                }
                list.keywords.append(String(decoding: keyword, as: UTF8.self))
            }
        } while cursor.skip(ASCII.space)
    }
}
