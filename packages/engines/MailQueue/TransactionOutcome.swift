import MailModel
import MailPorts

/// What became of each recipient of a lease, before anybody decides about retries.
struct TransactionOutcome: Sendable {
    enum Verdict: Sendable {
        case delivered(String)
        case transient(String)
        case permanent(String)
    }

    var verdicts: [EmailAddress: Verdict]
    var attempts: [QueueAttempt] = []

    init(all recipients: [QueueLease.Recipient], _ verdict: Verdict) {
        verdicts = Dictionary(recipients.map { ($0.address, verdict) }) { first, _ in first }
    }

    /// Recipients that another host may still take.
    var undecided: [EmailAddress] {
        verdicts.compactMap { address, verdict in
            if case .transient = verdict { address } else { nil }
        }
    }

    mutating func take(_ report: RemoteReport, for recipients: [EmailAddress]) {
        attempts.append(report.attempt)
        for (recipient, result) in zip(recipients, report.results) {
            verdicts[recipient] =
                switch result {
                case .accepted(let reply): .delivered(reply)
                case .transient(let reply): .transient(reply)
                case .permanent(let reply): .permanent(reply)
                }
        }
    }
}
