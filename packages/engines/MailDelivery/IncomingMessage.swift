package import MailModel
package import MailPorts

/// A message with its envelope, read to the last octet and not yet answered for.
package struct IncomingMessage: Sendable {
    package struct Recipient: Sendable {
        package var address: EmailAddress
        /// RFC 3461 §4.2, as given.
        package var originalRecipient: String?
        package var expansion: RecipientExpansion
        package init(address: EmailAddress, originalRecipient: String?, expansion: RecipientExpansion) {
            self.address = address
            self.originalRecipient = originalRecipient
            self.expansion = expansion
        }
    }

    package var queueID: QueueID
    package var receivedAt: Timestamp
    package var facts: SessionFacts
    /// Who submits it; nil for mail from outside.
    package var submitter: Submitter?
    package var sender: ReversePath
    package var recipients: [Recipient]
    /// MAIL had SMTPUTF8.
    package var isUTF8: Bool
    /// MAIL had BODY=8BITMIME or BINARYMIME.
    package var is8Bit: Bool
    /// The Received field of this hop, then the message as it came.
    package var spool: SpooledBytes
    /// Octets of that Received field.
    package var traceSize: Int

    package init(
        queueID: QueueID,
        receivedAt: Timestamp,
        facts: SessionFacts,
        submitter: Submitter?,
        sender: ReversePath,
        recipients: [Recipient],
        isUTF8: Bool,
        is8Bit: Bool,
        spool: SpooledBytes,
        traceSize: Int
    ) {
        self.queueID = queueID
        self.receivedAt = receivedAt
        self.facts = facts
        self.submitter = submitter
        self.sender = sender
        self.recipients = recipients
        self.isUTF8 = isUTF8
        self.is8Bit = is8Bit
        self.spool = spool
        self.traceSize = traceSize
    }
}
