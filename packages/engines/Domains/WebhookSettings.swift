import ByteParsing
import MailCrypto
package import MailModel
package import MailPorts

package enum WebhookFault: Error, Equatable, Sendable {
    case notFound
    /// It was changed meanwhile.
    case conflict
    case addressRefused(String)
    case tooMany(retryAfterSeconds: Int)
    case store(StoreError)

    package var text: String {
        switch self {
        case .notFound: "the organisation has no webhook"
        case .conflict: "the webhook has changed meanwhile"
        case .addressRefused(let why): why
        case .tooMany: "too many tests; try again in a minute"
        case .store: "the store cannot do it now"
        }
    }
}

/// What became of a test.
package struct WebhookTestResult: Equatable, Sendable {
    package var isGood: Bool
    package var status: Int?
    /// As deliveries name it; nil when all is well.
    package var fault: String?
}

/// Webhooks of organisations, for those who manage them.
///
/// Invariants: a secret is in the one answer that made it and nowhere else; addresses are https and, when they are asked,
/// of the public Internet. Who may do it is for the caller to know.
package struct WebhookSettings: Sendable {
    package let store: any WebhookStore
    let dispatcher: WebhookDispatcher
    let limiter: any RateLimiter

    package init(dispatcher: WebhookDispatcher, limiter: any RateLimiter) {
        store = dispatcher.store
        self.dispatcher = dispatcher
        self.limiter = limiter
    }

    package func webhook(of organisation: OrganisationID) async throws(WebhookFault) -> Webhook {
        guard let found = try await stored({ () async throws(StoreError) in try await store.webhook(of: organisation) })
        else { throw .notFound }
        return found
    }

    /// - Parameter audit: who, when and from where.
    /// - Returns: with the secret when it is a new webhook.
    package func set(
        _ text: String,
        of organisation: OrganisationID,
        replacing expected: Int64?,
        audit: AuditEvent
    ) async throws(WebhookFault) -> (webhook: Webhook, secret: WebhookSecret?) {
        guard let address = WebAddress(text) else { throw .addressRefused("This is no https address.") }
        guard dispatcher.sender.mayAsk(address) else {
            throw .addressRefused("Webhooks are reached by https, at public addresses.")
        }
        let secret = WebhookSecret.random()
        let sealed = dispatcher.secrets.seal(Array(secret.text.utf8))
        let kept = try await stored { () async throws(StoreError) in
            try await store.setWebhook(
                address.text,
                of: organisation,
                sealedSecret: sealed,
                replacing: expected,
                audit: audit
            )
        }
        return (kept.webhook, kept.isNew ? secret : nil)
    }

    /// Another secret; the one before signs beside it for a day.
    package func rotate(
        of organisation: OrganisationID,
        audit: AuditEvent
    ) async throws(WebhookFault) -> (webhook: Webhook, secret: WebhookSecret) {
        let secret = WebhookSecret.random()
        let sealed = dispatcher.secrets.seal(Array(secret.text.utf8))
        let kept = try await stored { () async throws(StoreError) in
            try await store.rotateWebhookSecret(
                of: organisation,
                to: sealed,
                keepingUntil: audit.at.adding(seconds: WebhookLimits.overlapSeconds),
                audit: audit
            )
        }
        return (kept, secret)
    }

    package func remove(of organisation: OrganisationID, audit: AuditEvent) async throws(WebhookFault) {
        try await stored { () async throws(StoreError) in
            try await store.removeWebhook(of: organisation, audit: audit)
        }
    }

    package func deliveries(_ listing: DeliveryListing) async throws(WebhookFault) -> [WebhookDelivery] {
        _ = try await webhook(of: listing.organisation)
        return try await stored { () async throws(StoreError) in try await store.webhookDeliveries(listing) }
    }

    /// Sends an event of the kind `webhook.test` once, now, and keeps nothing of it.
    package func test(of organisation: OrganisationID, now: Timestamp) async throws(WebhookFault) -> WebhookTestResult {
        let webhook = try await webhook(of: organisation)
        let counted = await limiter.count(
            "webhook.test:\(organisation)",
            limit: WebhookLimits.testsPerMinute,
            windowSeconds: 60,
            now: now
        )
        if case .exceeded(let seconds) = counted { throw .tooMany(retryAfterSeconds: seconds) }
        let id = WebhookEventBody.randomID()
        let delivery = WebhookDelivery(
            id: WebhookDeliveryID(0),
            organisation: organisation,
            event: id,
            kind: WebhookEventBody.testKind,
            body: WebhookEventBody.test(id, organisation, now),
            createdAt: now,
            state: .waiting,
            attempts: 1,
            nextAt: nil,
            giveUpAt: now,
            status: nil,
            fault: nil,
            finishedAt: nil
        )
        let (status, fault) = await dispatcher.attempt(delivery, to: webhook, now: now)
        return WebhookTestResult(isGood: fault == nil, status: status, fault: fault)
    }

    private func stored<Value>(_ work: () async throws(StoreError) -> Value) async throws(WebhookFault) -> Value {
        do throws(StoreError) {
            return try await work()
        } catch .notFound {
            throw .notFound
        } catch .alreadyExists {
            throw .conflict
        } catch {
            throw .store(error)
        }
    }
}
