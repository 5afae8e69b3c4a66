import Logging
import MailModel
import MailPorts
import Metrics
import NIOCore
import NetKit
import SMTPWire

/// Refusals, for the operator: every transaction that was not taken can be found.
extension SMTPConnection {
    func note(_ subject: SMTPSubject, _ reply: SMTPReply) {
        let detail = reply.description + (cause.map { " (\($0))" } ?? "")
        cause = nil
        switch subject {
        case .session:
            ()  // no mail is concerned
        case .sender(let sender):
            backend.metrics.refused.increment()
            trace(detail, newQueueID(), sender, [nil])
        case .recipient(let recipient):
            backend.metrics.refusedRecipients.increment()
            guard let transaction else { return }
            trace(detail, transaction.queueID, transaction.sender.description, [recipient])
        case .message:
            backend.metrics.refused.increment()
            traceTransaction(detail)
        case .authentication:
            // What is no address may be a password in the wrong place.
            let user = userTried.flatMap { EmailAddress($0) }
            userTried = nil
            guard let user else { return }
            trace(detail, newQueueID(), user.canonical, [nil])
        }
    }

    /// The client went away in the middle of its message.
    func noteLoss() {
        guard transaction?.spool != nil else { return }
        backend.metrics.refused.increment()
        traceTransaction("connection lost before the end of the message")
    }

    func newQueueID() -> QueueID { QueueID(time: backend.clock.now(), random: .random(in: 0 ... .max)) }

    /// One event for each recipient that had been accepted, or one without.
    private func traceTransaction(_ detail: String) {
        guard let transaction else { return }
        let recipients: [String?] =
            transaction.expansions.isEmpty ? [nil] : transaction.expansions.keys.map(\.description)
        trace(detail, transaction.queueID, transaction.sender.description, recipients)
    }

    private func trace(_ detail: String, _ id: QueueID, _ sender: String, _ recipients: [String?]) {
        let now = backend.clock.now()
        let events = recipients.map { recipient in
            TraceEvent(
                at: now,
                kind: .refused,
                queueID: id,
                sender: sender,
                recipient: recipient,
                remote: info.remote,
                detail: detail
            )
        }
        logger.notice(
            "refused",
            metadata: [
                "queue_id": "\(id)", "sender": "<\(sender)>", "recipient": "\(recipients.first.flatMap { $0 } ?? "-")",
                "remote": "\(info.remote)", "reply": "\(detail)",
            ]
        )
        let trace = backend.trace
        Task { await trace.record(events) }
    }
}
