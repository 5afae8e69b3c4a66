import ByteParsing
package import NIOCore

/// Reads a server's replies (RFC 5321 §4.2) as a client.
///
///     Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
///
/// Deviation: a bare LF ends a line too, as some servers send it; nothing but reading depends on it here.
package struct SMTPReplyParser: Sendable {
    package enum Failure: Error, Hashable, Sendable {
        case malformed
        /// A line or a reply over the limits.
        case tooLong
    }

    /// Octets of one line; RFC 5321 §4.5.3.1.5 says 512, servers send more.
    package static let maximumLine = 4096
    /// Lines of one reply.
    package static let maximumLines = 256

    private var scanned = 0
    private var texts: [ArraySlice<UInt8>] = []
    private var code: UInt16?

    package init() {}

    /// nil: more bytes are needed.
    package mutating func next(_ input: inout ByteBuffer) throws(Failure) -> SMTPReply? {
        while let line = try line(&input) {
            guard let (code, isLast) = Self.head(line) else { throw .malformed }
            guard texts.count < Self.maximumLines else { throw .tooLong }
            self.code = code
            texts.append(line.dropFirst(4))
            if isLast { return finish() }
        }
        return nil
    }

    private mutating func line(_ input: inout ByteBuffer) throws(Failure) -> ArraySlice<UInt8>? {
        let view = input.readableBytesView
        guard let end = view.dropFirst(scanned).firstIndex(of: ASCII.lf) else {
            scanned = view.count
            guard scanned <= Self.maximumLine else { throw .tooLong }
            return nil
        }
        let length = end - view.startIndex
        guard length < Self.maximumLine else { throw .tooLong }
        scanned = 0
        guard var line = input.readBytes(length: length + 1)?.dropLast() else { return nil }
        if line.last == ASCII.cr { line.removeLast() }
        return line
    }

    /// `%x32-35 %x30-35 %x30-39` and what follows; servers use higher second digits, so those are taken.
    private static func head(_ line: ArraySlice<UInt8>) -> (code: UInt16, isLast: Bool)? {
        let digits = line.prefix(3)
        guard digits.count == 3, digits.allSatisfy(\.isASCIIDigit), let first = digits.first, (50...53).contains(first)
        else { return nil }
        let code = digits.reduce(0 as UInt16) { $0 * 10 + UInt16($1 - 48) }
        switch line.dropFirst(3).first {
        case nil, ASCII.space: return (code, true)
        case ASCII.minus: return (code, false)
        default: return nil
        }
    }

    private mutating func finish() -> SMTPReply? {
        guard let code else { return nil }
        var status: EnhancedStatus?
        let lines = texts.map { text in
            guard let (found, rest) = Self.status(text, category: UInt8(code / 100)) else {
                return String(decoding: text, as: UTF8.self)
            }
            status = status ?? found
            return String(decoding: rest, as: UTF8.self)
        }
        self = SMTPReplyParser()
        return SMTPReply(code, status, lines: lines)
    }

    /// `status-code = class "." subject "." detail` (RFC 3463 §2), of the reply's own class.
    private static func status(_ text: ArraySlice<UInt8>, category: UInt8) -> (EnhancedStatus, ArraySlice<UInt8>)? {
        var cursor = ByteCursor(Array(text.prefix(10)))
        guard let found = cursor.number(maximum: 9), found == UInt64(category), cursor.skip(ASCII.dot) else {
            return nil
        }
        guard let subject = cursor.number(maximum: 999), cursor.skip(ASCII.dot),
            let detail = cursor.number(maximum: 999)
        else { return nil }
        let rest = text.dropFirst(cursor.position)
        guard rest.isEmpty || rest.first == ASCII.space else { return nil }
        return (EnhancedStatus(category, UInt16(subject), UInt16(detail)), rest.dropFirst())
    }
}
