package import MailModel

/// A mail that the platform itself writes to one person.
package struct PlatformNotice: Hashable, Sendable {
    package var recipient: EmailAddress
    /// A domain of ours that it comes from, and that signs it; nil: the platform's own host name.
    package var domain: String?
    package var subject: String
    /// Lines parted by LF.
    package var text: String
    package init(to recipient: EmailAddress, from domain: String?, subject: String, text: String) {
        self.recipient = recipient
        self.domain = domain
        self.subject = subject
        self.text = text
    }
}

/// Delivers the platform's own mail to mailboxes here and hands it to the queue for others.
package protocol NoticeSending: Sendable {
    /// Returns when the mail is on stable storage. `.refused` when its address is hosted here and takes no mail.
    func send(_ notice: PlatformNotice, now: Timestamp) async throws(StoreError)
}

/// The platform's own mail to people who have accounts here, wherever their addresses are.
///
/// Mail to an address in a domain that is hosted here goes into the account's own mailbox, whatever becomes of the domain; to
/// others it goes through the queue.
package protocol AccountNoticeSending: Sendable {
    /// The mail to all of them, to be delivered in the transaction of what it tells of.
    func plan(
        to readers: [Account],
        subject: String,
        text: String,
        now: Timestamp
    ) async throws(StoreError) -> DeliveryPlan
    /// The same, delivered: returns when it is on stable storage.
    func send(to readers: [Account], subject: String, text: String, now: Timestamp) async throws(StoreError)
}
