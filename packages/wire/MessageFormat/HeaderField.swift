import ByteParsing

/// One header field by its place in the message (RFC 5322 §2.2).
package struct HeaderField: Sendable {
    /// The name, without colon and white space around it.
    package let name: Range<Int>
    /// From behind the colon to before the final line end, folding included.
    package let value: Range<Int>
    /// The whole field with its final line end.
    package let line: Range<Int>
}

/// A run of header fields and where it ends.
package struct HeaderFields: Sendable {
    package let fields: [HeaderField]
    /// From the first field to behind the empty line.
    package let range: Range<Int>

    /// Reads fields from `start` until an empty line, `end`, or a line for which `stopsBefore` holds.
    ///
    /// A line that is no field (no colon) is passed over, as mail programs do.
    init(_ bytes: [UInt8], from start: Int, to end: Int, limit: Int, stopsBefore: (Int) -> Bool = { _ in false }) {
        var fields: [HeaderField] = []
        var position = start
        while position < end {
            if bytes[position] == ASCII.lf {
                position += 1
                break
            }
            if bytes[position] == ASCII.cr, position + 1 < end, bytes[position + 1] == ASCII.lf {
                position += 2
                break
            }
            if bytes[position] == ASCII.minus, stopsBefore(position) { break }
            let lineStart = position
            var colon = -1
            // One field: its line and those that begin with white space.
            while true {
                while position < end, bytes[position] != ASCII.lf {
                    if colon < 0, bytes[position] == ASCII.colon { colon = position }
                    position += 1
                }
                if position < end { position += 1 }
                guard position < end, bytes[position].isASCIIWhitespace else { break }
            }
            guard colon >= 0, fields.count < limit else { continue }
            var nameEnd = colon
            while nameEnd > lineStart, bytes[nameEnd - 1].isASCIIWhitespace { nameEnd -= 1 }
            guard nameEnd > lineStart, !bytes[lineStart..<nameEnd].contains(where: { $0 <= 32 }) else { continue }
            var valueEnd = position
            if valueEnd > colon + 1, bytes[valueEnd - 1] == ASCII.lf { valueEnd -= 1 }
            if valueEnd > colon + 1, bytes[valueEnd - 1] == ASCII.cr { valueEnd -= 1 }
            fields.append(
                HeaderField(name: lineStart..<nameEnd, value: (colon + 1)..<valueEnd, line: lineStart..<position)
            )
        }
        self.fields = fields
        self.range = start..<position
    }

    /// The first field of that name; `name` in lower case.
    func first(_ name: StaticString, in bytes: [UInt8]) -> HeaderField? {
        fields.first { bytes[$0.name].equalsIgnoringASCIICase(name) }
    }
}

/// The field's text on one line: line ends of folding removed, white space around it trimmed (RFC 5322 §2.2.3).
package func unfolded(_ bytes: [UInt8], _ range: Range<Int>) -> [UInt8] {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, bytes[start].isASCIIWhitespace || bytes[start] == ASCII.cr || bytes[start] == ASCII.lf {
        start += 1
    }
    while end > start, bytes[end - 1].isASCIIWhitespace || bytes[end - 1] == ASCII.cr || bytes[end - 1] == ASCII.lf {
        end -= 1
    }
    let text = bytes[start..<end]
    guard text.contains(where: { $0 == ASCII.lf || $0 == ASCII.cr || $0 == 0 }) else { return Array(text) }
    return text.filter { $0 != ASCII.lf && $0 != ASCII.cr && $0 != 0 }
}
