import MailModel

/// The host that receives, sends and serves the mail of every hosted domain, as the world reaches it.
package struct MailHost: Hashable, Sendable {
    /// Lower case, fully qualified, without the final dot.
    package let name: String
    /// Ports that mail programs find by SRV records; nil where a service is not offered.
    package var imapsPort: UInt16?
    package var imapPort: UInt16?
    package var submissionsPort: UInt16?
    package var submissionPort: UInt16?

    package init(
        name: String,
        imapsPort: UInt16? = 993,
        imapPort: UInt16? = 143,
        submissionsPort: UInt16? = 465,
        submissionPort: UInt16? = 587
    ) {
        let lowered = EmailAddress.lowercased(name)
        self.name =
            lowered.utf8.last == UInt8(ascii: ".") ? String(decoding: lowered.utf8.dropLast(), as: UTF8.self) : lowered
        self.imapsPort = imapsPort
        self.imapPort = imapPort
        self.submissionsPort = submissionsPort
        self.submissionPort = submissionPort
    }
}
