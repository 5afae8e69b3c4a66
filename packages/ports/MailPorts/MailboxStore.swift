package import MailModel
package import NIOCore

package struct MailboxRecord: Hashable, Sendable {
    package var id: MailboxID
    /// Unicode, levels separated by `/`; the inbox is `INBOX`.
    package var name: String
    package var specialUse: SpecialUse?
    package var isSubscribed: Bool
    package var uidValidity: UIDValidity
    package var uidNext: UID
    package var highestModSeq: ModSeq
    package var messages: Int
    package var unseen: Int
    package var deleted: Int
    /// Sum of the messages' sizes in octets.
    package var size: Int64
    package init(
        id: MailboxID,
        name: String,
        specialUse: SpecialUse?,
        isSubscribed: Bool,
        uidValidity: UIDValidity,
        uidNext: UID,
        highestModSeq: ModSeq,
        messages: Int,
        unseen: Int,
        deleted: Int,
        size: Int64
    ) {
        self.id = id
        self.name = name
        self.specialUse = specialUse
        self.isSubscribed = isSubscribed
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.highestModSeq = highestModSeq
        self.messages = messages
        self.unseen = unseen
        self.deleted = deleted
        self.size = size
    }
}

/// One message as its mailbox shows it: small, because a mailbox of 50,000 is held in memory.
package struct MessageEntry: Hashable, Sendable {
    package var uid: UID
    package var flags: MessageFlags
    package var keywords: Keywords
    package var modSeq: ModSeq
    package var email: EmailID
    /// RFC822.SIZE: prefix and body together.
    package var size: Int
    package var internalDate: Timestamp
    /// When it came into this mailbox (RFC 8514).
    package var savedAt: Timestamp
    package init(
        uid: UID,
        flags: MessageFlags,
        keywords: Keywords,
        modSeq: ModSeq,
        email: EmailID,
        size: Int,
        internalDate: Timestamp,
        savedAt: Timestamp
    ) {
        self.uid = uid
        self.flags = flags
        self.keywords = keywords
        self.modSeq = modSeq
        self.email = email
        self.size = size
        self.internalDate = internalDate
        self.savedAt = savedAt
    }
}

package struct MailboxChanges: Sendable {
    package var mailbox: MailboxRecord
    /// New and changed messages, ascending by UID.
    package var changed: [MessageEntry]
    /// Expunged since, ascending.
    package var vanished: [UID]
    package init(mailbox: MailboxRecord, changed: [MessageEntry], vanished: [UID]) {
        self.mailbox = mailbox
        self.changed = changed
        self.vanished = vanished
    }
}

/// Ascending, disjoint, closed ranges of UIDs.
package struct UIDRanges: Hashable, Sendable {
    package var ranges: [ClosedRange<UInt32>]
    package init(_ ranges: [ClosedRange<UInt32>]) { self.ranges = ranges }
    /// From ascending UIDs, runs joined.
    package init(ascending uids: some Sequence<UID>) {
        ranges = []
        for uid in uids {
            if let last = ranges.last, last.upperBound &+ 1 == uid.rawValue {
                ranges[ranges.count - 1] = last.lowerBound...uid.rawValue
            } else {
                ranges.append(uid.rawValue...uid.rawValue)
            }
        }
    }
    package var isEmpty: Bool { ranges.isEmpty }
    package static let all = UIDRanges([1...UInt32.max])
}

package struct FlagChange: Sendable {
    package enum Mode: Sendable { case add, remove, replace }
    package var mode: Mode
    package var flags: MessageFlags
    package var keywords: Keywords
    /// What a replacement may touch; everything else stays as it is.
    package private(set) var scope: FlagScope

    /// What is outside of `scope` is left out of the change.
    package init(mode: Mode, flags: MessageFlags, keywords: Keywords, within scope: FlagScope = .all) {
        self.mode = mode
        self.flags = flags.intersection(scope.flags)
        self.keywords = scope.hasKeywords ? keywords : .none
        self.scope = scope
    }
}

package struct StoreOutcome: Sendable {
    /// Flags after the change, ascending by UID; messages that already had them are listed too, with their old modseq.
    package var entries: [MessageEntry]
    /// RFC 7162 §3.1.3: not changed because newer than `unchangedSince`.
    package var modified: [UID]
    package init(entries: [MessageEntry], modified: [UID]) {
        self.entries = entries
        self.modified = modified
    }
}

package struct AppendItem: Sendable {
    package var bytes: SpooledBytes
    package var summary: MessageSummary
    package var flags: MessageFlags
    package var keywords: Keywords
    package var internalDate: Timestamp
    package init(
        bytes: SpooledBytes,
        summary: MessageSummary,
        flags: MessageFlags,
        keywords: Keywords,
        internalDate: Timestamp
    ) {
        self.bytes = bytes
        self.summary = summary
        self.flags = flags
        self.keywords = keywords
        self.internalDate = internalDate
    }
}

package struct AppendReceipt: Sendable {
    package var uidValidity: UIDValidity
    package var uids: [UID]
    package init(uidValidity: UIDValidity, uids: [UID]) { (self.uidValidity, self.uids) = (uidValidity, uids) }
}

/// RFC 4315 COPYUID: `source[i]` became `destination[i]`, both ascending.
package struct CopyReceipt: Sendable {
    package var uidValidity: UIDValidity
    package var source: [UID]
    package var destination: [UID]
    package init(uidValidity: UIDValidity, source: [UID], destination: [UID]) {
        self.uidValidity = uidValidity
        self.source = source
        self.destination = destination
    }
}

/// Which stored parts of a message a reader wants beside its entry.
package struct ContentFields: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let envelope = ContentFields(rawValue: 1)
    package static let bodyStructure = ContentFields(rawValue: 2)
    /// subject, from, to, cc, bcc, messageID, sentAt.
    package static let headers = ContentFields(rawValue: 4)
    package static let preview = ContentFields(rawValue: 8)
}

package struct MessageContent: Sendable {
    package var uid: UID
    package var email: EmailID
    package var thread: ThreadID
    /// Fields that were not asked for are empty.
    package var summary: MessageSummary
    package init(uid: UID, email: EmailID, thread: ThreadID, summary: MessageSummary) {
        self.uid = uid
        self.email = email
        self.thread = thread
        self.summary = summary
    }
}

/// Mailboxes and messages of one account.
///
/// Every change is on stable storage when the method returns,
/// and the change feed hears of it after the commit.
package protocol MailboxStore: Sendable {
    func mailboxes(of account: AccountID) async throws(StoreError) -> [MailboxRecord]
    /// `.notFound` unless the name is there; `INBOX` in any case of letters.
    func mailbox(named name: String, of account: AccountID) async throws(StoreError) -> MailboxRecord
    func mailbox(_ id: MailboxID, of account: AccountID) async throws(StoreError) -> MailboxRecord
    /// Makes missing parents too. `.alreadyExists`; `.refused` when the use is taken or the name is not allowed.
    func create(
        _ name: String,
        specialUse: SpecialUse?,
        of account: AccountID
    ) async throws(StoreError) -> MailboxRecord
    /// Children stay. `.refused` for INBOX.
    func delete(_ id: MailboxID, of account: AccountID) async throws(StoreError)
    /// Renames the mailbox and everything below it. Renaming INBOX moves its messages to a new mailbox (RFC 9051 §6.3.6).
    ///
    /// - Parameter id: what has the name, else `.notFound`; nil: whatever has it.
    func rename(
        _ name: String,
        to newName: String,
        of account: AccountID,
        expecting id: MailboxID?
    ) async throws(StoreError)
    /// Subscriptions may name mailboxes that do not exist (RFC 9051 §6.3.7).
    func setSubscribed(_ name: String, _ subscribed: Bool, of account: AccountID) async throws(StoreError)
    func subscriptions(of account: AccountID) async throws(StoreError) -> [String]

    /// Every entry, ascending by UID, with the mailbox as of the same moment.
    func entries(in mailbox: MailboxID, of account: AccountID) async throws(StoreError) -> MailboxChanges
    /// What changed after `modSeq`; cheap when nothing did.
    func changes(
        in mailbox: MailboxID,
        of account: AccountID,
        since modSeq: ModSeq
    ) async throws(StoreError) -> MailboxChanges

    /// All items or none. `.overQuota`.
    func append(
        _ items: [AppendItem],
        to mailbox: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> AppendReceipt
    func copy(
        _ uids: UIDRanges,
        from: MailboxID,
        to: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> CopyReceipt
    func move(
        _ uids: UIDRanges,
        from: MailboxID,
        to: MailboxID,
        of account: AccountID
    ) async throws(StoreError) -> CopyReceipt
    func setFlags(
        _ uids: UIDRanges,
        in mailbox: MailboxID,
        of account: AccountID,
        change: FlagChange,
        unchangedSince: ModSeq?
    ) async throws(StoreError) -> StoreOutcome
    /// Removes messages with `\Deleted` among `uids`; returns them ascending.
    func expunge(_ uids: UIDRanges, in mailbox: MailboxID, of account: AccountID) async throws(StoreError) -> [UID]

    /// Stored parts, ascending by UID, at most `limit` from the first on; call again after the last UID for more.
    func content(
        _ uids: UIDRanges,
        in mailbox: MailboxID,
        of account: AccountID,
        fields: ContentFields,
        limit: Int
    ) async throws(StoreError) -> [MessageContent]
    /// Octets of the message (prefix included) in `range`, clamped to its size.
    func read(_ email: EmailID, of account: AccountID, range: Range<Int>) async throws(StoreError) -> ByteBuffer
}

extension MailboxStore {
    package func rename(_ name: String, to newName: String, of account: AccountID) async throws(StoreError) {
        try await rename(name, to: newName, of: account, expecting: nil)
    }
}
