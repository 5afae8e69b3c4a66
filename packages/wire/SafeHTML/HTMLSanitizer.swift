import ByteParsing

/// Leaves of HTML what shows text, and nothing that acts.
///
/// It reads octets, knows a list of elements and attributes, and writes everything anew: text and values escaped, elements
/// closed in order. What it does not know is left out; the contents of elements that are not text go with them.
package struct HTMLSanitizer: Sendable {
    /// Elements in elements; deeper ones are left out, their text stays.
    static let depth = 60
    /// Octets of input that are read.
    package static let limit = 64 << 10

    private let bytes: [UInt8]
    private var position = 0
    private var output: [UInt8] = []
    private var open: [[UInt8]] = []

    /// The text as safe HTML.
    package static func sanitized(_ html: String) -> String {
        var sanitizer = HTMLSanitizer(bytes: Array(html.utf8.prefix(limit)))
        sanitizer.run()
        return String(decoding: sanitizer.output, as: UTF8.self)
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func run() {
        while position < bytes.count {
            let byte = bytes[position]
            if byte == ASCII.less {
                markup()
            } else if byte == UInt8(ascii: "&") {
                let (text, length) = HTMLText.reference(in: bytes[position...])
                HTMLText.escape(text, into: &output)
                position += length
            } else {
                HTMLText.escape([byte], into: &output)
                position += 1
            }
        }
        for name in open.reversed() { close(name) }
    }

    // MARK: - Markup

    private mutating func markup() {
        let next = position + 1 < bytes.count ? bytes[position + 1] : 0
        if next.isASCIILetter {
            startTag()
        } else if next == ASCII.slash, position + 2 < bytes.count, bytes[position + 2].isASCIILetter {
            endTag()
        } else if next == UInt8(ascii: "!") || next == ASCII.question || next == ASCII.slash {
            comment()
        } else {
            HTMLText.escape([ASCII.less], into: &output)
            position += 1
        }
    }

    /// A comment or a declaration, in whatever form a browser takes for one.
    private mutating func comment() {
        let isComment = bytes[position...].starts(with: "<!--".utf8)
        let end: [UInt8] = isComment ? Array("-->".utf8) : [ASCII.greater]
        position += isComment ? 4 : 2
        while position < bytes.count, !bytes[position...].starts(with: end) { position += 1 }
        position = min(bytes.count, position + end.count)
    }

    private mutating func name() -> [UInt8] {
        let start = position
        while position < bytes.count, !Self.endsName(bytes[position]) { position += 1 }
        return bytes[start..<position].map(\.asciiLowercased)
    }

    private static func endsName(_ byte: UInt8) -> Bool {
        byte <= 32 || byte == ASCII.slash || byte == ASCII.greater
    }

    private mutating func startTag() {
        position += 1
        let name = name()
        let attributes = attributes(of: name)
        if HTMLAllowed.rawElements.contains(name) { return skipContents(of: name) }
        guard HTMLAllowed.elements.contains(name) else { return }
        let isVoid = HTMLAllowed.voidElements.contains(name)
        guard isVoid || open.count < Self.depth else { return }
        output.append(ASCII.less)
        output += name
        for (attribute, value) in attributes {
            output.append(ASCII.space)
            output += attribute
            output += [ASCII.equal, ASCII.quote]
            HTMLText.escape(value, into: &output)
            output.append(ASCII.quote)
        }
        output.append(ASCII.greater)
        if !isVoid { open.append(name) }
    }

    private mutating func endTag() {
        position += 2
        let name = name()
        while position < bytes.count, bytes[position] != ASCII.greater { position += 1 }
        position = min(bytes.count, position + 1)
        guard let place = open.lastIndex(of: name) else { return }
        for inner in open[place...].reversed() { close(inner) }
        open.removeLast(open.count - place)
    }

    private mutating func close(_ name: [UInt8]) {
        output += [ASCII.less, ASCII.slash]
        output += name
        output.append(ASCII.greater)
    }

    /// To behind the end tag of an element whose contents are no text.
    private mutating func skipContents(of name: [UInt8]) {
        let end = [ASCII.less, ASCII.slash] + name
        while position < bytes.count {
            if bytes[position] == ASCII.less, bytes.count - position > end.count,
                bytes[position..<(position + end.count)].equalsIgnoringASCIICase(end),
                Self.endsName(bytes[position + end.count])
            {
                while position < bytes.count, bytes[position] != ASCII.greater { position += 1 }
                position = min(bytes.count, position + 1)
                return
            }
            position += 1
        }
    }

    /// Those that may stay, to behind the tag's end.
    private mutating func attributes(of element: [UInt8]) -> [([UInt8], [UInt8])] {
        var found: [([UInt8], [UInt8])] = []
        while position < bytes.count, bytes[position] != ASCII.greater {
            if bytes[position] <= 32 || bytes[position] == ASCII.slash {
                position += 1
                continue
            }
            let start = position
            position += 1
            while position < bytes.count, !Self.endsName(bytes[position]), bytes[position] != ASCII.equal {
                position += 1
            }
            let name = bytes[start..<position].map(\.asciiLowercased)
            let value = HTMLText.plain(value())
            if !found.contains(where: { $0.0 == name }), let kept = HTMLAllowed.value(value, of: name, in: element) {
                found.append((name, kept))
            }
        }
        position = min(bytes.count, position + 1)
        return found
    }

    private mutating func value() -> ArraySlice<UInt8> {
        skipSpace()
        guard position < bytes.count, bytes[position] == ASCII.equal else { return [] }
        position += 1
        skipSpace()
        guard position < bytes.count else { return [] }
        let mark = bytes[position]
        if mark == ASCII.quote || mark == UInt8(ascii: "'") {
            let start = position + 1
            position = start
            while position < bytes.count, bytes[position] != mark { position += 1 }
            defer { position = min(bytes.count, position + 1) }
            return bytes[start..<position]
        }
        let start = position
        while position < bytes.count, bytes[position] > 32, bytes[position] != ASCII.greater { position += 1 }
        return bytes[start..<position]
    }

    private mutating func skipSpace() {
        while position < bytes.count, bytes[position] <= 32 { position += 1 }
    }
}
