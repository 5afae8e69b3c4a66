import ByteParsing

extension HTMLText {
    private static let breaking: Set<[UInt8]> = Set(
        [
            "br", "p", "div", "li", "tr", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol",
            "table",
        ].map {
            Array($0.utf8)
        }
    )

    /// What sanitized HTML shows, as lines parted by LF: for readers of plain text.
    ///
    /// White space runs together; where a block begins or ends a line ends, and links lose where they lead.
    package static func lines(shownBy html: String) -> String {
        var lines: [[UInt8]] = [[]]
        var text: [UInt8] = []
        func flush() {
            for byte in plain(text[...]) {
                if byte <= 32 {
                    if let last = lines[lines.count - 1].last, last != ASCII.space {
                        lines[lines.count - 1].append(ASCII.space)
                    }
                } else {
                    lines[lines.count - 1].append(byte)
                }
            }
            text = []
        }
        var rest = Array(html.utf8)[...]
        while let byte = rest.first {
            guard byte == ASCII.less else {
                text.append(byte)
                rest = rest.dropFirst()
                continue
            }
            flush()
            let tag = rest.dropFirst().prefix { $0 != ASCII.greater }
            let name = tag.drop { $0 == ASCII.slash }.prefix { $0 > 32 && $0 != ASCII.slash }.map(\.asciiLowercased)
            let isBreak = name.elementsEqual("br".utf8)
            if breaking.contains(name), isBreak || !lines[lines.count - 1].isEmpty { lines.append([]) }
            rest = rest.dropFirst(tag.count + 2)
        }
        flush()
        for place in lines.indices where lines[place].last == ASCII.space { lines[place].removeLast() }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return String(decoding: Array(lines.joined(separator: [ASCII.lf])), as: UTF8.self)
    }

    /// Lines of text, parted by LF or CR LF, as HTML.
    package static func html(ofLines text: String) -> String {
        let lines = text.utf8.split(separator: ASCII.lf, omittingEmptySubsequences: false).map { line in
            line.last == ASCII.cr ? Array(line.dropLast()) : Array(line)
        }
        return String(decoding: html(ofLines: lines), as: UTF8.self)
    }
}
