import Directories
import Domains
import MailPorts
import Metrics
import PlatformConfig
import ServiceHost
import ServiceLifecycle

/// What the domain manager does at intervals; of all processes one at a time does each.
extension DomainManagerModule {
    /// How often it is asked which domains and certificates are due, at most.
    private static let longestWait = Duration.seconds(60)

    static func upkeep(_ context: ServiceContext) async throws -> [any Service] {
        let quotas = QuotaWatch(
            quotas: try await context.ports.quotas(),
            directory: try await context.ports.directory(),
            upkeep: try await context.ports.domains(),
            notice: OwnerNotice(people: try await context.ports.people(), mail: try await context.mailer())
        )
        let webhooks = try await WebhookDispatcher(context.ports, context.settings)
        let keeper = ZoneKeeper(
            writer: try await context.zoneWriter(),
            upkeep: try await context.ports.domains(),
            notice: OwnerNotice(people: try await context.ports.people(), mail: try await context.mailer())
        )
        let renewals = context.renewal.map { [CertificateRenewalService(renewal: $0, clock: context.clock)] } ?? []
        let directories = try await DirectorySync(
            context.directories,
            context.ports,
            mail: try await context.mailer()
        )
        return [
            directory(directories, context), removal(context), monitor(context), watch(quotas, context),
            certificateWatch(context),
            deliveries(webhooks, context), count(try await context.statistics(), context),
            writing(keeper, context),
        ] + renewals
    }

    /// Deleted domains whose grace is over go.
    private static func removal(_ context: ServiceContext) -> PeriodicService {
        PeriodicService(
            "domains",
            every: context.settings.domainUpkeepInterval,
            failures: "oonrumail_domain_upkeep_failures_total",
            complaint: "the upkeep of domains failed"
        ) {
            let gone = try await context.life.upkeep(holder: context.holder, clock: context.clock)
            Counter(label: "oonrumail_domains_removed_total").increment(by: gone)
        }
    }

    /// The DNS of verified domains is looked at when their times come.
    private static func monitor(_ context: ServiceContext) -> PeriodicService {
        PeriodicService(
            "domains",
            every: min(context.settings.domainCheckInterval, longestWait),
            failures: "oonrumail_domain_check_failures_total",
            complaint: "the DNS of domains was not checked"
        ) {
            let checked = try await context.life.monitor.pass(holder: context.holder, clock: context.clock)
            Counter(label: "oonrumail_domain_checks_total").increment(by: checked)
        }
    }

    /// Who is responsible is told which quotas fill.
    private static func watch(_ quotas: QuotaWatch, _ context: ServiceContext) -> PeriodicService {
        PeriodicService(
            "quotas",
            every: context.settings.quotaNewsInterval,
            failures: "oonrumail_quota_watch_failures_total",
            complaint: "it was not looked which quotas fill"
        ) {
            _ = try await quotas.pass(holder: context.holder, clock: context.clock)
        }
    }

    /// Certificates are looked at when their times come, for the first time at once.
    private static func certificateWatch(_ context: ServiceContext) -> PeriodicService {
        let interval = context.settings.certificateCheckInterval
        return PeriodicService(
            "certificates",
            every: min(interval, longestWait),
            first: min(interval, .seconds(1)),
            failures: "oonrumail_certificate_check_failures_total",
            complaint: "certificates were not looked at"
        ) {
            let count = try await context.certificates.pass(holder: context.holder, clock: context.clock)
            Counter(label: "oonrumail_certificate_checks_total").increment(by: count)
        }
    }

    /// People of directories are brought to what those have, when their times come.
    private static func directory(_ directories: DirectorySync, _ context: ServiceContext) -> PeriodicService {
        PeriodicService(
            "directory",
            every: min(context.settings.directoryInterval, longestWait),
            failures: "oonrumail_directory_sync_failures_total",
            complaint: "directories were not synchronised"
        ) {
            _ = try await directories.pass(holder: context.holder, clock: context.clock)
        }
    }

    /// What the message trace has got is counted, domain by domain.
    private static func count(_ statistics: DomainStatistics, _ context: ServiceContext) -> PeriodicService {
        PeriodicService(
            "statistics",
            every: context.settings.statisticsInterval,
            failures: "oonrumail_statistics_failures_total",
            complaint: "the mail of domains was not counted"
        ) {
            _ = try await statistics.pass(holder: context.holder, clock: context.clock)
        }
    }

    /// The records of domains are written where they are to be, when they change.
    private static func writing(_ keeper: ZoneKeeper, _ context: ServiceContext) -> PeriodicService {
        PeriodicService(
            "zones",
            every: context.settings.zoneInterval,
            failures: "oonrumail_zone_passes_failed_total",
            complaint: "it was not looked which records are to be written"
        ) {
            _ = try await keeper.pass(holder: context.holder, clock: context.clock)
        }
    }

    /// Webhooks are told; any number of processes do it, each event by one at a time.
    private static func deliveries(_ webhooks: WebhookDispatcher, _ context: ServiceContext) -> PeriodicService {
        PeriodicService(
            "webhooks",
            every: context.settings.webhookInterval,
            failures: "oonrumail_webhook_failures_total",
            complaint: "webhooks were not told"
        ) {
            _ = try await webhooks.pass(clock: context.clock)
        }
    }
}
