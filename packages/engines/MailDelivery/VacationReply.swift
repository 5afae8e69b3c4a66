import ByteParsing
import MailModel
import MessageFormat

/// An answer in the name of somebody who is away (RFC 3834 §3, RFC 5230 §5).
struct VacationReply: Sendable {
    /// Ids of messages that References names at most.
    private static let references = 20
    /// Octets of an id that is repeated.
    private static let longestID = 250

    /// Whom the message was written to.
    var author: EmailAddress
    var name: String
    var recipient: EmailAddress
    /// nil: `Auto: ` and the subject of what is answered.
    var subject: String?
    /// Lines parted by LF.
    var text: String
    /// The text is a MIME entity with its header (RFC 5230 §4.4).
    var isMIME = false
    /// What is answered.
    var original: MessageSummary

    func bytes(as id: QueueID, at now: Timestamp, _ hostname: String) -> [UInt8] {
        let body = PlatformMessage.body(text)
        let phrase = name.isEmpty ? [] : HeaderPhrase.encoded(name) + [ASCII.space]
        var head = [
            "From: \(String(decoding: phrase, as: UTF8.self))<\(author)>",
            "To: <\(recipient)>",
            "Subject: \(PlatformMessage.header(subject ?? Self.subject(of: original)))",
            "Date: \(RFC5322Date.format(now))",
            "Message-ID: <\(id)@\(hostname)>",
        ]
        let answered = original.messageID.flatMap { Self.isRepeatable($0) ? $0 : nil }
        if let answered { head.append("In-Reply-To: <\(answered)>") }
        let thread =
            original.references.filter(Self.isRepeatable).suffix(Self.references - 1) + (answered.map { [$0] } ?? [])
        if !thread.isEmpty { head.append("References: \(thread.map { "<\($0)>" }.joined(separator: "\r\n "))") }
        head += ["Auto-Submitted: auto-replied", "MIME-Version: 1.0"]
        if isMIME { return Array((head.joined(separator: "\r\n") + "\r\n").utf8) + entity }
        head += [
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: \(body.encoding)",
        ]
        return Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body.bytes
    }

    /// The entity as it was given, with the fields of MIME alone and the line ends of mail.
    private var entity: [UInt8] {
        var lines: [UInt8] = []
        for line in text.utf8.split(separator: ASCII.lf, omittingEmptySubsequences: false) {
            lines += line.filter { $0 != ASCII.cr && $0 != 0 } + [ASCII.cr, ASCII.lf]
        }
        let header = HeaderBlock(lines)
        var fields: [UInt8] = []
        for field in header.fields.fields
        where lines[field.name].map(\.asciiLowercased).starts(with: "content-".utf8) {
            fields += lines[field.line]
        }
        return fields + [ASCII.cr, ASCII.lf] + lines[header.bodyStart...]
    }

    /// RFC 5230 §5.6.
    private static func subject(of original: MessageSummary) -> String {
        original.subject.utf8.isEmpty ? "Automatic reply" : "Auto: \(original.subject)"
    }

    /// Printable ASCII without brackets: no octet of it ends the field or the id.
    private static func isRepeatable(_ id: String) -> Bool {
        (1...longestID).contains(id.utf8.count)
            && id.utf8.allSatisfy { (33...126).contains($0) && $0 != 60 && $0 != 62 }
    }
}
