import ByteParsing

/// One pass over a message: every line is looked at once, against the boundaries of all parts that are open.
struct EntityParser {
    private let bytes: [UInt8]
    private let limits: ParseLimits
    private var position = 0
    private var open: [[UInt8]] = []
    private var parts = 0
    /// Behind the last closing delimiter line.
    private var closedAt = 0

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
        let parsed = fields.first("content-type", in: bytes).flatMap {
            ParameterizedValue(unfolded(bytes, $0.value), limits: limits)
        }
        // RFC 2046 §5.1.5: parts of a digest are messages unless they say otherwise.
        let type =
            parsed
            ?? (isInDigest
                ? ParameterizedValue(value: "message", subtype: "rfc822")
                : ParameterizedValue(value: "text", subtype: "plain"))
        var part = BodyPart(
            fields: fields,
            bodyRange: position..<position,
            contentType: type,
            hasContentType: parsed != nil
        )
        let start = position
        let mayNest = depth < limits.depth && parts < limits.parts
        if part.isMultipart, mayNest, let boundary = type.parameter("boundary"), !boundary.isEmpty {
            multipart(&part, boundary: boundary, depth: depth)
        } else if part.isMessage, mayNest {
            // RFC 2046 §5.2.1 allows a message no encoding; one that has it is read as it stands, as other servers do.
            part.embedded = [entity(isInDigest: false, depth: depth + 1)]
        } else {
            skipToDelimiter()
        }
        // A header that a delimiter ends keeps its last line end, and so does what it lies in.
        let inner = (part.children.last ?? part.embedded.last)?.range.upperBound ?? start
        part.bodyRange = start..<max(inner, bodyEnd)
        return part
    }

    private mutating func multipart(_ part: inout BodyPart, boundary: [UInt8], depth: Int) {
        let level = open.count
        open.append(Array(boundary.prefix(ParseLimits.boundaryLength)))
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
            // The end of the closing line is that line's: an empty epilogue leaves none to the next delimiter.
            closedAt = position
            skipToDelimiter()
        }
    }

    /// The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
    private var bodyEnd: Int {
        guard position < bytes.count || (currentDelimiter != nil) else { return bytes.count }
        var end = position
        if end > closedAt, bytes[end - 1] == ASCII.lf {
            end -= 1
            if end > closedAt, bytes[end - 1] == ASCII.cr { end -= 1 }
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

    /// The open boundary that the line at `place` is a delimiter of.
    ///
    /// RFC 2046 §5.1.1: "Boundary string comparisons must compare the boundary value with the beginning of each candidate
    /// line. An exact match of the entire candidate line is not required." Of several that match, the longest is meant
    /// (one boundary may begin another), and of equals the innermost; an exact match ends the search.
    private static func delimiter(_ bytes: [UInt8], at place: Int, _ open: [[UInt8]]) -> Delimiter? {
        guard place + 2 < bytes.count, bytes[place] == ASCII.minus, bytes[place + 1] == ASCII.minus, !open.isEmpty
        else {
            return nil
        }
        let start = place + 2
        let limit = min(bytes.count, start + ParseLimits.boundaryLength + 4)
        var end = start
        while end < limit, bytes[end] != ASCII.lf { end += 1 }
        if end > start, bytes[end - 1] == ASCII.cr { end -= 1 }
        let length = end - start
        let hasDashes = length > 2 && bytes[end - 1] == ASCII.minus && bytes[end - 2] == ASCII.minus
        var best: Int?
        for level in open.indices.reversed() {
            let count = open[level].count
            guard count <= length, best.map({ open[$0].count < count }) ?? true,
                bytes[start..<(start + count)].elementsEqual(open[level])
            else { continue }
            best = level
            if count == length || (hasDashes && count == length - 2) { break }
        }
        guard let best else { return nil }
        let rest = start + open[best].count
        return Delimiter(
            level: best,
            isClosing: rest + 1 < bytes.count && bytes[rest] == ASCII.minus && bytes[rest + 1] == ASCII.minus
        )
    }
}
