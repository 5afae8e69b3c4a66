import MailModel
import MailPorts

/// One attempt to bring a lease's message to its recipients: finds the hosts and tries them in order.
struct Attempt: Sendable {
    let queue: any QueueStore
    let transport: any RemoteTransport
    let routes: RouteResolver
    let configuration: QueueConfiguration
    let demand: TLSDemand

    struct Outcome: Sendable {
        /// One per recipient of the lease, in its order.
        var verdicts: [Verdict]
        var attempts: [QueueAttempt]
    }

    func run(_ held: HeldLease) async -> Outcome {
        let lease = held.lease
        do throws(RouteFailure) {
            var route = try await routes.route(to: lease.domain)
            try await demand.tighten(&route, for: lease)
            return await send(held, by: route)
        } catch {
            return Outcome(verdicts: lease.recipients.map { Verdict($0, error) }, attempts: [])
        }
    }

    private func send(_ held: HeldLease, by route: Route) async -> Outcome {
        let lease = held.lease
        var outcome = Outcome(
            verdicts: lease.recipients.map { Verdict($0, .transient, reply: "451 4.4.1 No host was asked") },
            attempts: []
        )
        let message = message(held)
        // RFC 5321 §5.1: "the SMTP client MUST be able to try (and retry) each of the relevant addresses in this list in
        // order, until a delivery attempt succeeds".
        for host in route.hosts.prefix(configuration.maximumHosts) where !Task.isCancelled {
            let isFirst = outcome.attempts.isEmpty
            let report = await traced(
                "smtp send",
                kind: .client,
                attributes: ["server.address": host.name, "server.port": "\(host.port)"]
            ) {
                await transport.send(message, to: host, policy: route.policy)
            }
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

    private func message(_ held: HeldLease) -> OutboundMessage {
        let (lease, queue) = (held.lease, queue)
        return OutboundMessage(
            sender: lease.sender,
            recipients: lease.recipients.map(\.address),
            size: lease.size,
            needsSMTPUTF8: lease.needsSMTPUTF8,
            is8Bit: lease.is8Bit
        ) { range async throws(StoreError) in
            // The last thing before octets go out: a worker that was held up may not be the owner any more.
            try await held.confirm()
            return try await queue.read(lease.queueID, submitter: lease.submitter, range: range)
        }
    }
}
