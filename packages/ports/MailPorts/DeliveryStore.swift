package import MailModel

/// Where a local copy goes.
package enum MailboxTarget: Hashable, Sendable {
    case inbox
    /// The mailbox with that use; made under its default name if it is missing.
    case specialUse(SpecialUse)
    /// That one; the inbox when it is gone meanwhile.
    case mailbox(MailboxID)
}

package struct LocalCopy: Sendable {
    package var account: AccountID
    /// The address as the sender wrote it, for trace and Delivered-To.
    package var recipient: EmailAddress
    package var mailbox: MailboxTarget
    package var flags: MessageFlags
    package var keywords: Keywords
    /// Header lines of this copy alone (Return-Path, Delivered-To), CRLF-terminated; stored before the shared bytes.
    package var prefix: [UInt8]
    /// The recipient is a masked address, whose last use is noted.
    package var isMasked = false
    package init(
        account: AccountID,
        recipient: EmailAddress,
        mailbox: MailboxTarget = .inbox,
        flags: MessageFlags = [],
        keywords: Keywords = .none,
        prefix: [UInt8] = []
    ) {
        self.account = account
        self.recipient = recipient
        self.mailbox = mailbox
        self.flags = flags
        self.keywords = keywords
        self.prefix = prefix
    }
}

package struct RemoteRecipient: Hashable, Sendable {
    package var address: EmailAddress
    /// RFC 3461 §4.2 ORCPT value, as given.
    package var originalRecipient: String?
    package init(address: EmailAddress, originalRecipient: String? = nil) {
        self.address = address
        self.originalRecipient = originalRecipient
    }
}

/// Everything that one accepted message causes, written in one transaction.
package struct DeliveryPlan: Sendable {
    package var queueID: QueueID
    package var receivedAt: Timestamp
    /// Who submitted it; `.system` for mail from outside and for the platform's own.
    package var submitter: AccountID
    package var sender: ReversePath
    /// Exactly what is stored (Received and other trace headers included, each copy's prefix not).
    package var bytes: SpooledBytes
    package var summary: MessageSummary
    package var localCopies: [LocalCopy]
    package var remote: [RemoteRecipient]
    /// When queued recipients are given up.
    package var expiresAt: Timestamp
    package var needsSMTPUTF8: Bool
    package var is8Bit: Bool
    package var trace: [TraceEvent]
    /// The trace that queued recipients are sent in later, by whatever process (W3C Trace Context §3.2).
    package var traceparent: String?
    package init(
        queueID: QueueID,
        receivedAt: Timestamp,
        submitter: AccountID = .system,
        sender: ReversePath,
        bytes: SpooledBytes,
        summary: MessageSummary,
        localCopies: [LocalCopy] = [],
        remote: [RemoteRecipient] = [],
        expiresAt: Timestamp,
        needsSMTPUTF8: Bool = false,
        is8Bit: Bool = false,
        trace: [TraceEvent] = []
    ) {
        self.queueID = queueID
        self.receivedAt = receivedAt
        self.submitter = submitter
        self.sender = sender
        self.bytes = bytes
        self.summary = summary
        self.localCopies = localCopies
        self.remote = remote
        self.expiresAt = expiresAt
        self.needsSMTPUTF8 = needsSMTPUTF8
        self.is8Bit = is8Bit
        self.trace = trace
    }
}

package struct DeliveryReceipt: Sendable {
    package struct Copy: Sendable {
        package var account: AccountID
        package var mailbox: MailboxID
        package var uid: UID
        package var modSeq: ModSeq
        package init(account: AccountID, mailbox: MailboxID, uid: UID, modSeq: ModSeq) {
            self.account = account
            self.mailbox = mailbox
            self.uid = uid
            self.modSeq = modSeq
        }
    }
    package var copies: [Copy]
    package init(copies: [Copy]) { self.copies = copies }
}

package protocol DeliveryStore: Sendable {
    /// Writes every local copy, queue row, quota change, counter and trace event, and returns when they are on
    /// stable storage. All or nothing: `.overQuota` when any local copy does not fit, and then nothing is written.
    /// The change feed hears of it after the commit.
    func deliver(_ plan: DeliveryPlan) async throws(StoreError) -> DeliveryReceipt
    /// Several plans that one message causes, all or nothing; never empty, each with a queue id of its own.
    func deliver(all plans: [DeliveryPlan]) async throws(StoreError)
}
