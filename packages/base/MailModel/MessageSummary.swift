/// What is known of a message from parsing it once at arrival; stored beside it, so that reading a mailbox
/// list, ENVELOPE, BODYSTRUCTURE or SEARCH SUBJECT never opens the message again.
package struct MessageSummary: Hashable, Sendable {
    /// RFC 9051 §7.5.2 ENVELOPE, as IMAP prints it, parentheses included.
    package var envelope: [UInt8]
    /// RFC 9051 §7.5.2 BODYSTRUCTURE with extension data, as IMAP prints it.
    package var bodyStructure: [UInt8]
    /// Length of the header in octets, the empty line included.
    package var headerSize: Int
    /// Decoded (RFC 2047), one line, at most `textLimit` octets; empty when absent.
    package var subject: String
    /// Decoded display names and addresses of the field, as SEARCH FROM looks at them.
    package var from: String
    package var to: String
    package var cc: String
    package var bcc: String
    /// Without angle brackets; nil when absent or unreadable.
    package var messageID: String?
    /// In-Reply-To and References, oldest first, without angle brackets, at most 50.
    package var references: [String]
    /// The Date field; nil when absent or unreadable.
    package var sentAt: Timestamp?
    /// Whether some part is more than text to read in the message itself (a file).
    package var hasAttachment: Bool
    /// First words of the text, at most 256 octets (RFC 8970).
    package var preview: String

    /// Bound on each decoded text above, in octets.
    package static let textLimit = 2_000

    package init(
        envelope: [UInt8] = [],
        bodyStructure: [UInt8] = [],
        headerSize: Int = 0,
        subject: String = "",
        from: String = "",
        to: String = "",
        cc: String = "",
        bcc: String = "",
        messageID: String? = nil,
        references: [String] = [],
        sentAt: Timestamp? = nil,
        hasAttachment: Bool = false,
        preview: String = ""
    ) {
        self.envelope = envelope
        self.bodyStructure = bodyStructure
        self.headerSize = headerSize
        self.subject = subject
        self.from = from
        self.to = to
        self.cc = cc
        self.bcc = bcc
        self.messageID = messageID
        self.references = references
        self.sentAt = sentAt
        self.hasAttachment = hasAttachment
        self.preview = preview
    }
}
