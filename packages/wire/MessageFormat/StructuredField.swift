import ByteParsing

/// Tokens of structured header fields (RFC 5322 §3.2, RFC 2045 §5.1).
struct StructuredCursor {
    private(set) var cursor: ByteCursor

    init(_ bytes: [UInt8]) { cursor = ByteCursor(bytes) }

    var isAtEnd: Bool { cursor.isAtEnd }
    var peek: UInt8? { cursor.peek }
    mutating func skip(_ byte: UInt8) -> Bool { cursor.skip(byte) }
    mutating func advance() { _ = cursor.next() }

    /// CFWS: white space and comments, nested to any depth (by a counter, not recursion).
    ///
    /// Gives the last comment's text.
    @discardableResult
    mutating func skipSpaceAndComments() -> [UInt8]? {
        var comment: [UInt8]?
        while let byte = cursor.peek {
            switch byte {
            case 32, 9, 13, 10, 0: _ = cursor.next()
            case ASCII.leftParen: comment = self.comment()
            default: return comment
            }
        }
        return comment
    }

    private mutating func comment() -> [UInt8] {
        var text: [UInt8] = []
        var depth = 0
        while let byte = cursor.next() {
            switch byte {
            case ASCII.leftParen:
                if depth > 0 { text.append(byte) }
                depth += 1
            case ASCII.rightParen:
                depth -= 1
                if depth == 0 { return text }
                text.append(byte)
            case ASCII.backslash:
                if let next = cursor.next() { text.append(next) }
            case ASCII.cr, ASCII.lf: ()
            default: text.append(byte)
            }
        }
        return text
    }

    /// A quoted-string without its quotes; the end of the field closes an open one.
    mutating func quotedString() -> [UInt8] {
        var text: [UInt8] = []
        guard cursor.skip(ASCII.quote) else { return text }
        while let byte = cursor.next() {
            switch byte {
            case ASCII.quote: return text
            case ASCII.backslash:
                if let next = cursor.next() { text.append(next) }
            case ASCII.cr, ASCII.lf: ()
            default: text.append(byte)
            }
        }
        return text
    }

    mutating func take(while members: ByteClass) -> ArraySlice<UInt8> { cursor.take(while: members) }

    /// `token` of RFC 2045 §5.1, with octets over 127 let through.
    static let token = ByteClass { byte in
        byte > 32 && byte != 127 && !Array("()<>@,;:\\\"/[]?=".utf8).contains(byte)
    }
    /// `atext` of RFC 5322 §3.2.3 with dots, octets over 127, and what broken mail puts there.
    static let atom = ByteClass { byte in
        byte > 32 && byte != 127 && !Array("()<>@,;:\\\"[]".utf8).contains(byte)
    }
}

/// A value with parameters: Content-Type, Content-Disposition (RFC 2045 §5.1, RFC 2183, RFC 2231).
package struct ParameterizedValue: Sendable {
    package struct Parameter: Sendable {
        /// Lower case, as written otherwise (`filename*0*` too).
        package var name: [UInt8]
        package var value: [UInt8]
    }

    /// Lower case.
    package var value: [UInt8]
    /// Behind the slash, lower case; empty without one.
    package var subtype: [UInt8]
    package var parameters: [Parameter]

    /// nil when there is no value at all.
    init?(_ text: [UInt8], limits: ParseLimits) {
        var cursor = StructuredCursor(text)
        cursor.skipSpaceAndComments()
        value = cursor.take(while: StructuredCursor.token).map(\.asciiLowercased)
        cursor.skipSpaceAndComments()
        subtype = []
        parameters = []
        if cursor.skip(ASCII.slash) {
            cursor.skipSpaceAndComments()
            subtype = cursor.take(while: StructuredCursor.token).map(\.asciiLowercased)
        }
        guard !value.isEmpty else { return nil }
        while parameters.count < limits.parameters {
            cursor.skipSpaceAndComments()
            guard let byte = cursor.peek else { return }
            guard byte == ASCII.semicolon else {
                // Something unreadable: go on behind the next semicolon.
                cursor.advance()
                continue
            }
            cursor.advance()
            cursor.skipSpaceAndComments()
            let name = cursor.take(while: StructuredCursor.token).map(\.asciiLowercased)
            cursor.skipSpaceAndComments()
            guard !name.isEmpty, cursor.skip(ASCII.equal) else { continue }
            cursor.skipSpaceAndComments()
            if cursor.peek == ASCII.quote {
                parameters.append(Parameter(name: name, value: cursor.quotedString()))
            } else {
                parameters.append(Parameter(name: name, value: Array(cursor.take(while: Self.looseToken))))
            }
        }
    }

    init(value: String, subtype: String) {
        self.value = Array(value.utf8)
        self.subtype = Array(subtype.utf8)
        parameters = []
    }

    /// Real mail leaves quotes away around values with `/`, `=`, `?`, `:` and the like.
    private static let looseToken = ByteClass { byte in
        byte > 32 && byte != 127 && byte != ASCII.semicolon && byte != ASCII.quote && byte != ASCII.leftParen
    }

    /// The raw value of a plain parameter; `name` in lower case.
    package func parameter(_ name: String) -> [UInt8]? {
        let name = Array(name.utf8)
        return parameters.first { $0.name == name }?.value
    }

    func isType(_ type: String, _ subtype: String? = nil) -> Bool {
        value.elementsEqual(type.utf8) && (subtype.map { self.subtype.elementsEqual($0.utf8) } ?? true)
    }

    /// A parameter as text: RFC 2231 continuations and charsets, or RFC 2047 words as real mail has them.
    package func text(of name: String) -> String? {
        if let plain = parameter(name) { return EncodedWord.decode(plain) }
        var charset = ""
        var octets: [UInt8] = []
        var found = false
        for index in -1..<limitOfSegments {
            let base = index < 0 ? name : "\(name)*\(index)"
            if let value = parameter("\(base)*") {
                var value = value[...]
                if !found {
                    let parts = value.split(separator: 39, maxSplits: 2, omittingEmptySubsequences: false)
                    if parts.count == 3 {
                        charset = String(decoding: parts[0], as: UTF8.self)
                        value = parts[2]
                    }
                }
                octets += Self.percentDecoded(value)
            } else if index >= 0, let value = parameter(base) {
                octets += value
            } else if index >= 0 {
                break
            } else {
                continue
            }
            found = true
            if index < 0 { break }
        }
        return found ? CharsetDecoder.decode(octets, charset: charset.isEmpty ? "utf-8" : charset) : nil
    }

    private var limitOfSegments: Int { parameters.count }

    private static func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == ASCII.percent, index + 2 < text.endIndex, let high = text[index + 1].hexDigitValue,
                let low = text[index + 2].hexDigitValue
            {
                output.append(high << 4 | low)
                index += 3
            } else {
                output.append(text[index])
                index += 1
            }
        }
        return output
    }
}
