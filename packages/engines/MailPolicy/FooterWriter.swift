import ByteParsing
package import MailModel
import MessageFormat
import SafeHTML

/// Adds a domain's footer to what its people send: to the text that is read first, in each form that it has.
///
/// Nothing is touched that somebody vouches for (multipart/signed, S/MIME, PGP, reports), nor attachments, nor messages in the
/// message. What a thread has already is not added again.
package struct FooterWriter: Sendable {
    /// Octets of a text part that are rewritten; longer ones are left as they are.
    static let limit = 4 << 20

    private let text: [[UInt8]]
    private let html: [UInt8]
    /// What the footer shows, without white space, in both forms.
    private let shownText: [UInt8]
    private let shownHTML: [UInt8]

    package init(_ footer: DomainPolicy.Footer) {
        text = footer.text.utf8.split(separator: ASCII.lf, omittingEmptySubsequences: false).map {
            $0.last == ASCII.cr ? Array($0.dropLast()) : Array($0)
        }
        let lines = HTMLText.html(ofLines: text)
        let markup = footer.html.map { Array(HTMLSanitizer.sanitized($0).utf8) } ?? lines
        html = HTMLText.ascii("<div style=\"margin-top:1em\">\(String(decoding: markup, as: UTF8.self))</div>\r\n")
        shownText = FooterSearch.squeezed(Array(text.joined(separator: [ASCII.lf])))
        shownHTML = FooterSearch.squeezed(HTMLText.shown(markup))
    }

    /// - Parameter message: header and body, no trace field before them.
    /// - Returns: nil when nothing is to be added.
    package func added(to message: [UInt8]) -> [UInt8]? {
        let parsed = ParsedMessage(parsing: message)
        guard !Self.isProtected(parsed) else { return nil }
        var edits: [Edit] = []
        for part in Self.bodies(of: parsed.root, in: message) {
            guard let rewriter = rewritten(part, in: message) else { continue }
            edits += rewriter.edits(of: part, in: message, isRoot: part.range == parsed.root.range)
        }
        guard !edits.isEmpty else { return nil }
        var output = message
        for edit in edits.sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
            output.replaceSubrange(edit.range, with: edit.bytes)
        }
        return output
    }

    // MARK: - Where

    /// Types that a signature or a program stands behind, anywhere in the message itself.
    private static let protected: Set<String> = [
        "multipart/signed", "multipart/encrypted", "multipart/report", "application/pkcs7-mime",
        "application/x-pkcs7-mime", "application/pgp-encrypted", "application/pgp-signature",
        "application/pgp-keys", "application/pkcs7-signature", "application/x-pkcs7-signature",
    ]

    private static func isProtected(_ message: ParsedMessage) -> Bool {
        var waiting = [message.root]
        while let part = waiting.popLast() {
            if protected.contains(part.typeName) { return true }
            // RFC 9580 §6.2.
            if part.typeName.utf8.starts(with: "text/".utf8), let body = part.decodedBody(in: message.bytes),
                FooterSearch.contains(body, Array("-----BEGIN PGP ".utf8))
            {
                return true
            }
            waiting += part.children
        }
        return false
    }

    /// The text that is read first.
    private static func bodies(of part: BodyPart, in bytes: [UInt8]) -> [BodyPart] {
        if let disposition = part.disposition(in: bytes), disposition.value.elementsEqual("attachment".utf8) {
            return []
        }
        switch part.typeName {
        case "text/plain", "text/html": return [part]
        case "multipart/alternative": return part.children.flatMap { bodies(of: $0, in: bytes) }
        default:
            return part.children.lazy.map { bodies(of: $0, in: bytes) }.first { !$0.isEmpty } ?? []
        }
    }

    // MARK: - What

    private func rewritten(_ part: BodyPart, in bytes: [UInt8]) -> PartRewriter? {
        guard let body = part.decodedBody(in: bytes), body.count <= Self.limit else { return nil }
        let given = part.contentType.parameter("charset").map {
            String(decoding: $0.map(\.asciiLowercased), as: UTF8.self)
        }
        let charset = TextCharset(given, body)
        let isHTML = part.typeName == "text/html"
        let shown = Array(CharsetDecoder.decode(body, charset: charset.name).utf8)
        let isThere =
            isHTML
            ? FooterSearch.contains(FooterSearch.squeezed(HTMLText.shown(shown)), shownHTML)
            : FooterSearch.contains(FooterSearch.squeezed(shown), shownText)
        guard !isThere else { return nil }
        if isHTML {
            guard charset.holdsASCII else { return nil }
            return PartRewriter(body: insertedHTML(body), newCharset: nil)
        }
        let footer = Array(text.joined(separator: [ASCII.cr, ASCII.lf]))
        let isASCII = footer.allSatisfy { $0 < 128 }
        if isASCII, charset.holdsASCII { return PartRewriter(body: appended(footer, to: body), newCharset: nil) }
        if charset.isUTF8 {
            return PartRewriter(body: appended(footer, to: body), newCharset: given == "utf-8" ? nil : "utf-8")
        }
        // Everything in UTF-8, where nothing is lost by that.
        guard charset.holdsASCII, CharsetDecoder.isKnown(charset.name),
            !FooterSearch.contains(shown, [0xEF, 0xBF, 0xBD])
        else { return nil }
        return PartRewriter(body: appended(footer, to: shown), newCharset: "utf-8")
    }

    private func appended(_ footer: [UInt8], to body: [UInt8]) -> [UInt8] {
        let end: [UInt8] = [ASCII.cr, ASCII.lf]
        let ends = body.isEmpty || body.last == ASCII.lf
        return body + (ends ? [] : end) + end + footer + end
    }

    /// Before the end of the body, where there is one.
    private func insertedHTML(_ body: [UInt8]) -> [UInt8] {
        let place =
            FooterSearch.last("</body", in: body) ?? FooterSearch.last("</html", in: body) ?? body.count
        return Array(body[..<place]) + html + Array(body[place...])
    }
}

extension BodyPart {
    /// `type/subtype` in lower case.
    var typeName: String {
        String(decoding: contentType.value + [ASCII.slash] + contentType.subtype, as: UTF8.self)
    }
}
