import ByteParsing

/// Edits of a message's header, as octets (RFC 5293).
package enum SieveHeaders {
    /// `field-name = 1*ftext` (RFC 5322 §3.6.8).
    static func isFieldName(_ text: [UInt8]) -> Bool {
        !text.isEmpty && text.count <= 200 && text.allSatisfy { $0 > 32 && $0 < 127 && $0 != ASCII.colon }
    }

    /// The header with its edits: `header` ends before or behind its empty line, and its line ends are CRLF or LF.
    ///
    /// Fields are counted as `SieveHeaderEdit.delete` does; all other octets stay as they are.
    package static func applying(_ edits: [SieveHeaderEdit], to header: [UInt8]) -> [UInt8] {
        var (lines, end) = lines(of: header)
        for edit in edits {
            switch edit {
            case .add(let name, let value, let isLast):
                let field = Array(name.utf8) + [ASCII.colon, ASCII.space] + folded(value) + [ASCII.cr, ASCII.lf]
                let line = Line(name: Array(name.utf8), octets: field)
                if isLast { lines.append(line) } else { lines.insert(line, at: 0) }
            case .delete(let name, let occurrence):
                var count = 0
                let index = lines.firstIndex { line in
                    guard line.name.equalsIgnoringASCIICase(name.utf8) else { return false }
                    count += 1
                    return count == occurrence
                }
                if let index { lines.remove(at: index) }
            }
        }
        return Array(lines.map(\.octets).joined()) + end
    }

    private struct Line {
        var name: [UInt8]
        var octets: [UInt8]
    }

    /// Fields with the lines that continue them, and the empty line.
    private static func lines(of header: [UInt8]) -> ([Line], end: [UInt8]) {
        var lines: [Line] = []
        var start = 0
        while start < header.count {
            let end = header[start...].firstIndex(of: ASCII.lf).map { $0 + 1 } ?? header.count
            let line = header[start..<end]
            if line.allSatisfy({ $0 == ASCII.cr || $0 == ASCII.lf }) { return (lines, Array(header[start...])) }
            if line[start].isASCIIWhitespace, !lines.isEmpty {
                lines[lines.count - 1].octets += line
            } else {
                let name = line.firstIndex(of: ASCII.colon).map { line[..<$0] } ?? []
                let trimmed = name.lastIndex { !$0.isASCIIWhitespace }.map { name[...$0] } ?? []
                lines.append(Line(name: Array(trimmed), octets: Array(line)))
            }
            start = end
        }
        return (lines, [])
    }

    /// On lines of 78 octets where spaces allow it (RFC 5322 §2.1.1).
    private static func folded(_ value: String) -> [UInt8] {
        var output: [UInt8] = []
        var column = 0
        for word in value.utf8.split(separator: ASCII.space, omittingEmptySubsequences: false) {
            if !output.isEmpty || column > 0 {
                // A line that begins with a space before a word; an empty word would leave a line of white space.
                if column + word.count > 70, column > 0, !word.isEmpty {
                    output += [ASCII.cr, ASCII.lf]
                    column = 0
                }
                output.append(ASCII.space)
            }
            output += word
            column += word.count + 1
        }
        return output
    }
}
