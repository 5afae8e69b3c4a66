package import Accounts
import DNSResolver
package import Domains
import Logging
package import MailCrypto
import MailDelivery
package import MailModel
package import MailPorts
package import NIOPosix
package import PlatformConfig
import SMTPTransport
import SQLStore
import ServiceHost
import Telemetry

/// The opened store of a process and the engines over it; behind services and commands alike.
package struct Platform: Sendable {
    package let settings: PlatformSettings
    package let folder: DataFolder
    package let ports: PlatformPorts
    package let clock: any WallClock
    package let masterKey: MasterKey
    package let passwords: PasswordWork
    package let domains: any DomainAdministration
    package let life: DomainLife
    package let certificates: CertificateWatch
    package let threads: NIOThreadPool
    let backends: Backends

    /// Opens the data folder, making what is missing.
    ///
    /// - Parameter isServing: takes the folder for this process; commands open it beside the server.
    package static func open(_ settings: PlatformSettings, isServing: Bool) async throws -> Platform {
        let folder = try DataFolder(preparing: settings.data)
        if isServing {
            try folder.lockForServing()
            folder.clearSpool()
        }
        let rules = try passwordRules(settings)
        let masterKey = try MasterKeyFile.load(folder, shared: settings.masterKeyFile)
        let threads = NIOThreadPool(numberOfThreads: max(4, settings.passwordThreads + 2))
        threads.start()
        let clock = SystemClock()
        let backends = try Backends.open(settings, folder, threads, clock)
        let store: SQLStore
        do {
            store = try await openStore(settings, isServing: isServing, folder, backends, clock)
            // In PostgreSQL another process may be sending what it has leased.
            if isServing, !settings.usesPostgres { try await takeBackLeases(store, clock) }
        } catch {
            await backends.close()
            throw error
        }
        let ports = PlatformPorts(
            store: store,
            feed: backends.feed,
            limiter: backends.limiter,
            index: backends.index,
            clock: clock,
            makeResolver: { try Self.resolver(settings) },
            makeTransport: { SMTPTransport(group: .singletonMultiThreadedEventLoopGroup, clock: clock) },
            sealing: MasterSealing(key: masterKey),
            providers: settings.providerClient,
            webhooks: settings.webhookClient,
            zones: settings.zoneClient,
            directories: DirectoryClients(settings) { try Self.resolver(settings) }
        )
        var passwords = PasswordWork(
            hasher: PasswordHasher(memory: settings.passwordMemory, passes: settings.passwordPasses),
            submit: PasswordThreads(count: settings.passwordThreads).submit
        )
        passwords.rules = rules
        let domains = DomainService(
            directory: store,
            master: masterKey,
            host: Self.mailHost(settings),
            rsaBits: settings.dkimRSABits,
            extras: Self.extras(settings, folder)
        )
        let notice = OwnerNotice(people: store, mail: try await PlatformMailer(ports, settings, masterKey))
        return Platform(
            settings: settings,
            folder: folder,
            ports: ports,
            clock: clock,
            masterKey: masterKey,
            passwords: passwords,
            domains: HostedDomains(service: domains),
            life: Self.life(settings, store, domains, ports, notice),
            certificates: Self.certificates(settings, folder, store, ports, notice),
            threads: threads,
            backends: backends
        )
    }

    private static func passwordRules(_ settings: PlatformSettings) throws(StartupError) -> PasswordRules {
        var rules = PasswordRules()
        rules.minimumLength = settings.passwordMinimumLength
        rules.history = settings.passwordHistory
        rules.asksBreachedList = settings.breachedPasswordsAsked == .always
        guard let path = settings.breachedPasswords else { return rules }
        guard let list = BreachedPasswordFile(path: path) else {
            throw StartupError("OONRUMAIL_BREACHED_PASSWORDS: \(path) cannot be read")
        }
        rules.isBreached = { list.contains($0) }
        return rules
    }

    private static func openStore(
        _ settings: PlatformSettings,
        isServing: Bool,
        _ folder: DataFolder,
        _ backends: Backends,
        _ clock: any WallClock
    ) async throws(StartupError) -> SQLStore {
        var options = SQLStore.Options()
        options.inlineThreshold = settings.inlineBlobThreshold
        options.maximumMailboxes = settings.imapMaxMailboxes
        let logger = Logger(label: "store")
        options.migrates = settings.migratesAtStart
        options.domainCache = backends.domainCache
        if settings.usesPostgres {
            options.listenedAccounts = backends.accountsToPoll
            options.trustsServerClock = true
            return try await openStore(inPostgres: settings, isServing: isServing, backends, clock, options, logger)
        }
        do throws(StoreError) {
            return try await SQLStore.open(
                folder: folder.path,
                blobs: backends.blobs,
                feed: backends.feed,
                clock: clock,
                logger: logger,
                options: options
            )
        } catch {
            throw StartupError("the store in \(folder.path) cannot be opened (\(error)); the log has the cause")
        }
    }

    /// What an earlier process had leased when it died is sent now, not when its leases run out.
    private static func takeBackLeases(_ store: SQLStore, _ clock: any WallClock) async throws(StartupError) {
        do throws(StoreError) {
            let count = try await store.takeBackLeases(now: clock.now())
            guard count > 0 else { return }
            Logger(label: "queue").notice(
                "leases of an earlier process taken back",
                metadata: ["recipients": "\(count)"]
            )
        } catch {
            throw StartupError("the outbound queue cannot be read (\(error)); the log has the cause")
        }
    }

    private static func life(
        _ settings: PlatformSettings,
        _ store: SQLStore,
        _ domains: DomainService,
        _ ports: PlatformPorts,
        _ notice: OwnerNotice
    ) -> DomainLife {
        var limits = DomainLife.Limits()
        limits.challengeSeconds = settings.domainChallengeLifetime.components.seconds
        limits.graceSeconds = settings.domainGrace.components.seconds
        limits.pending = settings.domainMaxPending
        limits.keyGraceSeconds = settings.dkimGrace.components.seconds
        limits.rotationSeconds = settings.dkimRotation.components.seconds
        var schedule = DomainMonitor.Schedule()
        schedule.intervalSeconds = settings.domainCheckInterval.components.seconds
        schedule.history = settings.domainCheckHistory
        schedule.webhooks = WebhookLimits(settings)
        return DomainLife(
            store: store,
            directory: store,
            keys: domains,
            resolver: { try await ports.publishedRecords() },
            resolverName: settings.resolver?.description ?? "the system's resolver",
            notice: notice,
            limits: limits,
            schedule: schedule
        )
    }

    static func resolver(
        _ settings: PlatformSettings
    ) throws -> any DNSResolving & PublishedRecordReading {
        try UnboundResolver(
            server: settings.resolver.map { "\($0.host)@\($0.port)" },
            timeout: settings.resolverTimeout
        )
    }

    /// What clients are pointed to; the ports of the standard are left out where another one listens.
    static func mailHost(_ settings: PlatformSettings) -> MailHost {
        MailHost(
            name: settings.hostname,
            imapsPort: UInt16(exactly: settings.imapsPort),
            imapPort: UInt16(exactly: settings.imapPort),
            submissionsPort: UInt16(exactly: settings.submissionsPort),
            submissionPort: UInt16(exactly: settings.submissionPort)
        )
    }

    /// What the operator's commands work with.
    package var parts:
        (
            stores: any PortProvider, domains: any DomainAdministration, life: DomainLife, passwords: PasswordWork,
            certificates: CertificateWatch, tokenKeys: TokenKeyMaker, masterKey: MasterKey,
            keyring: any MasterKeyKeeping,
            close: @Sendable () async -> Void
        )
    {
        let keyring = MasterKeyKeeper(folder: folder, shared: settings.masterKeyFile)
        return (ports, domains, life, passwords, certificates, tokenKeys, masterKey, keyring, { await close() })
    }

    /// Waits for what is being written.
    package func close() async {
        await ports.store.close()
        await backends.close()
        try? await threads.shutdownGracefully()
    }

    /// Fills an empty data folder from a backup.
    package static func restore(_ file: String, _ settings: PlatformSettings) async throws {
        try await SQLStore.restore(fromFile: file, toFolder: settings.data)
    }
}
