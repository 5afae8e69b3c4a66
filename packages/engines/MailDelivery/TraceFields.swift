package import MailModel
import MessageFormat

/// The fields that a server puts before a message (RFC 5321 §4.4).
package enum TraceFields {
    /// The Received field of this hop, with its line ends.
    ///
    /// The recipient is named when there is just one: others are nobody's business.
    package static func received(
        by hostname: String,
        _ facts: SessionFacts,
        queueID: QueueID,
        recipients: [EmailAddress],
        isUTF8: Bool,
        at now: Timestamp
    ) -> [UInt8] {
        var text = "Received: from \(facts.hello) (\(literal(facts.remote)))\r\n\tby \(hostname) with "
        text += "\(facts.transmissionType(isUTF8: isUTF8)) id \(queueID)"
        if recipients.count == 1, let only = recipients.first, isUTF8 || !only.needsUTF8 {
            text += "\r\n\tfor <\(only)>"
        }
        text += ";\r\n\t\(RFC5322Date.format(now))\r\n"
        return Array(text.utf8)
    }

    /// What each local copy begins with: where failures go, and the address that brought it here.
    package static func copyPrefix(sender: ReversePath, recipient: EmailAddress) -> [UInt8] {
        Array("Return-Path: <\(sender)>\r\nDelivered-To: \(recipient)\r\n".utf8)
    }

    /// `address-literal` of RFC 5321 §4.1.3.
    private static func literal(_ address: IPAddress) -> String {
        address.isIPv4 ? "[\(address)]" : "[IPv6:\(address)]"
    }
}
