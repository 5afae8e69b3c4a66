package import MailModel

/// One step in the life of a message, or of an attempt to send one that was refused.
package struct TraceEvent: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case refused, accepted, delivered, queued, sent, deferred, bounced, cancelled, appended
    }
    package var at: Timestamp
    package var kind: Kind
    /// The SMTP transaction's or queue entry's id.
    package var queueID: QueueID
    /// Header Message-ID without angle brackets.
    package var messageID: String?
    package var sender: String
    package var recipient: String?
    package var remote: IPAddress?
    /// Reply or reason, one line, no message content.
    package var detail: String
    package init(
        at: Timestamp,
        kind: Kind,
        queueID: QueueID,
        messageID: String? = nil,
        sender: String,
        recipient: String? = nil,
        remote: IPAddress? = nil,
        detail: String
    ) {
        self.at = at
        self.kind = kind
        self.queueID = queueID
        self.messageID = messageID
        self.sender = sender
        self.recipient = recipient
        self.remote = remote
        self.detail = detail
    }
}

package protocol TraceStore: Sendable {
    /// For events outside a delivery (refusals). Batched; may be lost with the process, never blocks long.
    func record(_ events: [TraceEvent]) async
    /// Newest last. `key` is an address (sender or recipient, canonical), a queue id or a Message-ID.
    func find(_ key: String, since: Timestamp?, limit: Int) async throws(StoreError) -> [TraceEvent]
    func prune(olderThan: Timestamp) async throws(StoreError) -> Int
}
