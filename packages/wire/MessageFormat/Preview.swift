import ByteParsing

/// The first words of a message's text (RFC 8970), and all of it for SEARCH.
package enum Preview {
    static func text(of message: ParsedMessage) -> String {
        guard let part = firstText(in: message) else { return "" }
        // A little of the body is enough.
        var head = part
        head.bodyRange = part.bodyRange.lowerBound..<min(part.bodyRange.upperBound, part.bodyRange.lowerBound + 2_048)
        let text = head.decodedText(in: message.bytes)
        return collapsed(part.contentType.isType("text", "html") ? withoutMarkup(text) : text, limit: 256)
    }

    /// The first text/plain that is no attachment, else the first text of another kind.
    private static func firstText(in message: ParsedMessage) -> BodyPart? {
        var other: BodyPart?
        var rest = [message.root]
        while let part = rest.popLast() {
            if part.isMultipart {
                rest.append(contentsOf: part.children.reversed())
            } else if part.isText, part.disposition(in: message.bytes)?.isType("attachment") != true {
                if part.contentType.isType("text", "plain") { return part }
                if other == nil { other = part }
            }
        }
        return other
    }

    /// White space runs as one space.
    private static func collapsed(_ text: String, limit: Int) -> String {
        var output: [UInt8] = []
        for byte in text.utf8 {
            guard output.count < limit + 8 else { break }
            if byte <= 32 {
                if let last = output.last, last != 32 { output.append(32) }
            } else {
                output.append(byte)
            }
        }
        return MessageSummaryText.trimmedUTF8(output)
    }

    /// Crudely: tags dropped, contents of style and script too.
    static func withoutMarkup(_ text: String) -> String {
        var output: [UInt8] = []
        var tag: [UInt8] = []
        var isInTag = false
        var hidden: [UInt8]?
        for byte in text.utf8 {
            if isInTag {
                if byte == ASCII.greater {
                    isInTag = false
                    let name = tag.prefix { $0.isASCIIAlphanumeric || $0 == ASCII.slash }
                    if let open = hidden {
                        if name.elementsEqual([ASCII.slash] + open) { hidden = nil }
                    } else if name.elementsEqual("style".utf8) || name.elementsEqual("script".utf8) {
                        hidden = Array(name)
                    }
                    output.append(32)
                } else if byte == ASCII.less, hidden != nil {
                    // In a script it may be an operator.
                    tag = []
                } else if tag.count < 16 {
                    tag.append(byte.asciiLowercased)
                }
            } else if byte == ASCII.less {
                isInTag = true
                tag = []
            } else if hidden == nil {
                output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Every text part decoded, for SEARCH BODY and TEXT; at most `limit` octets of body are looked at.
    package static func searchableText(of part: BodyPart, in bytes: [UInt8], limit: Int = 8 << 20) -> [String] {
        var texts: [String] = []
        var left = limit
        func visit(_ part: BodyPart) {
            guard left > 0 else { return }
            if !part.children.isEmpty { return part.children.forEach(visit) }
            if let embedded = part.embedded.first {
                texts.append(EncodedWord.decode(Array(bytes[embedded.headerRange])))
                return visit(embedded)
            }
            guard part.isText else { return }
            var head = part
            head.bodyRange =
                part.bodyRange.lowerBound..<min(part.bodyRange.upperBound, part.bodyRange.lowerBound + left)
            left -= head.bodyRange.count
            texts.append(head.decodedText(in: bytes))
        }
        visit(part)
        return texts
    }
}

enum MessageSummaryText {
    /// Without a broken scalar at the end and without white space around.
    static func trimmedUTF8(_ bytes: [UInt8]) -> String {
        var bytes = bytes[...]
        while let last = bytes.last, last == 32 { bytes.removeLast() }
        while let first = bytes.first, first == 32 { bytes.removeFirst() }
        var tail = bytes.count
        var back = 0
        while tail > 0, back < 4, bytes[bytes.startIndex + tail - 1] & 0xC0 == 0x80 {
            tail -= 1
            back += 1
        }
        if tail > 0 {
            let lead = bytes[bytes.startIndex + tail - 1]
            let need = lead < 0x80 ? 0 : lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1
            if need > back { bytes = bytes.prefix(tail - 1) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
