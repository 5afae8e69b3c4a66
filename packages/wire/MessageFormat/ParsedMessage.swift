import ByteParsing

/// A message and the tree of its parts, as places in its octets; bodies are not copied.
package struct ParsedMessage: Sendable {
    package let bytes: [UInt8]
    package let root: BodyPart

    /// Never fails: broken MIME gives the parts that can be seen (RFC 2049 §2).
    package init(parsing bytes: [UInt8], limits: ParseLimits = .default) {
        self.bytes = bytes
        var parser = EntityParser(bytes, limits: limits)
        root = parser.entity(isInDigest: false, depth: 0)
    }

    /// The part that an IMAP section number names (RFC 9051 §6.4.5.1); nil when there is none.
    ///
    /// Empty for the message.
    ///
    /// Every message has part 1 at least: its own body when it is no multipart. Numbers below a message/rfc822 count the
    /// parts of the message in it, by the same rule.
    package func part(_ path: [Int]) -> BodyPart? {
        var part = root
        // Whether `part` is a message of its own, whose parts the next number counts.
        var isMessage = true
        for number in path {
            if !isMessage, let embedded = part.embedded.first {
                part = embedded
                isMessage = true
            }
            if part.isMultipart {
                guard number >= 1, number <= part.children.count else { return nil }
                part = part.children[number - 1]
            } else {
                guard isMessage, number == 1 else { return nil }
            }
            isMessage = false
        }
        return part
    }

    /// What follows the part numbers of a section (RFC 9051 §6.4.5.1).
    package enum SectionText: Sendable {
        /// Nothing: the whole message, or a part's body.
        case everything
        /// HEADER: of the message, or of the message in a message/rfc822.
        case header
        /// TEXT: the body of the message, or of the message in a message/rfc822.
        case text
        /// MIME: the header of a part.
        case mime
    }

    /// The octets that a section names; nil when there is no such section.
    package func range(of path: [Int], _ text: SectionText) -> Range<Int>? {
        guard let part = part(path) else { return nil }
        if path.isEmpty {
            switch text {
            case .everything: return bytes.indices
            case .header: return root.headerRange
            case .text: return root.bodyRange
            case .mime: return nil
            }
        }
        switch text {
        case .everything: return part.bodyRange
        case .mime: return part.headerRange
        // RFC 9051 §6.4.5.1: HEADER and TEXT with a part number are of message/rfc822 only.
        case .header: return part.embedded.first?.headerRange
        case .text: return part.embedded.first?.bodyRange
        }
    }
}

/// One MIME entity.
package struct BodyPart: Sendable {
    package let fields: HeaderFields
    /// Header with its empty line.
    package var headerRange: Range<Int> { fields.range }
    package internal(set) var bodyRange: Range<Int>
    package let contentType: ParameterizedValue
    /// Whether the header had a Content-Type that could be read.
    package let hasContentType: Bool
    /// Parts of a multipart.
    package internal(set) var children: [BodyPart] = []
    /// The message in a message/rfc822: one element or none.
    package internal(set) var embedded: [BodyPart] = []

    package var range: Range<Int> { headerRange.lowerBound..<bodyRange.upperBound }
    package var isMultipart: Bool { contentType.isType("multipart") }
    package var isMessage: Bool { contentType.isType("message", "rfc822") || contentType.isType("message", "global") }
    package var isText: Bool { contentType.isType("text") }

    /// The value of the last field of that name on one line; `name` in lower case.
    ///
    /// Where a header breaks RFC 5322 §3.6 and has a field twice, ENVELOPE shows the last one.
    package func lastValue(_ name: StaticString, in bytes: [UInt8]) -> [UInt8]? {
        fields.fields.last { bytes[$0.name].equalsIgnoringASCIICase(name) }.map { unfolded(bytes, $0.value) }
    }

    /// The value of the first field of that name on one line; `name` in lower case.
    package func value(_ name: StaticString, in bytes: [UInt8]) -> [UInt8]? {
        fields.first(name, in: bytes).map { unfolded(bytes, $0.value) }
    }

    /// Content-Transfer-Encoding in lower case; nil when absent or not a single token (RFC 2045 §6.1).
    package func transferEncoding(in bytes: [UInt8]) -> [UInt8]? {
        guard let text = value("content-transfer-encoding", in: bytes) else { return nil }
        var cursor = StructuredCursor(text)
        cursor.skipSpaceAndComments()
        let token = cursor.take(while: StructuredCursor.token)
        cursor.skipSpaceAndComments()
        return token.isEmpty || !cursor.isAtEnd ? nil : token.map(\.asciiLowercased)
    }

    /// The encoding to undo: the first token, whatever follows it.
    private func looseTransferEncoding(in bytes: [UInt8]) -> String? {
        guard let text = value("content-transfer-encoding", in: bytes) else { return nil }
        var cursor = StructuredCursor(text)
        cursor.skipSpaceAndComments()
        let token = cursor.take(while: StructuredCursor.token)
        return token.isEmpty ? nil : String(decoding: token.map(\.asciiLowercased), as: UTF8.self)
    }

    package func disposition(in bytes: [UInt8], limits: ParseLimits = .default) -> ParameterizedValue? {
        value("content-disposition", in: bytes).flatMap { ParameterizedValue($0, limits: limits) }
    }

    /// The body without its transfer encoding; nil for an encoding that is not known (RFC 3516 §4.3).
    package func decodedBody(in bytes: [UInt8]) -> [UInt8]? {
        let body = bytes[bodyRange]
        switch looseTransferEncoding(in: bytes) ?? "7bit" {
        case "7bit", "8bit", "binary": return Array(body)
        case "base64": return TransferDecoder.base64(body)
        case "quoted-printable": return TransferDecoder.quotedPrintable(body)
        default: return nil
        }
    }

    /// The body as text, decoded from transfer encoding and charset.
    package func decodedText(in bytes: [UInt8]) -> String {
        let charset = contentType.parameter("charset").map { String(decoding: $0, as: UTF8.self) } ?? "us-ascii"
        return CharsetDecoder.decode(decodedBody(in: bytes) ?? Array(bytes[bodyRange]), charset: charset)
    }
}
