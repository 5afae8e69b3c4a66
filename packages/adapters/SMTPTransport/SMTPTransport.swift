import Glibc
package import MailModel
package import MailPorts
package import NIOCore
import NIOPosix
import NIOSSL
package import SMTPWire

/// The SMTP client over sockets: one connection, one transaction (RFC 5321).
///
/// Every wait is bounded by the machine's timers (RFC 5321 §4.5.3.2); a cancelled task closes the connection.
package struct SMTPTransport: RemoteTransport {
    private let group: any EventLoopGroup
    /// What each wait has.
    package typealias TimeLimits = @Sendable (SMTPTimeout) -> TimeAmount

    private let connectTimeout: TimeAmount
    private let limits: TimeLimits
    private let clock: any WallClock

    /// - Parameters:
    ///   - connectTimeout: what opening a connection has; RFC 5321 §4.5.3.2 names none.
    ///   - limits: what each wait has; those of RFC 5321 §4.5.3.2 as a rule.
    package init(
        group: any EventLoopGroup,
        connectTimeout: TimeAmount = .seconds(30),
        limits: @escaping TimeLimits = { .seconds(Int64($0.seconds)) },
        clock: any WallClock
    ) {
        self.group = group
        self.connectTimeout = connectTimeout
        self.limits = limits
        self.clock = clock
    }

    package func send(_ message: OutboundMessage, to host: RemoteHost, policy: RemotePolicy) async -> RemoteReport {
        let first = await attempt(message, host, policy, policy.tls)
        guard case .opportunistic = policy.tls, first.hasTLSFailed else { return first.report }
        // RFC 7435 §4: a peer whose TLS is broken is treated as one without.
        var second = await attempt(message, host, policy, .none).report
        second.attempt.transcript =
            "\(first.report.attempt.transcript)-- again without TLS\n\(second.attempt.transcript)"
        return second
    }

    private func attempt(
        _ message: OutboundMessage,
        _ host: RemoteHost,
        _ policy: RemotePolicy,
        _ tls: RemotePolicy.TLS
    ) async -> (report: RemoteReport, hasTLSFailed: Bool) {
        let startedAt = clock.now()
        OutboundTLS.prepare()
        let loop = group.next()
        let outcome = loop.makePromise(of: SMTPClientConnection.Outcome.self)
        let plan = SMTPClientConnection.Plan(message: message, host: host, policy: policy, tls: tls, limits: limits)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if case .implicit = tls {
                        try channel.pipeline.syncOperations.addHandler(
                            OutboundTLS.handler(for: host.name, verifies: true)
                        )
                    }
                    try channel.pipeline.syncOperations.addHandler(SMTPClientConnection(plan, outcome: outcome))
                }
            }
        let found: SMTPClientConnection.Outcome
        do {
            let channel = try await bootstrap.connect(host: host.address?.description ?? host.name, port: host.port)
                .get()
            found = try await withTaskCancellationHandler {
                try await outcome.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            outcome.fail(error)
            found = .unreachable(Self.reason(error), recipients: message.recipients.count)
        }
        let place = "\(host.name)\(host.address.map { " [\($0)]" } ?? ""):\(host.port)"
        let report = RemoteReport(
            reached: found.result.reached,
            results: found.result.outcomes.map { Self.result($0, host) },
            attempt: QueueAttempt(at: startedAt, host: place, tls: found.tls, transcript: found.transcript)
        )
        return (report, found.hasTLSFailed)
    }

    private static func result(_ outcome: SMTPClientOutcome, _ host: RemoteHost) -> RemoteResult {
        let text = "\(outcome.reply) (\(host.name))"
        return switch outcome {
        case .accepted: .accepted(reply: text)
        case .transient: .transient(reply: text)
        case .permanent: .permanent(reply: text)
        }
    }

    /// What the operator reads of a connection that was not made.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case is NIOConnectionError, ChannelError.connectTimeout: return "no connection"
        default: return "connection failed"
        }
    }
}
