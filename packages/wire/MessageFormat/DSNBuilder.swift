import ByteParsing
package import MailModel

/// Writes the message that tells a sender what could not be delivered (RFC 3464, RFC 6522).
package struct DSNBuilder: Sendable {
    /// What the notification is about.
    package struct Original: Sendable {
        package var queueID: QueueID
        package var arrivedAt: Timestamp
        /// The header of the message, or its first octets; empty when it cannot be read.
        package var header: [UInt8]
        package init(queueID: QueueID, arrivedAt: Timestamp, header: [UInt8]) {
            self.queueID = queueID
            self.arrivedAt = arrivedAt
            self.header = header
        }
    }

    /// Octets of the original header that are returned.
    package static let maximumHeader = 32 << 10

    private let hostname: String

    package init(hostname: String) { self.hostname = hostname }

    /// The whole message with CRLF line ends.
    ///
    /// - Parameter id: of the notification; it names its Message-ID and boundary.
    package func build(
        id: QueueID,
        to sender: EmailAddress,
        about original: Original,
        failed: [FailedRecipient],
        at now: Timestamp
    ) -> [UInt8] {
        let header = Self.completeLines(original.header)
        let summary = MessageSummary(parsing: header)
        let boundary = "=_\(id)"
        let parts = [
            Self.part("text/plain; charset=utf-8", Array(explanation(failed, summary.subject, original).utf8)),
            Self.statusPart(statusFields(failed, original), isUTF8: failed.contains { $0.address.needsUTF8 }),
            Self.headerPart(header),
        ]
        var output = Array(fields(id, sender, inReplyTo: summary.messageID, boundary, now).utf8)
        for part in parts where !part.isEmpty {
            output += Array("--\(boundary)\r\n".utf8)
            output += part
            // The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
            output += [ASCII.cr, ASCII.lf]
        }
        output += Array("--\(boundary)--\r\n".utf8)
        return output
    }

    private func fields(
        _ id: QueueID,
        _ sender: EmailAddress,
        inReplyTo messageID: String?,
        _ boundary: String,
        _ now: Timestamp
    ) -> String {
        var text = """
            From: Mail delivery at \(hostname) <MAILER-DAEMON@\(hostname)>\r
            To: <\(sender)>\r
            Subject: Your message could not be delivered\r
            Date: \(RFC5322Date.format(now))\r
            Message-ID: <\(id)@\(hostname)>\r

            """
        if let messageID, messageID.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) {
            text += "In-Reply-To: <\(messageID)>\r\nReferences: <\(messageID)>\r\n"
        }
        // RFC 3834 §5: nobody's responder answers this.
        text += """
            Auto-Submitted: auto-replied\r
            MIME-Version: 1.0\r
            Content-Type: multipart/report; report-type=delivery-status;\r
            \tboundary="\(boundary)"\r
            \r

            """
        return text
    }

    private static func part(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let encoding = content.contains { $0 >= 128 } ? "8bit" : "7bit"
        return Array("Content-Type: \(type)\r\nContent-Transfer-Encoding: \(encoding)\r\n\r\n".utf8) + content
    }

    // MARK: - For people

    private func explanation(_ failed: [FailedRecipient], _ subject: String, _ original: Original) -> String {
        var text = """
            This is the mail system of \(hostname).\r
            \r
            Your message could not be delivered to \(failed.count == 1 ? "this address" : "these addresses"):\r
            \r

            """
        for recipient in failed {
            text += "  <\(recipient.address)>\r\n    \(recipient.plainReason)\r\n"
            if let host = recipient.remoteHost { text += "    The server \(host) said:\r\n" }
            text += "    \(ReplyText.clipped(recipient.reply))\r\n\r\n"
        }
        text += "Nothing more will be tried; you may send it again when the cause is gone.\r\n\r\nYour message:\r\n\r\n"
        if !subject.isEmpty { text += "  Subject:  \(ReplyText.clipped(subject))\r\n" }
        text += "  Accepted: \(RFC5322Date.format(original.arrivedAt))\r\n  Number:   \(original.queueID)\r\n"
        return text
    }

    // MARK: - For programs

    private func statusFields(_ failed: [FailedRecipient], _ original: Original) -> String {
        // RFC 3464 §2.1: fields about the message, then a block for each recipient.
        var text = "Reporting-MTA: dns; \(hostname)\r\n"
        text += "X-Queue-ID: \(original.queueID)\r\n"
        text += "Arrival-Date: \(RFC5322Date.format(original.arrivedAt))\r\n"
        for recipient in failed {
            text += "\r\n"
            if let given = recipient.originalRecipient.flatMap(Self.originalRecipient) {
                text += "Original-Recipient: \(given)\r\n"
            }
            // RFC 6533 §3: addresses beyond ASCII have their own type.
            text += "Final-Recipient: \(recipient.address.needsUTF8 ? "utf-8" : "rfc822"); \(recipient.address)\r\n"
            text += "Action: failed\r\nStatus: \(recipient.status)\r\n"
            let reply = ReplyText.ascii(ReplyText.clipped(recipient.reply))
            if let host = recipient.remoteHost {
                text += "Remote-MTA: dns; \(ReplyText.ascii(host))\r\nDiagnostic-Code: smtp; \(reply)\r\n"
            } else {
                text += "Diagnostic-Code: X-Oonrumail; \(reply)\r\n"
            }
            text += "Last-Attempt-Date: \(RFC5322Date.format(recipient.lastAttemptAt))\r\n"
        }
        return text
    }

    private static func statusPart(_ text: String, isUTF8: Bool) -> [UInt8] {
        // RFC 6533 §4: message/global-delivery-status where an address needs it.
        part(isUTF8 ? "message/global-delivery-status" : "message/delivery-status", Array(text.utf8))
    }

    /// The ORCPT value with its xtext decoded (RFC 3461 §4); nil when it is none.
    private static func originalRecipient(_ given: String) -> String? {
        let bytes = Array(given.utf8.prefix(ReplyText.limit))
        guard let end = bytes.firstIndex(of: ASCII.semicolon), end > 0 else { return nil }
        guard bytes[..<end].allSatisfy({ $0.isASCIIAlphanumeric || $0 == ASCII.minus }) else { return nil }
        var decoded: [UInt8] = []
        var index = end + 1
        while index < bytes.count {
            if bytes[index] == ASCII.plus, index + 2 < bytes.count, let high = bytes[index + 1].hexDigitValue,
                let low = bytes[index + 2].hexDigitValue
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        guard !decoded.isEmpty else { return nil }
        let value = ReplyText.ascii(String(decoding: decoded, as: UTF8.self))
        return "\(String(decoding: bytes[..<end], as: UTF8.self)); \(value)"
    }

    // MARK: - The original

    /// RFC 6522 §4: text/rfc822-headers; RFC 6533 §4 has a type for headers beyond ASCII.
    private static func headerPart(_ header: [UInt8]) -> [UInt8] {
        guard !header.isEmpty else { return [] }
        return part(header.contains { $0 >= 128 } ? "message/global-headers" : "text/rfc822-headers", header)
    }

    /// The header as far as whole lines of it are here, without the empty line behind it.
    private static func completeLines(_ bytes: [UInt8]) -> [UInt8] {
        let block = HeaderBlock(Array(bytes.prefix(maximumHeader)))
        guard let last = block.fields.fields.last else { return [] }
        let lines = block.bytes[..<last.line.upperBound]
        // Cut within a line: that line goes.
        guard lines.last != ASCII.lf else { return Array(lines) }
        return lines.lastIndex(of: ASCII.lf).map { Array(lines[...$0]) } ?? []
    }
}
