package import MailModel

/// Where an organisation's own programs are told of events.
package struct Webhook: Hashable, Sendable {
    package var organisation: OrganisationID
    /// As it was given; who asks it judges it each time.
    package var address: String
    /// Sealed with the master key.
    package var sealedSecret: [UInt8]
    /// Signs beside the new one until then.
    package var sealedPrevious: [UInt8]?
    package var previousUntil: Timestamp?
    package var version: Int64
    package var createdAt: Timestamp
    package var changedAt: Timestamp
    package init(
        organisation: OrganisationID,
        address: String,
        sealedSecret: [UInt8],
        sealedPrevious: [UInt8]?,
        previousUntil: Timestamp?,
        version: Int64,
        createdAt: Timestamp,
        changedAt: Timestamp
    ) {
        self.organisation = organisation
        self.address = address
        self.sealedSecret = sealedSecret
        self.sealedPrevious = sealedPrevious
        self.previousUntil = previousUntil
        self.version = version
        self.createdAt = createdAt
        self.changedAt = changedAt
    }
}

/// An event on its way to a webhook; never reused.
package struct WebhookDeliveryID: IntegerIdentifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

package struct WebhookDelivery: Hashable, Sendable {
    package enum State: String, CaseIterable, Sendable {
        case waiting, delivered
        /// Given up.
        case failed
    }
    package var id: WebhookDeliveryID
    package var organisation: OrganisationID
    /// The same however often it is sent.
    package var event: String
    /// `domain.dns_changed`.
    package var kind: String
    /// JSON.
    package var body: String
    package var createdAt: Timestamp
    package var state: State
    package var attempts: Int
    /// Of one that waits.
    package var nextAt: Timestamp?
    package var giveUpAt: Timestamp
    /// Of the last attempt that was answered.
    package var status: Int?
    /// Why the last attempt failed; nil when it did not.
    package var fault: String?
    package var finishedAt: Timestamp?
    package init(
        id: WebhookDeliveryID,
        organisation: OrganisationID,
        event: String,
        kind: String,
        body: String,
        createdAt: Timestamp,
        state: State,
        attempts: Int,
        nextAt: Timestamp?,
        giveUpAt: Timestamp,
        status: Int?,
        fault: String?,
        finishedAt: Timestamp?
    ) {
        self.id = id
        self.organisation = organisation
        self.event = event
        self.kind = kind
        self.body = body
        self.createdAt = createdAt
        self.state = state
        self.attempts = attempts
        self.nextAt = nextAt
        self.giveUpAt = giveUpAt
        self.status = status
        self.fault = fault
        self.finishedAt = finishedAt
    }
}

/// What is told of a change, and for how long it is tried.
package struct WebhookEvent: Sendable {
    /// Random.
    package var id: String
    package var kind: String
    package var giveUpSeconds: Int64
    /// Events of one organisation that wait at once; further ones are not kept.
    package var waiting: Int
    /// The JSON, from what was before; runs within the transaction of the change.
    package var body: @Sendable (OrganisationID, DomainCheckRecord) -> String
    package init(
        id: String,
        kind: String,
        giveUpSeconds: Int64,
        waiting: Int,
        body: @escaping @Sendable (OrganisationID, DomainCheckRecord) -> String
    ) {
        self.id = id
        self.kind = kind
        self.giveUpSeconds = giveUpSeconds
        self.waiting = waiting
        self.body = body
    }
}

/// The right to send one event once.
package struct WebhookLease: Sendable {
    package var delivery: WebhookDelivery
    package var webhook: Webhook
    package var token: String
    package init(delivery: WebhookDelivery, webhook: Webhook, token: String) {
        (self.delivery, self.webhook, self.token) = (delivery, webhook, token)
    }
}

package enum WebhookOutcome: Hashable, Sendable {
    case delivered(status: Int)
    case retry(at: Timestamp, status: Int?, fault: String)
    case failed(status: Int?, fault: String)
}

/// Webhooks, and events until they are delivered or given up.
///
/// Events come with the changes that they tell of (`DomainStore.noteCheck`).
package protocol WebhookStore: Sendable {
    func webhook(of organisation: OrganisationID) async throws(StoreError) -> Webhook?
    /// Sets the address; a new webhook gets the secret, one that is there keeps its own.
    ///
    /// - Parameter audit: its detail is written by the store.
    /// - Throws: `.alreadyExists` when the version in force is not `expected`; `.notFound` for an unknown organisation.
    func setWebhook(
        _ address: String,
        of organisation: OrganisationID,
        sealedSecret: [UInt8],
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(StoreError) -> (webhook: Webhook, isNew: Bool)
    /// Another secret; the present one signs beside it until then. `.notFound` without a webhook.
    func rotateWebhookSecret(
        of organisation: OrganisationID,
        to sealedSecret: [UInt8],
        keepingUntil: Timestamp,
        audit: AuditEvent
    ) async throws(StoreError) -> Webhook
    /// With every event of it, whether it was delivered or not.
    func removeWebhook(of organisation: OrganisationID, audit: AuditEvent) async throws(StoreError)

    func webhookDeliveries(_ listing: DeliveryListing) async throws(StoreError) -> [WebhookDelivery]
    /// Takes events that are due, the oldest of each organisation, for whoever asks first; until then nobody else gets them.
    func leaseWebhookDeliveries(
        now: Timestamp,
        until: Timestamp,
        token: String,
        limit: Int
    ) async throws(StoreError) -> [WebhookLease]
    /// Notes what became of it, unless somebody else has it by now; of what is over the newest `history` stay.
    func finishWebhookDelivery(
        _ lease: WebhookLease,
        _ outcome: WebhookOutcome,
        now: Timestamp,
        keeping history: Int
    ) async throws(StoreError)
    /// Events that wait, over all organisations.
    func waitingWebhookDeliveries() async throws(StoreError) -> Int
}

/// Sends to servers that tenants name, as `IdentityProviderFetching` asks them: nothing of ours may be reached by it.
package protocol WebhookSending: Sendable {
    /// Whether it would be asked at all, as far as its text tells.
    func mayAsk(_ address: WebAddress) -> Bool
    /// - Returns: the status; what the answer says besides is not read.
    func send(
        _ body: [UInt8],
        to address: WebAddress,
        headers: [(name: String, value: String)]
    ) async throws(ProviderFetchFault) -> Int
}
