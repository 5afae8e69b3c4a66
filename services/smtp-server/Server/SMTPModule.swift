import Logging
import MailDelivery
import MailModel
import MailPolicy
import MailPorts
import MailQueue
import NetKit
import PlatformConfig
import SenderAuth
package import ServiceHost

/// The SMTP service: mail from other servers, mail from own users, and the queue to other servers.
package enum SMTPModule {
    package static func make(_ context: ServiceContext) async throws -> HostedService {
        let configuration = SMTPServiceConfiguration(context.settings, spoolFolder: context.spoolFolder)
        let directory = try await context.ports.directory()
        let logger = Logger(label: "smtp")
        let signer = DKIMMessageSigner(directory: directory, master: context.masterKey, clock: context.clock)
        let limiter = try await context.ports.limits()
        let policies = PolicyGuard(policies: try await context.ports.policies(), limiter: limiter)
        let responder = VacationResponder(
            vacations: try await context.ports.vacations(),
            directory: directory,
            mailer: try await context.mailer(),
            repliesPerDay: context.settings.vacationReplies
        )
        let intake = MessageIntake(
            deliveries: try await context.ports.deliveries(),
            signer: signer,
            judge: PolicyJudge(policies: policies),
            responder: responder,
            hostname: configuration.hostname,
            resolver: try await context.ports.resolver(),
            limits: configuration.intake,
            logger: logger
        )
        var backend = SMTPBackend(
            directory: directory,
            addresses: try await context.ports.addresses(),
            intake: intake,
            authenticator: context.authenticator,
            limiter: limiter,
            policies: policies,
            trace: try await context.ports.trace(),
            clock: context.clock,
            threads: context.threads,
            logger: logger
        )
        backend.grants = try await context.ports.sendingGrants()
        backend.permissions = try await context.ports.domainPermissions()
        backend.conduct = context.conduct
        backend.people = context.directories
        let server = SMTPServerService(
            configuration,
            barrier: context.bans,
            backend: backend,
            tls: context.tls,
            plaintextAuthOnLoopback: context.settings.plaintextAuthOnLoopback
        )
        let purposes = [
            "Mail from other servers (SMTP)", "Mail from own users (submission, STARTTLS)",
            "Mail from own users (submission, TLS)",
        ]
        let endpoints = zip(purposes, configuration.endpoints).map { purpose, endpoint in
            HostedService.Endpoint(
                purpose: purpose,
                address: endpoint.listener.addresses.first?.description ?? "",
                port: endpoint.listener.port
            )
        }
        let worker = QueueService(
            QueueWorker(
                queue: try await context.ports.queue(),
                directory: directory,
                transport: try await context.ports.transport(),
                resolver: try await context.ports.resolver(),
                feed: try await context.ports.changes(),
                clock: context.clock,
                configuration: QueueConfiguration(context.settings),
                demand: TLSDemand(policies, directory),
                logger: Logger(label: "queue")
            )
        )
        return HostedService(name: "smtp", services: [server, worker], endpoints: endpoints) { try await server.bind() }
    }
}
