import ByteParsing
import MailModel

/// Reads who a submitted message says it is from: `From` and `Sender` (RFC 5322 §3.6.2), by the grammar and not by guess.
///
/// What is read here decides whether a client may send in that name, so no other reader may see an address that this one
/// does not: text that the grammar leaves open is refused. Display names are free, they prove nothing.
struct OriginatorField {
    enum Fault: Error, Equatable {
        /// Words, but no address among them.
        case withoutAddress
        case malformed
    }

    private enum Token: Equatable {
        /// Its octets as they are meant; a quoted string without its quotes.
        case word([UInt8])
        case literal([UInt8])
        case special(UInt8)
    }

    private let tokens: [Token]
    private var position = 0
    private var found: [EmailAddress] = []

    /// Every address in an unfolded field: those of groups too (RFC 6854), and one that serves as a display name.
    static func addresses(in text: [UInt8]) throws(Fault) -> [EmailAddress] {
        var parser = OriginatorField(tokens: try tokens(of: text))
        try parser.list(isGroup: false)
        guard !parser.found.isEmpty else { throw .withoutAddress }
        return parser.found
    }

    private init(tokens: [Token]) { self.tokens = tokens }

    // MARK: - Grammar

    private var next: Token? { position < tokens.count ? tokens[position] : nil }

    private mutating func skip(_ special: UInt8) -> Bool {
        guard next == .special(special) else { return false }
        position += 1
        return true
    }

    // `address-list = (address *("," address)) / obs-addr-list` (RFC 5322 §3.4, §4.4)
    private mutating func list(isGroup: Bool) throws(Fault) {
        while let token = next {
            if isGroup, token == .special(ASCII.semicolon) { return }
            if skip(ASCII.comma) { continue }
            try address(isGroup: isGroup)
            guard let token = next, token != .special(ASCII.comma) else { continue }
            guard isGroup, token == .special(ASCII.semicolon) else { throw .malformed }
        }
    }

    // `address = mailbox / group`, `mailbox = [display-name] angle-addr / addr-spec`
    private mutating func address(isGroup: Bool) throws(Fault) {
        let start = position
        skipPhrase()
        if skip(ASCII.less) { return found.append(try angle()) }
        if !isGroup, position > start, skip(ASCII.colon) {
            try list(isGroup: true)
            guard skip(ASCII.semicolon) else { throw .malformed }
            return
        }
        guard next == .special(ASCII.at) else { throw position > start ? .withoutAddress : .malformed }
        position = start
        let address = try addrSpec()
        // Deviation: "ann@shop.test <ann@shop.test>" is written by some programs; both then count.
        if skip(ASCII.less) { found.append(try angle()) }
        found.append(address)
    }

    // `phrase = 1*word / obs-phrase`
    private mutating func skipPhrase() {
        while let token = next {
            switch token {
            case .word, .special(ASCII.dot): position += 1
            case .literal, .special: return
            }
        }
    }

    // `angle-addr = "<" [obs-route] addr-spec ">"`; the route names no mailbox.
    private mutating func angle() throws(Fault) -> EmailAddress {
        if next == .special(ASCII.at) {
            while skip(ASCII.at) {
                _ = try domain()
                while skip(ASCII.comma) {}
            }
            guard skip(ASCII.colon) else { throw .malformed }
        }
        let address = try addrSpec()
        guard skip(ASCII.greater) else { throw .malformed }
        return address
    }

    // `addr-spec = local-part "@" domain`, `obs-local-part = word *("." word)`
    private mutating func addrSpec() throws(Fault) -> EmailAddress {
        var local = try word()
        while skip(ASCII.dot) { local += [ASCII.dot] + (try word()) }
        guard skip(ASCII.at), let text = String(validating: local, as: UTF8.self), !local.isEmpty else {
            throw .malformed
        }
        return EmailAddress(uncheckedLocalPart: text, domain: try domain())
    }

    private mutating func word() throws(Fault) -> [UInt8] {
        guard case .word(let octets) = next else { throw .malformed }
        position += 1
        return octets
    }

    // `domain = dot-atom / domain-literal / obs-domain`
    private mutating func domain() throws(Fault) -> String {
        var octets: [UInt8]
        if case .literal(let literal) = next {
            position += 1
            octets = literal
        } else {
            octets = try word()
            while skip(ASCII.dot) { octets += [ASCII.dot] + (try word()) }
        }
        guard let text = String(validating: octets, as: UTF8.self), !octets.isEmpty else { throw .malformed }
        return text
    }

    // MARK: - Tokens

    private static func tokens(of text: [UInt8]) throws(Fault) -> [Token] {
        var cursor = ByteCursor(text)
        var tokens: [Token] = []
        while let byte = cursor.next() {
            switch byte {
            case ASCII.space, ASCII.tab: ()
            case ASCII.leftParen: try skipComment(&cursor)
            case ASCII.quote: tokens.append(.word(try enclosed(&cursor, by: ASCII.quote)))
            case ASCII.leftBracket:
                tokens.append(
                    .literal(
                        [ASCII.leftBracket] + (try enclosed(&cursor, by: ASCII.rightBracket)) + [ASCII.rightBracket]
                    )
                )
            case ASCII.less, ASCII.greater, ASCII.at, ASCII.comma, ASCII.colon, ASCII.semicolon, ASCII.dot:
                tokens.append(.special(byte))
            case _ where atext.contains(byte):
                tokens.append(.word([byte] + cursor.take(while: atext)))
            default: throw .malformed
            }
        }
        return tokens
    }

    // `comment = "(" *([FWS] ccontent) [FWS] ")"`, nested by a counter.
    private static func skipComment(_ cursor: inout ByteCursor) throws(Fault) {
        var depth = 1
        while depth > 0 {
            guard let byte = cursor.next(), !isControl(byte) else { throw .malformed }
            switch byte {
            case ASCII.leftParen: depth += 1
            case ASCII.rightParen: depth -= 1
            case ASCII.backslash:
                guard let next = cursor.next(), !isControl(next) else { throw .malformed }
            default: ()
            }
        }
    }

    private static func enclosed(_ cursor: inout ByteCursor, by end: UInt8) throws(Fault) -> [UInt8] {
        var octets: [UInt8] = []
        while let byte = cursor.next() {
            if byte == end { return octets }
            guard !isControl(byte) else { throw .malformed }
            guard byte == ASCII.backslash else {
                octets.append(byte)
                continue
            }
            guard let next = cursor.next(), !isControl(next) else { throw .malformed }
            octets.append(next)
        }
        throw .malformed
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte.isASCIIControl && byte != ASCII.tab }

    /// RFC 5322 §3.2.3 and RFC 6532 §3.2.
    private static let atext = ByteClass { byte in
        byte >= 128 || byte.isASCIIAlphanumeric || Array("!#$%&'*+-/=?^_`{|}~".utf8).contains(byte)
    }
}
