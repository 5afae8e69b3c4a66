import Logging
import MailModel
import MailPorts
import Metrics

/// One lease from route to record.
struct DeliveryAttempt: Sendable {
    let queue: any QueueStore
    let transport: any RemoteTransport
    let routes: RouteResolver
    let bounces: BounceWriter
    let clock: any WallClock
    let configuration: QueueConfiguration
    let logger: Logger

    func run(_ lease: QueueLease) async {
        let renewal = Task { await renew(lease) }
        let outcome = await deliver(lease)
        renewal.cancel()
        await record(lease, outcome)
    }

    /// Keeps the lease while a slow host is spoken to.
    private func renew(_ lease: QueueLease) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(configuration.leaseSeconds / 3))
            guard !Task.isCancelled else { return }
            try? await queue.renew(lease, until: clock.now().adding(seconds: configuration.leaseSeconds))
        }
    }

    // MARK: - Sending

    private func deliver(_ lease: QueueLease) async -> TransactionOutcome {
        let route: Route
        do throws(RouteFailure) {
            route = try await routes.route(to: lease.domain)
        } catch {
            return switch error {
            case .permanent(let reply): TransactionOutcome(all: lease.recipients, .permanent(reply))
            case .transient(let reply): TransactionOutcome(all: lease.recipients, .transient(reply))
            }
        }
        var outcome = TransactionOutcome(all: lease.recipients, .transient("451 4.4.1 no host of \(lease.domain) was reached"))
        for host in route.hosts {
            let recipients = outcome.undecided
            let report = await transport.send(message(lease, to: recipients), to: host, policy: route.policy)
            outcome.take(report, for: recipients)
            // What a host that was reached says counts, also when it says "later".
            if report.reached || outcome.undecided.isEmpty { break }
        }
        return outcome
    }

    private func message(_ lease: QueueLease, to recipients: [EmailAddress]) -> OutboundMessage {
        let queue = queue
        return OutboundMessage(
            sender: lease.sender, recipients: recipients, size: lease.size, needsSMTPUTF8: lease.needsSMTPUTF8, is8Bit: lease.is8Bit,
            read: { (range: Range<Int>) async throws(StoreError) in
                try await queue.read(lease.queueID, submitter: lease.submitter, range: range)
            }
        )
    }

    // MARK: - Recording

    private func record(_ lease: QueueLease, _ outcome: TransactionOutcome) async {
        let now = clock.now()
        var outcomes: [RecipientOutcome] = []
        var failures: [DSNBuilder.Failure] = []
        for recipient in lease.recipients {
            let decided = decide(recipient, outcome.verdicts[recipient.address], lease, now)
            outcomes.append(decided)
            guard case .failed = decided.result else { continue }
            failures.append(
                DSNBuilder.Failure(recipient: recipient.address, originalRecipient: recipient.originalRecipient, reply: decided.reply)
            )
        }
        do throws(StoreError) {
            let bounce = try await bounces.bounce(lease, failures, now: now)
            try await finish(lease, outcomes, outcome.attempts, bounce, now)
        } catch .notFound {
            logger.notice("a lease was lost", metadata: ["queue_id": "\(lease.queueID)", "domain": "\(lease.domain)"])
        } catch {
            // The lease runs out and the mail is tried again: sent twice at worst, never lost.
            logger.error("an attempt could not be recorded", metadata: ["queue_id": "\(lease.queueID)", "cause": "\(error)"])
        }
    }

    private func finish(
        _ lease: QueueLease, _ outcomes: [RecipientOutcome], _ attempts: [QueueAttempt], _ bounce: DeliveryPlan?, _ now: Timestamp
    ) async throws(StoreError) {
        do throws(StoreError) {
            try await queue.finish(lease, result(lease, outcomes, attempts, bounce, now))
        } catch .overQuota {
            // The sender's mailbox has no room for the bounce: the failure is told later.
            let later = outcomes.map { outcome in
                guard case .failed = outcome.result else { return outcome }
                var deferred = outcome
                deferred.result = .deferred(until: now.adding(seconds: 3_600))
                return deferred
            }
            try await queue.finish(lease, result(lease, later, attempts, nil, now))
        }
        for outcome in outcomes { log(lease, outcome) }
    }

    private func decide(
        _ recipient: QueueLease.Recipient, _ verdict: TransactionOutcome.Verdict?, _ lease: QueueLease, _ now: Timestamp
    ) -> RecipientOutcome {
        switch verdict ?? .transient("451 4.4.0 no answer") {
        case .delivered(let reply):
            return RecipientOutcome(address: recipient.address, result: .delivered, reply: reply)
        case .permanent(let reply):
            return RecipientOutcome(address: recipient.address, result: .failed, reply: reply)
        case .transient(let reply):
            guard now < lease.expiresAt else {
                return RecipientOutcome(address: recipient.address, result: .failed, reply: "550 4.4.7 given up after many attempts; the last answer was: \(reply)")
            }
            let until = configuration.schedule.next(
                after: now, attempts: recipient.attempts + 1, expiresAt: lease.expiresAt, chance: .random(in: 0...1)
            )
            return RecipientOutcome(address: recipient.address, result: .deferred(until: until), reply: reply)
        }
    }

    private func result(
        _ lease: QueueLease, _ outcomes: [RecipientOutcome], _ attempts: [QueueAttempt], _ bounce: DeliveryPlan?, _ now: Timestamp
    ) -> QueueResult {
        let trace = outcomes.map { outcome in
            TraceEvent(
                at: now, kind: outcome.result.traceKind, queueID: lease.queueID, sender: lease.sender.description,
                recipient: outcome.address.description, detail: outcome.reply
            )
        }
        return QueueResult(outcomes: outcomes, attempts: attempts, bounce: bounce, trace: trace)
    }

    private func log(_ lease: QueueLease, _ outcome: RecipientOutcome) {
        let word = outcome.result.traceKind.rawValue
        Counter(label: "oonrumail_queue_recipients_total", dimensions: [("outcome", word)]).increment()
        logger.info(
            "outbound",
            metadata: [
                "queue_id": "\(lease.queueID)", "sender": "<\(lease.sender)>", "recipient": "<\(outcome.address)>", "outcome": "\(word)",
                "reply": "\(outcome.reply)",
            ]
        )
    }
}

extension RecipientOutcome.Result {
    var traceKind: TraceEvent.Kind {
        switch self {
        case .delivered: .sent
        case .deferred: .deferred
        case .failed: .bounced
        }
    }
}
