package import MailModel
package import NIOCore

package enum QueueState: String, Sendable, CaseIterable { case waiting, leased, held }

/// What remains to be sent of one message to one domain, handed to one worker until `leasedUntil`.
package struct QueueLease: Sendable {
    package struct Recipient: Sendable {
        package var address: EmailAddress
        package var originalRecipient: String?
        /// Attempts made before this one.
        package var attempts: Int
        package init(address: EmailAddress, originalRecipient: String?, attempts: Int) {
            self.address = address
            self.originalRecipient = originalRecipient
            self.attempts = attempts
        }
    }
    package var queueID: QueueID
    package var submitter: AccountID
    package var sender: ReversePath
    package var domain: String
    package var recipients: [Recipient]
    package var size: Int
    package var createdAt: Timestamp
    package var expiresAt: Timestamp
    package var needsSMTPUTF8: Bool
    package var is8Bit: Bool
    /// Fencing token: `finish` with an outdated one changes nothing and throws `.notFound`.
    package var fence: Int64
    /// By the clock that the store trusts; what comes later is counted from here, so that a clock which is set does no harm.
    package var leasedAt = Timestamp(microseconds: 0)
    /// The trace that the message was taken in.
    package var traceparent: String?
    package init(
        queueID: QueueID,
        submitter: AccountID,
        sender: ReversePath,
        domain: String,
        recipients: [Recipient],
        size: Int,
        createdAt: Timestamp,
        expiresAt: Timestamp,
        needsSMTPUTF8: Bool,
        is8Bit: Bool,
        fence: Int64
    ) {
        self.queueID = queueID
        self.submitter = submitter
        self.sender = sender
        self.domain = domain
        self.recipients = recipients
        self.size = size
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.needsSMTPUTF8 = needsSMTPUTF8
        self.is8Bit = is8Bit
        self.fence = fence
    }
}

package struct RecipientOutcome: Sendable {
    package enum Result: Sendable {
        case delivered
        /// Tried again at that time.
        case deferred(until: Timestamp)
        /// Given up; the bounce, if the sender is not null, is in `QueueResult.bounce`.
        case failed
    }
    package var address: EmailAddress
    package var result: Result
    /// The last reply, as text on one line: `550 5.1.1 no such user (mx.example.test)`.
    package var reply: String
    package init(address: EmailAddress, result: Result, reply: String) {
        self.address = address
        self.result = result
        self.reply = reply
    }
}

/// One connection attempt, kept for the operator.
package struct QueueAttempt: Sendable {
    package var at: Timestamp
    /// `mx.example.test [192.0.2.1]:25`.
    package var host: String
    package var tls: String?
    /// The conversation without message content and credentials, lines with `C: `/`S: `, at most 16 KiB.
    package var transcript: String
    package init(at: Timestamp, host: String, tls: String?, transcript: String) {
        self.at = at
        self.host = host
        self.tls = tls
        self.transcript = transcript
    }
}

package struct QueueResult: Sendable {
    package var outcomes: [RecipientOutcome]
    package var attempts: [QueueAttempt]
    /// A DSN, delivered (locally or queued) in the same transaction that removes the failed recipients.
    package var bounce: DeliveryPlan?
    package var trace: [TraceEvent]
    package init(
        outcomes: [RecipientOutcome],
        attempts: [QueueAttempt],
        bounce: DeliveryPlan? = nil,
        trace: [TraceEvent] = []
    ) {
        self.outcomes = outcomes
        self.attempts = attempts
        self.bounce = bounce
        self.trace = trace
    }
}

/// A row of `oonrumail queue list`.
package struct QueueEntry: Sendable {
    package var queueID: QueueID
    package var submitter: AccountID
    package var sender: ReversePath
    package var recipient: EmailAddress
    package var state: QueueState
    package var attempts: Int
    package var nextAttemptAt: Timestamp
    package var expiresAt: Timestamp
    package var createdAt: Timestamp
    package var size: Int
    package var lastReply: String
    package init(
        queueID: QueueID,
        submitter: AccountID,
        sender: ReversePath,
        recipient: EmailAddress,
        state: QueueState,
        attempts: Int,
        nextAttemptAt: Timestamp,
        expiresAt: Timestamp,
        createdAt: Timestamp,
        size: Int,
        lastReply: String
    ) {
        self.queueID = queueID
        self.submitter = submitter
        self.sender = sender
        self.recipient = recipient
        self.state = state
        self.attempts = attempts
        self.nextAttemptAt = nextAttemptAt
        self.expiresAt = expiresAt
        self.createdAt = createdAt
        self.size = size
        self.lastReply = lastReply
    }
}

/// What an operator names in `queue retry|cancel|hold|release`.
package enum QueueSelection: Sendable {
    case message(QueueID)
    case recipient(EmailAddress)
    case domain(String)
    case everything
}

/// What a worker asks of the queue.
package struct QueueClaim: Sendable {
    package var now: Timestamp
    /// Of this and `now` a store that several processes share takes only the span, and its own clock for the rest.
    package var until: Timestamp
    /// Leases wanted at most.
    package var limit: Int
    /// Leases of one domain that all workers together may hold; nil when this one is alone.
    package var perDomain: Int?
    /// Domains whose mail stays: they have as many connections as they may.
    package var excluding: Set<String> = []
    /// Whether what others leased is due again when their leases have run out.
    package var reclaims = true
    package init(now: Timestamp, until: Timestamp, limit: Int) {
        self.now = now
        self.until = until
        self.limit = limit
    }
}

/// The durable outbound queue: rows by (message, recipient), leased by (message, domain).
package protocol QueueStore: Sendable {
    /// Leases what is due, oldest first, one lease per (message, domain), at most 100 recipients each.
    func lease(_ claim: QueueClaim) async throws(StoreError) -> [QueueLease]
    /// Prolongs a lease by the span between the two times; `.notFound` when another worker has it.
    func renew(_ lease: QueueLease, now: Timestamp, until: Timestamp) async throws(StoreError)
    /// Makes due what is due later than any rule would have it: such times were written while a clock was wrong.
    ///
    /// - Parameter horizon: seconds from now that no honest time lies beyond.
    /// - Returns: how many recipients are due now.
    func bringForward(now: Timestamp, beyond horizon: Int64) async throws(StoreError) -> Int
    /// Records what came of it, in one transaction; the message's bytes go when its last recipient is settled.
    func finish(_ lease: QueueLease, _ result: QueueResult) async throws(StoreError)
    /// The message's bytes of `range`, without any local prefix.
    func read(_ id: QueueID, submitter: AccountID, range: Range<Int>) async throws(StoreError) -> ByteBuffer
    /// When the next waiting row is due; nil when none waits.
    func nextDue() async throws(StoreError) -> Timestamp?
    func depth() async throws(StoreError) -> Int

    func entries(after: QueueID?, limit: Int) async throws(StoreError) -> [QueueEntry]
    func entry(_ id: QueueID) async throws(StoreError) -> (recipients: [QueueEntry], attempts: [QueueAttempt])
    /// How many recipient rows changed, which the line says too. Without any there is no line.
    func retryNow(_ selection: QueueSelection, now: Timestamp, audit: AuditEvent) async throws(StoreError) -> Int
    func hold(_ selection: QueueSelection, audit: AuditEvent) async throws(StoreError) -> Int
    func release(_ selection: QueueSelection, now: Timestamp, audit: AuditEvent) async throws(StoreError) -> Int
    /// Drops rows without a bounce; each is audited and traced.
    func cancel(_ selection: QueueSelection, actor: String, now: Timestamp) async throws(StoreError) -> Int
}
