import ByteParsing

/// One pass over a message: every line is looked at once, against the boundaries of all parts that are open.
struct EntityParser {
    private let bytes: [UInt8]
    private let limits: ParseLimits
    private var position = 0
    private var open: [[UInt8]] = []
    private var parts = 0

    init(_ bytes: [UInt8], limits: ParseLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    /// What stands at a line that begins with `--`.
    private struct Delimiter {
        /// Index in `open`.
        var level: Int
        var isClosing: Bool
    }

    /// The entity at `position`; afterwards `position` is at the delimiter line that ended it, or at the end.
    mutating func entity(isInDigest: Bool, depth: Int) -> BodyPart {
        parts += 1
        let boundaries = open
        let bytes = self.bytes
        let fields = HeaderFields(bytes, from: position, to: bytes.count, limit: limits.headerFields) { place in
            Self.delimiter(bytes, at: place, boundaries) != nil
        }
        position = fields.range.upperBound
        let parsed = fields.first("content-type", in: bytes).flatMap { ParameterizedValue(unfolded(bytes, $0.value), limits: limits) }
        // RFC 2046 §5.1.5: parts of a digest are messages unless they say otherwise.
        let type = parsed ?? (isInDigest ? ParameterizedValue(value: "message", subtype: "rfc822") : ParameterizedValue(value: "text", subtype: "plain"))
        var part = BodyPart(
            fields: fields, bodyRange: position..<position, contentType: type, hasContentType: parsed != nil
        )
        let start = position
        let mayNest = depth < limits.depth && parts < limits.parts
        if part.isMultipart, mayNest, let boundary = type.parameter("boundary"), !boundary.isEmpty {
            multipart(&part, boundary: boundary, depth: depth)
        } else if part.isMessage, mayNest, isIdentity(part) {
            part.embedded = [entity(isInDigest: false, depth: depth + 1)]
        } else {
            skipToDelimiter()
        }
        part.bodyRange = start..<max(start, bodyEnd)
        return part
    }

    /// RFC 2046 §5.2.1 allows no other encoding of a message; with one, it is octets.
    private func isIdentity(_ part: BodyPart) -> Bool {
        guard let encoding = part.transferEncoding(in: bytes) else { return true }
        return !encoding.elementsEqual("base64".utf8) && !encoding.elementsEqual("quoted-printable".utf8)
    }

    private mutating func multipart(_ part: inout BodyPart, boundary: [UInt8], depth: Int) {
        // RFC 2046 §5.1.1: a boundary has no white space at its end.
        var boundary = boundary
        while let last = boundary.last, last.isASCIIWhitespace { boundary.removeLast() }
        let level = open.count
        open.append(boundary)
        let isDigest = part.contentType.isType("multipart", "digest")
        skipToDelimiter()
        while let found = currentDelimiter, found.level == level, !found.isClosing, parts < limits.parts {
            skipLine()
            part.children.append(entity(isInDigest: isDigest, depth: depth + 1))
        }
        let isClosed = currentDelimiter.map { $0.level == level } ?? false
        open.removeLast()
        if isClosed {
            skipLine()
            skipToDelimiter()
        }
    }

    /// The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
    private var bodyEnd: Int {
        guard position < bytes.count || (currentDelimiter != nil) else { return bytes.count }
        var end = position
        if end > 0, bytes[end - 1] == ASCII.lf {
            end -= 1
            if end > 0, bytes[end - 1] == ASCII.cr { end -= 1 }
        }
        return end
    }

    private var currentDelimiter: Delimiter? { Self.delimiter(bytes, at: position, open) }

    private mutating func skipLine() {
        while position < bytes.count, bytes[position] != ASCII.lf { position += 1 }
        if position < bytes.count { position += 1 }
    }

    /// To the next line that delimits an open part, from the start of a line.
    private mutating func skipToDelimiter() {
        guard !open.isEmpty else {
            position = bytes.count
            return
        }
        while position < bytes.count {
            if bytes[position] == ASCII.minus, currentDelimiter != nil { return }
            skipLine()
        }
    }

    /// The innermost open boundary that the line at `place` is a delimiter of.
    private static func delimiter(_ bytes: [UInt8], at place: Int, _ open: [[UInt8]]) -> Delimiter? {
        guard place + 2 < bytes.count, bytes[place] == ASCII.minus, bytes[place + 1] == ASCII.minus else { return nil }
        for level in open.indices.reversed() {
            let boundary = open[level]
            let end = place + 2 + boundary.count
            guard end <= bytes.count, bytes[(place + 2)..<end].elementsEqual(boundary) else { continue }
            var rest = end
            var isClosing = false
            if rest + 1 < bytes.count, bytes[rest] == ASCII.minus, bytes[rest + 1] == ASCII.minus {
                isClosing = true
                rest += 2
            }
            // Only white space may follow, else it is the boundary of another part that begins alike.
            while rest < bytes.count, bytes[rest].isASCIIWhitespace || bytes[rest] == ASCII.cr { rest += 1 }
            if rest >= bytes.count || bytes[rest] == ASCII.lf || isClosing { return Delimiter(level: level, isClosing: isClosing) }
        }
        return nil
    }
}
