package import MailModel

/// What a script may ask of the world; all of it is known before the run.
package struct SieveFacts: Sendable {
    /// The reverse-path without its brackets: empty for `<>`; nil when there is no envelope.
    package var envelopeFrom: String?
    /// The recipient that this run is for; nil when there is no envelope.
    package var envelopeTo: String?
    /// Who signed in to send it (RFC 4954); nil when nobody.
    package var envelopeAuth: String?
    package var now: Timestamp
    /// Minutes east of UTC: the zone of `currentdate` and of `date` where a script names none (RFC 5260 §4).
    package var zone = 0
    /// Items of RFC 5183 §4.1 by name: `domain`, `host`, `location`, `name`, `phase`, `remote-host`, `remote-ip`, `version`.
    package var environment: [String: String] = [:]
    /// Whether the owner has a mailbox of that name and may file into it (RFC 5490 §3.1).
    package var mailboxExists: @Sendable (_ mailbox: String) -> Bool = { _ in false }
    /// Whether the mailbox, or any of the owner's when nil, has that special use: `\Sent` (RFC 8579 §3).
    package var specialUse: @Sendable (_ use: String, _ mailbox: String?) -> Bool = { _, _ in false }
    /// Flags that the message has already: of stored mail, none on delivery.
    package var flags: [String] = []
    /// Addresses of the owner.
    package var addresses: [String] = []
    /// Whether that was remembered by an earlier delivery and has not expired (RFC 7352 §3.1).
    package var isDuplicate: @Sendable (_ duplicate: SieveDuplicate) -> Bool = { _ in false }

    package init(now: Timestamp) { self.now = now }
}

/// What the test `duplicate` remembers (RFC 7352 §3).
package struct SieveDuplicate: Hashable, Sendable {
    /// Compared with others of the same owner only; empty when the script names none.
    package var handle: String
    package var id: String
    /// How long it is remembered.
    package var seconds: Int64
    /// Whether each further one begins the time anew (RFC 7352 §3.1, `:last`).
    package var isRenewed: Bool
    package init(handle: String, id: String, seconds: Int64, isRenewed: Bool) {
        (self.handle, self.id, self.seconds, self.isRenewed) = (handle, id, seconds, isRenewed)
    }
}
