package import MailModel
package import MailPorts
import Synchronization

/// Hosts that answer as a test says; keeps what it was asked to send.
package final class FakeTransport: RemoteTransport {
    package struct Call: Sendable {
        package var message: OutboundMessage
        package var host: RemoteHost
        package var policy: RemotePolicy
    }

    package typealias Answer = @Sendable (Call) async -> RemoteReport

    private let kept = Mutex<[Call]>([])
    private let answer: Answer

    package init(_ answer: @escaping Answer) { self.answer = answer }

    package var calls: [Call] { kept.withLock { $0 } }

    package func send(_ message: OutboundMessage, to host: RemoteHost, policy: RemotePolicy) async -> RemoteReport {
        let call = Call(message: message, host: host, policy: policy)
        kept.withLock { $0.append(call) }
        return await answer(call)
    }

    /// One result for each recipient of the call.
    package static func report(
        _ call: Call,
        reached: Bool = true,
        at: Timestamp = Timestamp(seconds: 0),
        _ result: (EmailAddress) -> RemoteResult
    ) -> RemoteReport {
        RemoteReport(
            reached: reached,
            results: call.message.recipients.map(result),
            attempt: QueueAttempt(
                at: at,
                host: "\(call.host.name):\(call.host.port)",
                tls: nil,
                transcript: "C: QUIT\n"
            )
        )
    }
}
