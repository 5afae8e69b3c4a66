import ByteParsing
package import MailModel
import MessageFormat

/// Writes delivery status notifications (RFC 3464) for mail that could not be delivered.
package struct DSNBuilder: Sendable {
    package struct Failure: Sendable {
        package var recipient: EmailAddress
        /// RFC 3461 §4.2 ORCPT, as given.
        package var originalRecipient: String?
        /// `550 5.1.1 no such user (mx.example.test)`.
        package var reply: String
        package init(recipient: EmailAddress, originalRecipient: String?, reply: String) {
            self.recipient = recipient
            self.originalRecipient = originalRecipient
            self.reply = reply
        }
    }

    /// Octets of the original header that are returned.
    package static let maximumHeader = 32 << 10

    private let hostname: String

    package init(hostname: String) { self.hostname = hostname }

    /// - Parameters:
    ///   - header: the first octets of the original; what follows its header is left out.
    package func failureNotice(
        to sender: EmailAddress, id: QueueID, arrivedAt: Timestamp, failures: [Failure], header: [UInt8], now: Timestamp
    ) -> [UInt8] {
        let boundary = "=_\(id)"
        let isUTF8 = sender.needsUTF8 || failures.contains { $0.recipient.needsUTF8 } || header.contains { $0 >= 128 }
        var text = """
            From: Mail Delivery System <MAILER-DAEMON@\(hostname)>
            To: <\(sender)>
            Subject: Undelivered mail returned to sender
            Date: \(RFC5322Date.format(now))
            Message-ID: <\(id)@\(hostname)>
            Auto-Submitted: auto-replied
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=delivery-status;
             boundary="\(boundary)"

            --\(boundary)
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: 8bit

            This is the mail system of \(hostname).

            Your message could not be delivered to these recipients. Nothing more will
            be tried; you may send it again when the cause is gone.


            """
        for failure in failures {
            text += "<\(failure.recipient)>:\n    \(Self.printable(failure.reply))\n\n"
        }
        text += """
            --\(boundary)
            Content-Type: message/\(isUTF8 ? "global-delivery-status" : "delivery-status")

            Reporting-MTA: dns; \(hostname)
            Arrival-Date: \(RFC5322Date.format(arrivedAt))


            """
        for failure in failures {
            if let original = failure.originalRecipient { text += "Original-Recipient: \(Self.printable(original))\n" }
            text += "Final-Recipient: \(failure.recipient.needsUTF8 ? "utf-8" : "rfc822"); \(failure.recipient)\n"
            text += "Action: failed\nStatus: \(Self.status(failure.reply))\n"
            if let host = Self.remoteHost(failure.reply) { text += "Remote-MTA: dns; \(host)\n" }
            text += "Diagnostic-Code: smtp; \(Self.printable(failure.reply))\n\n"
        }
        text += "--\(boundary)\nContent-Type: \(isUTF8 ? "message/global-headers" : "text/rfc822-headers")\n\n"
        var output = Array(text.utf8.flatMap { $0 == ASCII.lf ? [ASCII.cr, ASCII.lf] : [$0] })
        output += Self.headerOnly(header)
        output += Array("\r\n--\(boundary)--\r\n".utf8)
        return output
    }

    // MARK: - Pieces

    private static func headerOnly(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        let header = HeaderBlock(bytes)
        return bytes.prefix(min(header.bodyStart, maximumHeader))
    }

    /// The enhanced status of a reply (RFC 3463), or the general one of its class.
    package static func status(_ reply: String) -> String {
        let words = reply.utf8.split(separator: ASCII.space, maxSplits: 2)
        if words.count > 1 {
            let parts = words[1].split(separator: ASCII.dot, omittingEmptySubsequences: false)
            let isStatus = parts.count == 3 && parts.allSatisfy { (1...3).contains($0.count) && $0.allSatisfy { (48...57).contains($0) } }
            if isStatus { return String(decoding: words[1], as: UTF8.self) }
        }
        return reply.utf8.first == UInt8(ascii: "4") ? "4.0.0" : "5.0.0"
    }

    /// The host in the parentheses at the end.
    private static func remoteHost(_ reply: String) -> String? {
        let bytes = Array(reply.utf8)
        guard bytes.last == UInt8(ascii: ")"), let open = bytes.lastIndex(of: UInt8(ascii: "(")) else { return nil }
        let host = bytes[(open + 1)..<(bytes.count - 1)]
        return EmailAddress.isDomain(host) ? String(decoding: host, as: UTF8.self) : nil
    }

    /// One line without controls, at most 500 octets: a reply is a stranger's text.
    private static func printable(_ text: String) -> String {
        String(decoding: text.utf8.prefix(500).map { $0 < 32 || $0 == 127 ? 63 : $0 }, as: UTF8.self)
    }
}
