import ByteParsing

extension SieveEntity {
    private var contentType: SieveParameters? {
        fields.first { $0.name.equalsIgnoringASCIICase("content-type".utf8) }.map { SieveParameters($0.value) }
    }

    /// In lower case; RFC 2045 §5.2: text/plain when the header says nothing.
    var type: (type: String, subtype: String) {
        guard let (type, subtype) = contentType?.parts, !type.isEmpty, !subtype.isEmpty else {
            return ("text", "plain")
        }
        let texts = [type, subtype].map { String(decoding: $0.map(\.asciiLowercased), as: UTF8.self) }
        return (texts[0], texts[1])
    }

    var isText: Bool { type.type == "text" }

    var boundary: [UInt8]? {
        contentType?.parameters.first { $0.name.equalsIgnoringASCIICase("boundary".utf8) }?.value
    }

    /// Whether `:content` means it by that name: empty for all, a type, or type and subtype (RFC 5173 §5.2).
    func isContent(_ name: [UInt8]) -> Bool {
        guard !name.isEmpty else { return true }
        let parts = name.split(separator: ASCII.slash, omittingEmptySubsequences: false)
        let (type, subtype) = type
        guard parts.count <= 2, parts[0].equalsIgnoringASCIICase(type.utf8) else { return false }
        return parts.count == 1 || parts[1].equalsIgnoringASCIICase(subtype.utf8)
    }

    /// The text before the first part and behind the last of a multipart's body.
    static func aroundParts(_ body: [UInt8], _ boundary: [UInt8]?) -> [UInt8] {
        guard let boundary, !boundary.isEmpty else { return body }
        let delimiter = [ASCII.minus, ASCII.minus] + boundary
        let closing = delimiter + [ASCII.minus, ASCII.minus]
        var output: [UInt8] = []
        var isInParts = false
        var start = 0
        while start < body.count {
            let end = body[start...].firstIndex(of: ASCII.lf).map { $0 + 1 } ?? body.count
            let line = body[start..<end]
            if line.starts(with: closing) {
                isInParts = false
            } else if line.starts(with: delimiter) {
                isInParts = true
            } else if !isInParts {
                output += line
            }
            start = end
        }
        return output
    }

    /// Where the header at the beginning of a text ends: behind the line end before its empty line.
    static func headerEnd(_ text: [UInt8]) -> Int {
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: ASCII.lf).map { $0 + 1 } ?? text.count
            if text[start..<end].allSatisfy({ $0 == ASCII.cr || $0 == ASCII.lf }) { return start }
            start = end
        }
        return text.count
    }
}

/// A value with parameters: `Content-Type`, `Content-Disposition` (RFC 2045 §5.1, RFC 2183 §2).
struct SieveParameters: Sendable {
    /// Before the first semicolon.
    var value: [UInt8]
    var parameters: [(name: [UInt8], value: [UInt8])] = []

    /// Quotes are taken off; what RFC 2231 §4 encodes in one piece is decoded, as UTF-8.
    init(_ text: [UInt8]) {
        let pieces = Self.split(text, limit: 100)
        value = Self.trimmed(pieces.first ?? [])
        for piece in pieces.dropFirst() {
            guard let equals = piece.firstIndex(of: ASCII.equal) else { continue }
            var name = Self.trimmed(Array(piece[..<equals]))
            var content = Self.unquoted(Self.trimmed(Array(piece[(equals + 1)...])))
            if name.last == ASCII.star {
                name.removeLast()
                content = Self.decoded(content)
            }
            if !name.isEmpty { parameters.append((name, content)) }
        }
    }

    /// Around the slash; the second is empty when there is none.
    var parts: (type: [UInt8], subtype: [UInt8]) {
        guard let slash = value.firstIndex(of: ASCII.slash) else { return (value, []) }
        return (Self.trimmed(Array(value[..<slash])), Self.trimmed(Array(value[(slash + 1)...])))
    }

    /// At semicolons outside quotes, without comments.
    private static func split(_ text: [UInt8], limit: Int) -> [[UInt8]] {
        var pieces: [[UInt8]] = [[]]
        var (isQuoted, isEscaped, depth) = (false, false, 0)
        for byte in text {
            if isEscaped {
                isEscaped = false
            } else if byte == ASCII.backslash, isQuoted || depth > 0 {
                isEscaped = true
            } else if byte == ASCII.quote, depth == 0 {
                isQuoted.toggle()
            } else if !isQuoted, byte == ASCII.leftParen {
                depth += 1
            } else if !isQuoted, depth > 0, byte == ASCII.rightParen {
                depth -= 1
                continue
            } else if !isQuoted, depth == 0, byte == ASCII.semicolon {
                guard pieces.count < limit else { break }
                pieces.append([])
                continue
            }
            if depth == 0 { pieces[pieces.count - 1].append(byte) }
        }
        return pieces
    }

    private static func trimmed(_ text: [UInt8]) -> [UInt8] {
        guard let first = text.firstIndex(where: { $0 > 32 }), let last = text.lastIndex(where: { $0 > 32 }) else {
            return []
        }
        return Array(text[first...last])
    }

    private static func unquoted(_ text: [UInt8]) -> [UInt8] {
        guard text.count >= 2, text.first == ASCII.quote, text.last == ASCII.quote else { return text }
        var output: [UInt8] = []
        var isEscaped = false
        for byte in text[1..<(text.count - 1)] {
            if byte == ASCII.backslash, !isEscaped {
                isEscaped = true
            } else {
                output.append(byte)
                isEscaped = false
            }
        }
        return output
    }

    /// `extended-initial-value = [charset] "'" [language] "'" extended-other-values` (RFC 2231 §7).
    private static func decoded(_ text: [UInt8]) -> [UInt8] {
        let pieces = text.split(separator: 39, maxSplits: 2, omittingEmptySubsequences: false)
        let encoded = pieces.count == 3 ? pieces[2] : text[...]
        var output: [UInt8] = []
        var index = encoded.startIndex
        while index < encoded.endIndex {
            if encoded[index] == ASCII.percent, index + 2 < encoded.endIndex,
                let high = encoded[index + 1].hexDigitValue, let low = encoded[index + 2].hexDigitValue
            {
                output.append(high << 4 | low)
                index += 3
            } else {
                output.append(encoded[index])
                index += 1
            }
        }
        return output
    }
}
