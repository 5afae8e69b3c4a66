import ByteParsing
package import Logging
import MailCrypto
package import MailModel
package import MailPorts
import Metrics

/// Sends events to webhooks until they are taken or given up.
///
/// Invariants: an event is a row until it is over, so a process may die at any line; of all processes one has it at a time;
/// a receiver that hangs holds up its own organisation's events only. A process that dies between an answer and its note
/// sends once more: receivers tell events apart by their ids.
package struct WebhookDispatcher: Sendable {
    let store: any WebhookStore
    let sender: any WebhookSending
    let secrets: any SecretSealing
    let limits: WebhookLimits
    private let logger: Logger

    package init(
        store: any WebhookStore,
        sender: any WebhookSending,
        secrets: any SecretSealing,
        limits: WebhookLimits,
        logger: Logger = Logger(label: "webhooks")
    ) {
        self.store = store
        self.sender = sender
        self.secrets = secrets
        self.limits = limits
        self.logger = logger
    }

    /// Sends what is due.
    ///
    /// - Returns: how many attempts were made.
    package func pass(clock: any WallClock) async throws(StoreError) -> Int {
        var attempts = 0
        while !Task.isCancelled {
            let now = clock.now()
            let leases = try await store.leaseWebhookDeliveries(
                now: now,
                until: now.adding(seconds: limits.leaseSeconds),
                token: Hexadecimal.text(SecureRandom.bytes(16)),
                limit: WebhookLimits.atOnce
            )
            guard !leases.isEmpty else { break }
            await withDiscardingTaskGroup { group in
                for lease in leases { group.addTask { await send(lease, clock: clock) } }
            }
            attempts += leases.count
        }
        Gauge(label: "oonrumail_webhook_waiting").record(try await store.waitingWebhookDeliveries())
        return attempts
    }

    private func send(_ lease: WebhookLease, clock: any WallClock) async {
        let (status, fault) = await attempt(lease.delivery, to: lease.webhook, now: clock.now())
        let now = clock.now()
        let outcome: WebhookOutcome
        if let status, fault == nil {
            outcome = .delivered(status: status)
        } else {
            let next = Timestamp(microseconds: now.microseconds + wait(after: lease.delivery.attempts))
            let why = fault ?? "unreachable"
            outcome =
                next < lease.delivery.giveUpAt
                ? .retry(at: next, status: status, fault: why) : .failed(status: status, fault: why)
        }
        count(outcome)
        do throws(StoreError) {
            try await store.finishWebhookDelivery(lease, outcome, now: now, keeping: WebhookLimits.history)
        } catch {
            // Its lease ends, and somebody sends it again.
            logger.error("what became of a webhook's event was not noted", metadata: ["error": "\(error)"])
        }
    }

    /// One attempt: the status if there was an answer, and why it is no success.
    func attempt(_ delivery: WebhookDelivery, to webhook: Webhook, now: Timestamp) async -> (Int?, fault: String?) {
        guard let address = WebAddress(webhook.address) else { return (nil, "address_refused") }
        let keys = keys(of: webhook, now)
        // Without its secret nothing is sent: nobody could tell it from another's.
        guard !keys.isEmpty else { return (nil, "secret_unreadable") }
        let body = Array(delivery.body.utf8)
        do throws(ProviderFetchFault) {
            let status = try await sender.send(
                body,
                to: address,
                headers: [
                    ("Content-Type", "application/json"), (WebhookSignature.idHeader, delivery.event),
                    (WebhookSignature.header, WebhookSignature.value(of: body, at: now, secrets: keys)),
                ]
            )
            return (status, (200..<300).contains(status) ? nil : "status")
        } catch {
            return (nil, Self.word(error))
        }
    }

    private func keys(of webhook: Webhook, _ now: Timestamp) -> [[UInt8]] {
        guard let key = secrets.open(webhook.sealedSecret) else { return [] }
        guard let sealed = webhook.sealedPrevious, let until = webhook.previousUntil, now < until,
            let previous = secrets.open(sealed)
        else { return [key] }
        return [key, previous]
    }

    /// Microseconds; up to a tenth more, so that those that failed together do not come back together.
    private func wait(after attempts: Int) -> Int64 {
        var wait = limits.firstWait
        var made = 1
        while made < attempts, wait < WebhookLimits.longestWait { (made, wait) = (made + 1, wait * 3) }
        wait = min(wait, WebhookLimits.longestWait)
        return wait + Int64.random(in: 0...wait / 10)
    }

    private func count(_ outcome: WebhookOutcome) {
        let word =
            switch outcome {
            case .delivered: "delivered"
            case .retry: "retried"
            case .failed: "failed"
            }
        Counter(label: "oonrumail_webhook_attempts_total", dimensions: [("outcome", word)]).increment()
    }

    /// For those who manage the webhook: what to look at, nothing of our inside.
    static func word(_ fault: ProviderFetchFault) -> String {
        switch fault {
        case .addressRefused: "address_refused"
        case .nameUnknown: "name_unknown"
        case .unreachable: "unreachable"
        case .tooSlow: "too_slow"
        case .tooLarge: "too_large"
        case .redirected: "redirected"
        case .tooMany: "too_many"
        }
    }
}
