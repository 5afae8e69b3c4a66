import MailModel
import MailPorts
import Metrics

/// What the queue tells the operator's monitoring.
struct QueueMetrics: Sendable {
    private let depth = Gauge(label: "oonrumail_queue_depth")
    private let running = Gauge(label: "oonrumail_queue_transactions_running")
    private let delivered = Counter(label: "oonrumail_queue_recipients_total", dimensions: [("outcome", "delivered")])
    private let deferred = Counter(label: "oonrumail_queue_recipients_total", dimensions: [("outcome", "deferred")])
    private let failed = Counter(label: "oonrumail_queue_recipients_total", dimensions: [("outcome", "failed")])
    private let bounces = Counter(label: "oonrumail_queue_bounces_total")
    private let lost = Counter(label: "oonrumail_queue_leases_lost_total")
    /// From acceptance to the other side's acknowledgement.
    private let age = Metrics.Timer(label: "oonrumail_queue_delivery_seconds")
    private let attempt = Metrics.Timer(label: "oonrumail_queue_attempt_seconds")

    func waits(_ recipients: Int) { depth.record(recipients) }
    func runs(_ transactions: Int) { running.record(transactions) }
    func leaseLost() { lost.increment() }

    func settled(_ result: QueueResult, _ lease: QueueLease, now: Timestamp) {
        for outcome in result.outcomes {
            switch outcome.result {
            case .delivered:
                delivered.increment()
                age.recordMicroseconds(max(0, now.microseconds - lease.createdAt.microseconds))
            case .deferred: deferred.increment()
            case .failed: failed.increment()
            }
        }
        if result.bounce != nil { bounces.increment() }
    }

    func attempted(_ duration: Duration) { attempt.recordMicroseconds(max(0, duration.microseconds)) }
}
