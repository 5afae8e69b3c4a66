import ByteParsing

extension ParsedMessage {
    /// RFC 9051 §7.5.2 BODYSTRUCTURE, with extension data.
    package func imapBodyStructure(of part: BodyPart) -> [UInt8] {
        var writer = BodyStructureWriter(self, isExtended: true)
        return writer.write(part)
    }

    /// RFC 9051 §7.5.2 BODY: the same without extension data.
    package func imapBody(of part: BodyPart) -> [UInt8] {
        var writer = BodyStructureWriter(self, isExtended: false)
        return writer.write(part)
    }
}

private struct BodyStructureWriter {
    private let message: ParsedMessage
    private let isExtended: Bool
    private var text = IMAPText()
    private var lineIndex: LineIndex?

    init(_ message: ParsedMessage, isExtended: Bool) {
        self.message = message
        self.isExtended = isExtended
    }

    private var bytes: [UInt8] { message.bytes }

    mutating func write(_ part: BodyPart) -> [UInt8] {
        body(part)
        return text.bytes
    }

    private mutating func body(_ part: BodyPart) {
        text.raw("(")
        if part.isMultipart { multipart(part) } else { single(part) }
        text.raw(")")
    }

    private mutating func multipart(_ part: BodyPart) {
        if part.children.isEmpty {
            // The grammar wants a part at least: an empty text.
            text.raw("(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0")
            text.raw(isExtended ? " NIL NIL NIL NIL)" : ")")
        }
        for child in part.children { body(child) }
        text.raw(" ")
        text.string(part.contentType.subtype.isEmpty ? Array("mixed".utf8) : part.contentType.subtype)
        guard isExtended else { return }
        text.raw(" ")
        parameters(part.contentType)
        extensionData(part)
    }

    private mutating func single(_ part: BodyPart) {
        let type = part.contentType
        text.string(type.value)
        text.raw(" ")
        text.string(type.subtype.isEmpty ? Array((part.isText ? "plain" : "octet-stream").utf8) : type.subtype)
        text.raw(" ")
        if part.isText, type.parameters.isEmpty, type.parameter("charset") == nil {
            // RFC 2045 §5.2: the charset of unlabelled text.
            text.raw("(\"charset\" \"us-ascii\")")
        } else {
            parameters(type)
        }
        text.raw(" ")
        text.optional(part.value("content-id", in: bytes))
        text.raw(" ")
        text.optional(part.value("content-description", in: bytes))
        text.raw(" ")
        text.string(part.transferEncoding(in: bytes) ?? Array("7bit".utf8))
        text.raw(" ")
        text.number(part.bodyRange.count)
        if let embedded = part.embedded.first, part.isMessage {
            text.raw(" ")
            text.raw(message.imapEnvelope(of: embedded))
            text.raw(" ")
            body(embedded)
            text.raw(" ")
            text.number(lines(part))
        } else if part.isText {
            text.raw(" ")
            text.number(lines(part))
        }
        guard isExtended else { return }
        text.raw(" ")
        text.optional(part.value("content-md5", in: bytes))
        extensionData(part)
    }

    private mutating func lines(_ part: BodyPart) -> Int {
        guard part.isMessage, part.bodyRange.count > 2 * LineIndex.blockLength else {
            return LineIndex.count(bytes, part.bodyRange)
        }
        // Messages in messages share their lines: counted once.
        if lineIndex == nil { lineIndex = LineIndex(bytes) }
        return lineIndex?.count(in: part.bodyRange, of: bytes) ?? 0
    }

    private mutating func parameters(_ value: ParameterizedValue) {
        guard !value.parameters.isEmpty else {
            text.raw("NIL")
            return
        }
        text.raw("(")
        for (index, parameter) in value.parameters.enumerated() {
            if index > 0 { text.raw(" ") }
            text.string(parameter.name)
            text.raw(" ")
            text.string(parameter.value)
        }
        text.raw(")")
    }

    /// Disposition, language, location.
    private mutating func extensionData(_ part: BodyPart) {
        text.raw(" ")
        if let disposition = part.disposition(in: bytes) {
            text.raw("(")
            text.string(disposition.value)
            text.raw(" ")
            parameters(disposition)
            text.raw(")")
        } else {
            text.raw("NIL")
        }
        text.raw(" ")
        language(part)
        text.raw(" ")
        text.optional(part.value("content-location", in: bytes))
    }

    private mutating func language(_ part: BodyPart) {
        guard let value = part.value("content-language", in: bytes) else {
            text.raw("NIL")
            return
        }
        var cursor = StructuredCursor(value)
        var tags: [[UInt8]] = []
        while tags.count < 50 {
            cursor.skipSpaceAndComments()
            guard cursor.peek != nil else { break }
            let tag = cursor.take(while: StructuredCursor.token)
            if tag.isEmpty { cursor.advance() } else { tags.append(Array(tag)) }
        }
        switch tags.count {
        case 0: text.raw("NIL")
        case 1: text.string(tags[0])
        default:
            text.raw("(")
            for (index, tag) in tags.enumerated() {
                if index > 0 { text.raw(" ") }
                text.string(tag)
            }
            text.raw(")")
        }
    }
}
