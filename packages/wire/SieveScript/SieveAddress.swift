import ByteParsing
import MailModel

/// An address of a header field or an envelope, its local part without quotes (RFC 5322 §3.4).
struct SieveAddress: Hashable, Sendable {
    var localPart: [UInt8]
    var domain: [UInt8]

    private enum Token: Hashable {
        case word([UInt8])
        case dot, at
        /// With its brackets.
        case literal([UInt8])
    }

    /// The addresses of a field's value, those of groups too, up to `limit`; what is none is passed over.
    static func parse(_ text: [UInt8], limit: Int = 5_000) -> [SieveAddress] {
        var addresses: [SieveAddress] = []
        var reader = Reader(text: text)
        var tokens: [Token] = []
        /// The tokens between `<` and `>`.
        var angle: [Token]?
        var isInAngle = false
        func take() {
            if let address = SieveAddress(angle ?? tokens), addresses.count < limit { addresses.append(address) }
            (tokens, angle, isInAngle) = ([], nil, false)
        }
        while let byte = reader.nextMark() {
            switch byte {
            case ASCII.comma where !isInAngle: take()
            case ASCII.semicolon where !isInAngle: take()
            // A group's name, or a route before an address.
            case ASCII.colon:
                if isInAngle { angle = [] } else { tokens = [] }
            case ASCII.less: (angle, isInAngle) = ([], true)
            case ASCII.greater: isInAngle = false
            case ASCII.comma, ASCII.semicolon: ()  // Of a route.
            default:
                let token = reader.token(byte)
                if isInAngle { angle?.append(token) } else if angle == nil { tokens.append(token) }
            }
        }
        take()
        return addresses
    }

    /// `addr-spec = local-part "@" domain` and nothing else, as a message is sent to; nil otherwise.
    static func single(_ text: [UInt8]) -> SieveAddress? {
        guard text.count <= EmailAddress.longest,
            text.allSatisfy({ $0 > 32 && $0 != 127 && !"<>,;:()".utf8.contains($0) }) || text.first == 34,
            !text.contains(where: \.isASCIIControl)
        else { return nil }
        let addresses = parse(text, limit: 2)
        guard addresses.count == 1, let address = addresses.first, firstInvalidUTF8(text) == nil,
            text.reversed().starts(with: address.domain.reversed())
        else { return nil }
        let labels = address.domain.split(separator: ASCII.dot, omittingEmptySubsequences: false)
        guard address.domain.first == ASCII.leftBracket || labels.allSatisfy({ !$0.isEmpty && $0.count <= 63 }) else {
            return nil
        }
        return address
    }

    /// `addr-spec = local-part "@" domain`, dots within the local part wherever they stand.
    private init?(_ tokens: [Token]) {
        guard let at = tokens.lastIndex(of: .at), at > 0, at + 1 < tokens.count else { return nil }
        var local: [UInt8] = []
        var isWordLast = false
        for token in tokens[..<at] {
            switch token {
            case .word(let word):
                guard !isWordLast else { return nil }
                local += word
                isWordLast = true
            case .dot:
                local.append(ASCII.dot)
                isWordLast = false
            case .at, .literal: return nil
            }
        }
        var domain: [UInt8] = []
        var isLabelLast = false
        for token in tokens[(at + 1)...] {
            switch token {
            case .word(let word):
                guard !isLabelLast else { return nil }
                domain += word
                isLabelLast = true
            case .dot:
                guard isLabelLast else { return nil }
                domain.append(ASCII.dot)
                isLabelLast = false
            case .literal(let literal):
                guard at + 2 == tokens.count else { return nil }
                domain = literal
            case .at: return nil
            }
        }
        guard !local.isEmpty, !domain.isEmpty else { return nil }
        (self.localPart, self.domain) = (local, domain)
    }

    private struct Reader {
        let text: [UInt8]
        var position = 0

        /// The first octet of what comes, behind space and comments.
        mutating func nextMark() -> UInt8? {
            var depth = 0
            while position < text.count {
                let byte = text[position]
                if byte == ASCII.leftParen {
                    depth += 1
                } else if byte == ASCII.rightParen, depth > 0 {
                    depth -= 1
                } else if byte == ASCII.backslash, depth > 0 {
                    position += 1
                } else if depth == 0, byte > 32, byte != 127 {
                    position += 1
                    return byte
                }
                position += 1
            }
            return nil
        }

        mutating func token(_ first: UInt8) -> Token {
            switch first {
            case ASCII.dot: return .dot
            case ASCII.at: return .at
            case ASCII.quote: return .word(until(ASCII.quote))
            case ASCII.leftBracket: return .literal([first] + until(ASCII.rightBracket) + [ASCII.rightBracket])
            default:
                var word = [first]
                while position < text.count, text[position] > 32, text[position] != 127,
                    !"()<>[]:;@,.\"".utf8.contains(text[position])
                {
                    word.append(text[position])
                    position += 1
                }
                return .word(word)
            }
        }

        private mutating func until(_ end: UInt8) -> [UInt8] {
            var content: [UInt8] = []
            while position < text.count, text[position] != end {
                if text[position] == ASCII.backslash, position + 1 < text.count { position += 1 }
                content.append(text[position])
                position += 1
            }
            position += 1
            return content
        }
    }

    /// The part that a test looks at; nil when the address has none (RFC 5233 §4: no separator, no detail).
    func part(_ part: SieveAddressPart) -> [UInt8]? {
        let separator = localPart.firstIndex(of: ASCII.plus)
        switch part {
        case .all: return localPart + [ASCII.at] + domain
        case .localPart: return localPart
        case .domain: return domain
        case .user: return Array(localPart[..<(separator ?? localPart.endIndex)])
        case .detail: return separator.map { Array(localPart[($0 + 1)...]) }
        }
    }
}
