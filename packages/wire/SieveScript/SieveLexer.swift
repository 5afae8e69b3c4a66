import ByteParsing

/// Cuts the octets of a script into tokens (RFC 5228 §8.1).
struct SieveLexer {
    let bytes: [UInt8]
    let limits: SieveLimits
    var position = 0
    private var line = 1
    private var lineStart = 0

    /// The text must be UTF-8 without NUL, and its lines must end with CRLF or LF.
    ///
    /// Deviation: RFC 5228 §8.1 ends lines with CRLF only; LF alone is what editors of most systems write.
    init(_ bytes: [UInt8], limits: SieveLimits) throws(SieveFault) {
        (self.bytes, self.limits) = (bytes, limits)
        guard bytes.count <= limits.scriptLength else {
            throw SievePlace(line: 1, column: 1).fault(
                "The script has \(bytes.count) octets; shorten it to \(limits.scriptLength) at most."
            )
        }
        if let (index, sentence) = Self.foreignOctet(in: bytes) {
            let before = bytes[..<index]
            let start = before.lastIndex(of: ASCII.lf).map { $0 + 1 } ?? 0
            let lines = before.reduce(1) { $1 == ASCII.lf ? $0 + 1 : $0 }
            throw SievePlace(line: lines, column: index - start + 1).fault(sentence)
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    private static func foreignOctet(in bytes: [UInt8]) -> (Int, String)? {
        if let index = bytes.firstIndex(of: 0) { return (index, "The script has a NUL; remove it.") }
        if let index = firstInvalidUTF8(bytes) {
            return (index, "The script is not UTF-8 here; save it as UTF-8.")
        }
        for index in bytes.indices where bytes[index] == ASCII.cr {
            guard index + 1 < bytes.count, bytes[index + 1] == ASCII.lf else {
                return (index, "A CR stands without LF; end lines with CRLF or LF.")
            }
        }
        return nil
    }

    var place: SievePlace { SievePlace(line: line, column: position - lineStart + 1) }

    private func peek(_ ahead: Int = 0) -> UInt8? {
        position + ahead < bytes.count ? bytes[position + ahead] : nil
    }

    private mutating func advance() {
        if bytes[position] == ASCII.lf { (line, lineStart) = (line + 1, position + 1) }
        position += 1
    }

    mutating func next() throws(SieveFault) -> SieveToken {
        try skipSpace()
        let start = place
        guard let byte = peek() else { return SieveToken(kind: .end, place: start) }
        switch byte {
        case UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"),
            UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"):
            position += 1
            return SieveToken(kind: .mark(byte), place: start)
        case ASCII.quote: return SieveToken(kind: .string(try quotedString(start)), place: start)
        case ASCII.colon:
            position += 1
            let name = identifier()
            guard let name else { throw start.fault("Write the name of a tag behind the colon, without space.") }
            return SieveToken(kind: .tag(name), place: start)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): return SieveToken(kind: .number(try number(start)), place: start)
        default:
            guard let name = identifier() else {
                throw start.fault(
                    "The character \(quoted(bytes[position...].prefix(1))) has no meaning here; remove it."
                )
            }
            if name == Array("text".utf8), peek() == ASCII.colon {
                position += 1
                return SieveToken(kind: .string(try multiLine(start)), place: start)
            }
            return SieveToken(kind: .identifier(name), place: start)
        }
    }

    /// `white-space = 1*(SP / CRLF / HTAB) / comment`.
    private mutating func skipSpace() throws(SieveFault) {
        while let byte = peek() {
            switch byte {
            case ASCII.space, ASCII.tab, ASCII.cr, ASCII.lf: advance()
            // hash-comment = "#" *octet-not-crlf CRLF
            case UInt8(ascii: "#"): while let byte = peek(), byte != ASCII.lf { advance() }
            // bracket-comment = "/*" *not-star 1*STAR *(not-star-slash *not-star 1*STAR) "/"
            case ASCII.slash where peek(1) == ASCII.star:
                let start = place
                position += 2
                while !(peek() == ASCII.star && peek(1) == ASCII.slash) {
                    guard peek() != nil else { throw start.fault("The comment does not end; close it with \"*/\".") }
                    advance()
                }
                position += 2
            default: return
            }
        }
    }

    /// `identifier = (ALPHA / "_") *(ALPHA / DIGIT / "_")`, in lower case; nil when none begins here.
    private mutating func identifier() -> [UInt8]? {
        guard let first = peek(), first.isASCIILetter || first == UInt8(ascii: "_") else { return nil }
        var name: [UInt8] = []
        while let byte = peek(), byte.isASCIIAlphanumeric || byte == UInt8(ascii: "_") {
            name.append(byte.asciiLowercased)
            position += 1
        }
        return name
    }

    /// `number = 1*DIGIT [ QUANTIFIER ]`, `QUANTIFIER = "K" / "M" / "G"`.
    private mutating func number(_ start: SievePlace) throws(SieveFault) -> Int64 {
        let tooLarge = "The number is too large; \(Int64.max) is the largest."
        var value: Int64 = 0
        while let byte = peek(), byte.isASCIIDigit {
            let (product, isOver) = value.multipliedReportingOverflow(by: 10)
            let (sum, isSumOver) = product.addingReportingOverflow(Int64(byte - 48))
            guard !isOver, !isSumOver else { throw start.fault(tooLarge) }
            value = sum
            position += 1
        }
        var shift: Int64 = 1
        switch peek()?.asciiLowercased {
        case UInt8(ascii: "k"): shift = 1 << 10
        case UInt8(ascii: "m"): shift = 1 << 20
        case UInt8(ascii: "g"): shift = 1 << 30
        default: ()  // A plain number.
        }
        if shift > 1 { position += 1 }
        if let byte = peek(), byte.isASCIIAlphanumeric || byte == UInt8(ascii: "_") {
            throw start.fault("A number may end with K, M or G only; write a space behind it.")
        }
        let (product, isOver) = value.multipliedReportingOverflow(by: shift)
        guard !isOver else { throw start.fault(tooLarge) }
        return product
    }

    /// `quoted-string = DQUOTE quoted-text DQUOTE`; a backslash before any other octet than `"` and `\` is passed over.
    private mutating func quotedString(_ start: SievePlace) throws(SieveFault) -> [UInt8] {
        position += 1
        var text: [UInt8] = []
        while let byte = peek() {
            switch byte {
            case ASCII.quote:
                position += 1
                return text
            case ASCII.backslash:
                position += 1
                if let escaped = peek(), escaped != ASCII.lf, escaped != ASCII.cr {
                    text.append(escaped)
                    position += 1
                }
            case ASCII.lf:
                if text.last != ASCII.cr { text.append(ASCII.cr) }
                text.append(byte)
                advance()
            default:
                text.append(byte)
                position += 1
            }
            try check(text, start)
        }
        throw start.fault("The string does not end; close it with a quote.")
    }

    private func check(_ text: [UInt8], _ start: SievePlace) throws(SieveFault) {
        guard text.count <= limits.stringLength else {
            throw start.fault("The string is too long; \(limits.stringLength) octets are the most.")
        }
    }

    /// `multi-line = "text:" *(SP / HTAB) (hash-comment / CRLF) *(multiline-literal / multiline-dotstart) "." CRLF`.
    private mutating func multiLine(_ start: SievePlace) throws(SieveFault) -> [UInt8] {
        while let byte = peek(), byte.isASCIIWhitespace { position += 1 }
        if peek() == UInt8(ascii: "#") { while let byte = peek(), byte != ASCII.lf { advance() } }
        if peek() == ASCII.cr { position += 1 }
        guard peek() == ASCII.lf else {
            throw place.fault("Begin the text on the line behind \"text:\"; only a comment may stand on the same line.")
        }
        advance()
        var text: [UInt8] = []
        while peek() != nil {
            if peek() == ASCII.dot {
                let second = peek(1)
                if second == nil || second == ASCII.lf || (second == ASCII.cr && peek(2) == ASCII.lf) {
                    position += 1
                    return text
                }
                // RFC 5228 §2.4.2: "lines that start with a dot are dot-stuffed"; a single dot is taken as it is.
                if second == ASCII.dot { position += 1 }
            }
            while let byte = peek(), byte != ASCII.lf {
                if byte != ASCII.cr { text.append(byte) }
                position += 1
            }
            guard peek() != nil else { break }
            text += [ASCII.cr, ASCII.lf]
            advance()
            try check(text, start)
        }
        throw start.fault("The text does not end; close it with a line that is a single dot.")
    }
}

/// The index of the first octet that is no UTF-8 (RFC 3629), or nil.
func firstInvalidUTF8(_ bytes: [UInt8]) -> Int? {
    var index = 0
    while index < bytes.count {
        let width = scalarWidth(bytes, at: index)
        guard width > 0 else { return index }
        index += width
    }
    return nil
}

/// Octets of the UTF-8 character at that index; 0 when it is none.
func scalarWidth(_ bytes: some RandomAccessCollection<UInt8>, at index: Int) -> Int {
    func octet(_ at: Int) -> UInt8? { at < bytes.count ? bytes[bytes.index(bytes.startIndex, offsetBy: at)] : nil }
    guard let first = octet(index) else { return 0 }
    if first < 0x80 { return 1 }
    let (width, low, high): (Int, UInt8, UInt8) =
        switch first {
        case 0xC2...0xDF: (2, 0x80, 0xBF)
        case 0xE0: (3, 0xA0, 0xBF)
        case 0xED: (3, 0x80, 0x9F)
        case 0xE1...0xEF: (3, 0x80, 0xBF)
        case 0xF0: (4, 0x90, 0xBF)
        case 0xF1...0xF3: (4, 0x80, 0xBF)
        case 0xF4: (4, 0x80, 0x8F)
        default: (0, 0, 0)
        }
    guard width > 0, let second = octet(index + 1), second >= low, second <= high else { return 0 }
    for ahead in 2..<max(width, 2) {
        guard let next = octet(index + ahead), next & 0xC0 == 0x80 else { return 0 }
    }
    return width
}
