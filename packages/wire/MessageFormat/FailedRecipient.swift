package import MailModel

/// A recipient that was given up, and why.
package struct FailedRecipient: Hashable, Sendable {
    package var address: EmailAddress
    /// RFC 3461 §4.2 ORCPT value, as given: a type, `;`, and xtext.
    package var originalRecipient: String?
    /// RFC 3463: `5.1.1`.
    package var status: String
    /// What the other side said, or what we say ourselves, on one line.
    package var reply: String
    /// The host that said it; nil when nobody did.
    package var remoteHost: String?
    package var lastAttemptAt: Timestamp

    package init(
        address: EmailAddress,
        originalRecipient: String? = nil,
        status: String,
        reply: String,
        remoteHost: String? = nil,
        lastAttemptAt: Timestamp
    ) {
        self.address = address
        self.originalRecipient = originalRecipient
        self.status = status
        self.reply = reply
        self.remoteHost = remoteHost
        self.lastAttemptAt = lastAttemptAt
    }

    /// Why, for somebody who does not read status codes.
    var plainReason: String {
        switch status {
        case "5.1.1", "5.1.6": "There is no such address at that domain."
        case "5.1.2", "5.1.3": "There is no such domain, or the address is not written as addresses are."
        case "5.1.10": "That domain does not take mail."
        case "5.2.1": "The mailbox is not in use at present."
        case "5.2.2", "4.2.2": "The mailbox is full."
        case "5.2.3", "5.3.4": "The message is larger than the other side takes."
        case "5.4.4": "No mail server is known for that domain."
        case "5.4.6": "Mail for that domain goes in circles. Its administrator has to mend that."
        case "4.4.7", "5.4.7": "It was tried many times, and never taken. It will not be tried any more."
        case _ where status.utf8.starts(with: "5.7.".utf8): "The other side's rules do not allow this message."
        case _ where status.utf8.starts(with: "5.6.".utf8): "The other side cannot handle this kind of message."
        default: "The other side does not take the message."
        }
    }
}
