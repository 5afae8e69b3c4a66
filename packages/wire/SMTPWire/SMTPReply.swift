package import NIOCore

/// A server's answer (RFC 5321 §4.2): three digits, an enhanced status (RFC 2034), one or more lines of text.
///
/// Whatever is put into `lines` is read by strangers: no cause, no path, no name of software inside.
package struct SMTPReply: Hashable, Sendable, CustomStringConvertible {
    /// 200 to 599.
    package let code: UInt16
    /// Written on every line but those of greetings and EHLO (RFC 2034 §4).
    package let status: EnhancedStatus?
    /// Never empty; without CR, LF and other controls.
    package let lines: [String]

    package init(_ code: UInt16, _ status: EnhancedStatus?, lines: [String]) {
        self.code = code
        self.status = status
        self.lines = lines.isEmpty ? [""] : lines.map(Self.printable)
    }

    package init(_ code: UInt16, _ status: EnhancedStatus?, _ text: String) {
        self.init(code, status, lines: [text])
    }

    /// 2xx.
    package var isPositive: Bool { code / 100 == 2 }
    /// 3xx: the server waits for more.
    package var isIntermediate: Bool { code / 100 == 3 }
    /// 4xx: the same may succeed later.
    package var isTransient: Bool { code / 100 == 4 }
    /// 5xx.
    package var isPermanent: Bool { code / 100 == 5 }

    /// On one line, as logs and bounces show it: `550 5.1.1 No such mailbox`.
    package var description: String {
        let text = lines.joined(separator: " ")
        return status.map { "\(code) \($0) \(text)" } ?? "\(code) \(text)"
    }

    /// Appends every line with its CRLF.
    ///
    /// Text is cut where a line would exceed 512 octets (RFC 5321 §4.5.3.1.5).
    package func encode(into buffer: inout ByteBuffer) {
        let prefix = status.map { "\($0) " } ?? ""
        for (index, line) in lines.enumerated() {
            buffer.writeString("\(code)")
            buffer.writeString(index == lines.count - 1 ? " " : "-")
            buffer.writeString(prefix)
            let room = Self.maximumLine - 6 - prefix.utf8.count
            if line.utf8.count <= room {
                buffer.writeString(line)
            } else {
                buffer.writeBytes(line.utf8.prefix(room))
            }
            buffer.writeStaticString("\r\n")
        }
    }

    // RFC 5321 §4.5.3.1.5: "The maximum total length of a reply line including the reply code and the <CRLF> is 512 octets."
    package static let maximumLine = 512

    /// Controls become `?`: a reply can never be split into two.
    private static func printable(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 32 || $0 == 127 }) else { return text }
        return String(decoding: text.utf8.map { $0 < 32 || $0 == 127 ? 63 : $0 }, as: UTF8.self)
    }
}
