import MailModel
import NIOCore
package import NetKit
import SMTPWire
import ServiceLifecycle

/// The SMTP listeners of a process.
package final class SMTPServerService: Service {
    private let listeners: [MailListener]

    package init(
        _ configuration: SMTPServiceConfiguration,
        barrier: (any ClientBarrier)?,
        backend: SMTPBackend,
        tls: TLSContextStore,
        plaintextAuthOnLoopback: Bool
    ) {
        listeners = configuration.endpoints.map { endpoint in
            var listener = endpoint.listener
            listener.barrier = barrier
            return MailListener(listener, tls: tls, logger: backend.logger) { info in
                var machine = endpoint.machine
                machine.allowsPlaintextAuth = plaintextAuthOnLoopback && info.remote.isLoopback
                return SMTPConnection(info, machine: machine, settings: configuration, backend: backend, tls: tls)
            }
        }
    }

    /// Takes every port, or none: the error names the one that could not be had.
    package func bind() async throws(BindError) {
        for listener in listeners { try await listener.bind() }
    }

    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for listener in listeners { group.addTask { try await listener.run() } }
            try await group.waitForAll()
        }
    }
}
