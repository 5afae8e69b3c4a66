import MailModel
import MailPorts

/// One attempt to bring a lease's message to its recipients: finds the hosts and tries them in order.
struct Attempt: Sendable {
    let queue: any QueueStore
    let transport: any RemoteTransport
    let routes: RouteResolver
    let configuration: QueueConfiguration

    struct Outcome: Sendable {
        /// One per recipient of the lease, in its order.
        var verdicts: [Verdict]
        var attempts: [QueueAttempt]
    }

    func run(_ lease: QueueLease) async -> Outcome {
        do throws(RouteFailure) {
            return await send(lease, by: try await routes.route(to: lease.domain))
        } catch {
            return Outcome(verdicts: lease.recipients.map { Verdict($0, error) }, attempts: [])
        }
    }

    private func send(_ lease: QueueLease, by route: Route) async -> Outcome {
        var outcome = Outcome(
            verdicts: lease.recipients.map { Verdict($0, .transient, reply: "451 4.4.1 No host was asked") },
            attempts: []
        )
        let message = message(lease)
        // RFC 5321 §5.1: "the SMTP client MUST be able to try (and retry) each of the relevant addresses in this list in
        // order, until a delivery attempt succeeds".
        for host in route.hosts.prefix(configuration.maximumHosts) where !Task.isCancelled {
            let isFirst = outcome.attempts.isEmpty
            let report = await transport.send(message, to: host, policy: route.policy)
            outcome.attempts.append(report.attempt)
            for (index, recipient) in lease.recipients.enumerated() {
                let result =
                    index < report.results.count ? report.results[index] : .transient(reply: "451 4.3.0 No result")
                var verdict = Verdict(recipient, result, host)
                // Turned away by this host but not by one before it: that one may yet take the mail.
                if !report.reached, !isFirst, case .permanent = verdict.kind,
                    case .transient = outcome.verdicts[index].kind
                {
                    verdict.kind = .transient
                }
                outcome.verdicts[index] = verdict
            }
            if report.reached { break }
        }
        return outcome
    }

    private func message(_ lease: QueueLease) -> OutboundMessage {
        let queue = queue
        return OutboundMessage(
            sender: lease.sender,
            recipients: lease.recipients.map(\.address),
            size: lease.size,
            needsSMTPUTF8: lease.needsSMTPUTF8,
            is8Bit: lease.is8Bit
        ) { range async throws(StoreError) in
            try await queue.read(lease.queueID, submitter: lease.submitter, range: range)
        }
    }
}
