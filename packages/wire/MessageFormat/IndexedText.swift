import ByteParsing
import MailModel

/// What an index of words needs of a message's body.
package struct IndexedText: Equatable, Sendable {
    /// The text of every text part, without markup, parts on lines of their own.
    package var body: String
    /// Decoded file names of attachments, in order.
    package var attachments: [String]

    /// Names of files of one message that are kept, and octets of each.
    package static let maximumAttachments = 100
    package static let maximumName = 255

    /// - Parameter limit: octets of `body`; the rest of a longer text is left out, between scalars.
    package init(of message: ParsedMessage, limit: Int) {
        (body, attachments) = ("", [])
        visit(message.root, message.bytes, limit)
    }

    private mutating func visit(_ part: BodyPart, _ bytes: [UInt8], _ limit: Int) {
        if let name = Self.fileName(of: part, bytes), attachments.count < Self.maximumAttachments {
            attachments.append(MessageSummary.clipped(name, to: Self.maximumName))
        }
        for child in part.children { visit(child, bytes, limit) }
        if let embedded = part.embedded.first { return visit(embedded, bytes, limit) }
        let left = limit - body.utf8.count
        guard part.children.isEmpty, part.isText, left > 0 else { return }
        // Encodings and charsets make text shorter, markup makes it longer: so much of a part gives what is left.
        var head = part
        head.bodyRange =
            part.bodyRange.lowerBound..<min(part.bodyRange.upperBound, part.bodyRange.lowerBound + 4 * left)
        let text = head.decodedText(in: bytes)
        let plain = part.contentType.isType("text", "html") ? Preview.withoutMarkup(text) : text
        if !body.isEmpty { body += "\n" }
        body += MessageSummary.clipped(plain, to: max(0, limit - body.utf8.count))
    }

    /// RFC 2183 §2.3 `filename`, or the `name` of older programs.
    private static func fileName(of part: BodyPart, _ bytes: [UInt8]) -> String? {
        let given = part.disposition(in: bytes)?.parameter("filename") ?? part.contentType.parameter("name")
        guard let given, !given.isEmpty else { return nil }
        return EncodedWord.decode(given)
    }
}
