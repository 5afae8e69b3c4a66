import MailPorts
import MailQueue
import PlatformConfig
import ServiceLifecycle

/// Runs the queue worker as a service: on a graceful stop it finishes the transactions that run.
struct QueueService: Service {
    private let worker: QueueWorker

    init(_ worker: QueueWorker) { self.worker = worker }

    func run() async throws {
        await withGracefulShutdownHandler {
            await worker.run()
        } onGracefulShutdown: {
            worker.stop()
        }
    }
}

extension QueueConfiguration {
    init(_ settings: PlatformSettings) {
        self.init(hostname: settings.hostname)
        schedule.first = settings.queueFirstRetry
        schedule.maximum = settings.queueMaxRetry
        concurrency = settings.queueConcurrency
        perDomain = settings.queuePerDomain
        isShared = settings.usesPostgres
        leaseSeconds = settings.queueLease.components.seconds
        expirySeconds = max(1, settings.queueExpiry.components.seconds)
        // On the mail port itself, this machine is where mail for hosted domains arrives: DNS that leads here is a loop.
        reachesLoopback = settings.smtpPort != port
        routes = settings.transportMap.map { Route(domain: $0.domain, host: $0.target.host, port: $0.target.port) }
        if let host = settings.smartHost {
            smartHost = SmartHost(
                host: host.host,
                port: host.port,
                tls: RemotePolicy.TLS(settings.smartHostTLS),
                user: settings.smartHostUser,
                password: settings.smartHostPassword?.text
            )
        }
    }
}

extension RemotePolicy.TLS {
    init(_ setting: SmartHostTLS) {
        self =
            switch setting {
            case .opportunistic: .opportunistic
            case .verified: .verified
            case .implicit: .implicit
            case .none: .none
            }
    }
}
