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

    /// The part that an IMAP section number names (RFC 9051 §6.4.5.1); nil when there is none. Empty for the message.
    package func part(_ path: [Int]) -> BodyPart? {
        var part = root
        for (level, number) in path.enumerated() {
            // A number below message/rfc822 counts the parts of the message in it.
            if level > 0, let embedded = part.embedded.first { part = embedded }
            if part.isMultipart {
                guard number >= 1, number <= part.children.count else { return nil }
                part = part.children[number - 1]
            } else {
                guard number == 1, level == 0 || part.range != root.range else { return nil }
                guard level == 0 || !path[..<level].isEmpty && self.part(Array(path[..<level]))?.embedded.isEmpty == false else { return nil }
            }
        }
        return part
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

    /// The value of the first field of that name on one line; `name` in lower case.
    package func value(_ name: StaticString, in bytes: [UInt8]) -> [UInt8]? {
        fields.first(name, in: bytes).map { unfolded(bytes, $0.value) }
    }

    /// Content-Transfer-Encoding in lower case; nil when absent or unreadable.
    package func transferEncoding(in bytes: [UInt8]) -> [UInt8]? {
        guard let text = value("content-transfer-encoding", in: bytes) else { return nil }
        var cursor = StructuredCursor(text)
        cursor.skipSpaceAndComments()
        let token = cursor.take(while: StructuredCursor.token)
        return token.isEmpty ? nil : token.map(\.asciiLowercased)
    }

    package func disposition(in bytes: [UInt8], limits: ParseLimits = .default) -> ParameterizedValue? {
        value("content-disposition", in: bytes).flatMap { ParameterizedValue($0, limits: limits) }
    }

    /// The body without its transfer encoding; nil for an encoding that is not known (RFC 3516 §4.3).
    package func decodedBody(in bytes: [UInt8]) -> [UInt8]? {
        let body = bytes[bodyRange]
        switch transferEncoding(in: bytes).map({ String(decoding: $0, as: UTF8.self) }) ?? "7bit" {
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
