import MailModel
import MailPorts
import MessageFormat

/// Turns what an attempt came to into what the store records: who is done, who waits until when, who is given up.
struct Settlement: Sendable {
    let configuration: QueueConfiguration
    let bounces: BouncePlanner

    /// - Parameter isInterrupted: the worker stops; who was not decided is due at once, for the next one.
    func result(
        of attempt: Attempt.Outcome,
        for lease: QueueLease,
        now: Timestamp,
        isInterrupted: Bool
    ) async -> (result: QueueResult, trouble: StoreError?) {
        let isExpired = now >= lease.expiresAt && !isInterrupted
        let failed = attempt.verdicts.compactMap { failure($0, isExpired: isExpired, now: now) }
        var bounce: DeliveryPlan?
        var trouble: StoreError?
        do throws(StoreError) {
            bounce = try await bounces.plan(failed, of: lease, at: now)
        } catch {
            trouble = error
        }
        var result = QueueResult(outcomes: [], attempts: attempt.attempts, bounce: bounce)
        for verdict in attempt.verdicts {
            let outcome = outcome(
                verdict,
                lease,
                isExpired: isExpired,
                mayFail: trouble == nil,
                now: now,
                isInterrupted: isInterrupted
            )
            result.outcomes.append(outcome)
            result.trace.append(event(verdict, outcome, lease, bounce, now))
        }
        return (result, trouble)
    }

    private func failure(_ verdict: Verdict, isExpired: Bool, now: Timestamp) -> FailedRecipient? {
        switch verdict.kind {
        case .delivered: nil
        case .permanent: failed(verdict, ReplyText.status(verdict.reply, isPermanent: true), now)
        // RFC 3463 §3.5: X.4.7, "Delivery time expired".
        case .transient: isExpired ? failed(verdict, "4.4.7", now) : nil
        }
    }

    private func failed(_ verdict: Verdict, _ status: String, _ now: Timestamp) -> FailedRecipient {
        FailedRecipient(
            address: verdict.recipient.address,
            originalRecipient: verdict.recipient.originalRecipient,
            status: status,
            reply: verdict.reply,
            remoteHost: verdict.host?.name,
            lastAttemptAt: now
        )
    }

    /// - Parameter mayFail: the sender can be told; else nobody is given up yet.
    private func outcome(
        _ verdict: Verdict,
        _ lease: QueueLease,
        isExpired: Bool,
        mayFail: Bool,
        now: Timestamp,
        isInterrupted: Bool
    ) -> RecipientOutcome {
        let address = verdict.recipient.address
        switch verdict.kind {
        case .delivered:
            return RecipientOutcome(address: address, result: .delivered, reply: verdict.attributedReply)
        case .permanent where mayFail:
            return RecipientOutcome(address: address, result: .failed, reply: verdict.attributedReply)
        case .transient where mayFail && isExpired:
            let reply = "554 4.4.7 Delivery time expired; last: \(verdict.attributedReply)"
            return RecipientOutcome(address: address, result: .failed, reply: reply)
        case .transient, .permanent:
            let next = isInterrupted ? now : nextAttempt(verdict, lease, now)
            return RecipientOutcome(address: address, result: .deferred(until: next), reply: verdict.attributedReply)
        }
    }

    private func nextAttempt(_ verdict: Verdict, _ lease: QueueLease, _ now: Timestamp) -> Timestamp {
        let next = configuration.schedule.next(
            after: now,
            attempts: verdict.recipient.attempts + 1,
            expiresAt: lease.expiresAt,
            chance: .random(in: 0...1)
        )
        // Expired, and nobody could be told of it: not at once again.
        return now >= lease.expiresAt ? now.adding(configuration.schedule.first) : next
    }

    private func event(
        _ verdict: Verdict,
        _ outcome: RecipientOutcome,
        _ lease: QueueLease,
        _ bounce: DeliveryPlan?,
        _ now: Timestamp
    ) -> TraceEvent {
        var detail = verdict.detail
        if case .failed = outcome.result {
            if case .transient = verdict.kind { detail = "Delivery time expired; last: \(detail)" }
            detail +=
                bounce.map { "; notification \($0.queueID)" }
                ?? (lease.sender == .null ? "; null sender, nobody is told" : "; the sender is no more, nobody is told")
        }
        return TraceEvent(
            at: now,
            kind: outcome.result.traceKind,
            queueID: lease.queueID,
            sender: lease.sender.description,
            recipient: verdict.recipient.address.description,
            remote: verdict.host?.address,
            detail: detail
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
