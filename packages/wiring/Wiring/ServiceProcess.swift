import Accounts
import ClientConduct
import Directories
import Glibc
import HTTPKit
import Logging
import MailCrypto
import MailModel
import MailPorts
import NIOCore
import NIOPosix
import NetKit
package import PlatformConfig
package import ServiceHost
import ServiceLifecycle
import Telemetry
import UnixSignals

/// Runs services in this process until SIGTERM or SIGINT.
package enum ServiceProcess {
    /// What a process depends on beside its services, in health answers.
    private static let database = "database"

    /// For an executable with one service: settings from the environment, errors on standard error, exit codes as commands have them.
    package static func main(_ modules: [ServiceModule]) async -> Never {
        do {
            try await run(PlatformSettings.load(), modules)
            exit(0)
        } catch {
            let line = Array("\(CommandLine.arguments.first ?? "oonrumail"): \(error)\n".utf8)
            write(STDERR_FILENO, line, line.count)
            exit(error is ConfigurationError ? 2 : 1)
        }
    }

    package static func run(_ settings: PlatformSettings, _ modules: [ServiceModule]) async throws {
        raiseFileLimit()
        let exports = try TelemetryExports(settings)
        let metrics = TelemetrySystem.bootstrap(
            level: Logger.Level(rawValue: settings.logLevel.rawValue) ?? .info,
            format: settings.logFormat == .json ? .json : .text,
            errors: exports.errors,
            facts: exports.facts
        )
        do {
            try await open(settings, modules, metrics)
            await exports.close()
        } catch {
            Logger(label: "platform").critical("the process ends by an error", metadata: ["error": "\(error)"])
            await exports.close()
            throw error
        }
    }

    private static func open(
        _ settings: PlatformSettings,
        _ modules: [ServiceModule],
        _ metrics: MetricsRegistry
    ) async throws {
        let platform = try await Platform.open(settings, isServing: true)
        do {
            try await serve(platform, modules, metrics)
            await platform.close()
        } catch {
            await platform.close()
            throw error
        }
    }

    private static func serve(_ platform: Platform, _ modules: [ServiceModule], _ metrics: MetricsRegistry) async throws
    {
        let settings = platform.settings
        let ledger = try await ConductLedger.open(platform)
        let context = try await context(platform, ledger)
        let signIns = context.authenticator.signIns
        metrics.gauge("oonrumail_active_accounts", help: "Accounts with an open mail session at this process") {
            Double(signIns.accounts)
        }
        let bans = context.bans
        metrics.gauge("oonrumail_bans_active", help: "Bans in force, as far as this process knows") {
            Double(bans.count)
        }
        let administrator = try await Bootstrap.run(platform, context.accounts)
        let maintenance = try await platform.ports.maintenance()
        context.health.addDependency(database) { try await maintenance.checkHealth() }
        for dependency in platform.backends.dependencies {
            context.health.addDependency(dependency.name, isNeeded: false, check: dependency.check)
        }
        var hosted: [HostedService] = []
        for module in modules {
            let service = try await module(context)
            context.health.addService(service.name, needs: [database] + platform.backends.dependencies.map(\.name))
            hosted.append(service)
        }
        for service in hosted { try await service.bind() }

        let services = hosted
        let logger = Logger(label: "platform")
        var routes = services.flatMap(\.routes)
        routes.append(HealthRoutes.routes(context.health, metrics: metrics))
        routes.append(ProblemRoutes.routes())
        routes.append(try OpenAPI.routes(routes, services: Set(services.map(\.name)), version: "1"))
        var gate = try await RequestGate.over(context)
        gate.bar(context.bans, context.tokens, context.clock)
        let http = httpServices(settings, routes, gate) {
            for service in services { context.health.report(service.name, .running) }
            let text = Array(Greeting.text(settings, services, administrator: administrator).utf8)
            write(STDOUT_FILENO, text, text.count)
            logger.info(
                "started",
                metadata: [
                    "services": "\(services.map(\.name).joined(separator: " "))", "hostname": "\(settings.hostname)",
                ]
            )
        }
        let revocations = RevocationWatch(
            signIns: context.authenticator.signIns,
            credentials: try await platform.ports.credentials(),
            interval: settings.revocationInterval
        )
        var configuration = ServiceGroupConfiguration(
            services: (http + services.flatMap(\.services)
                + [StopWatch(health: context.health), revocations, BanWatch(ledger, settings.banInterval)]).map {
                    .init(
                        service: $0,
                        successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup
                    )
                },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }
        )
        configuration.maximumGracefulShutdownDuration = settings.shutdownGrace + .seconds(5)
        try await ServiceGroup(configuration: configuration).run()
        logger.info("stopped")
    }

    private static func context(_ platform: Platform, _ conduct: ConductLedger) async throws -> ServiceContext {
        let settings = platform.settings
        let ports = platform.ports
        var lockout = LockoutLimits()
        lockout.failures = settings.lockoutFailures
        lockout.failuresPerAddress = settings.lockoutFailuresPerAddress
        lockout.windowSeconds = Int(settings.lockoutWindow.components.seconds)
        lockout.exempt = settings.lockoutExemptsTrusted ? settings.trustedNetworks : []
        var limits = TokenLimits(issuer: settings.hostname)
        limits.accessSeconds = settings.accessTokenLifetime.components.seconds
        limits.refreshSeconds = settings.refreshTokenLifetime.components.seconds
        limits.acting =
            switch settings.actingAsUsers {
            case .off: .off
            case .operators: .operators
            case .administrators: .administrators
            }
        var appPasswords = AppPasswordLimits()
        appPasswords.perAccount = settings.appPasswordsPerAccount
        let paths = try DevelopmentCertificate.paths(settings, platform.folder)
        let store = ports.store
        let keys = try await TokenKeyRing.load(
            maker: platform.tokenKeys,
            sessions: store,
            interval: settings.tokenKeyInterval,
            now: platform.clock.now()
        )
        let tokens = TokenService(sessions: store, directory: store, keys: keys, limits: limits)
        let clients = settings.clientSessionLimits.map {
            ClientSessions(sessions: store, grants: store, directory: store, keys: keys, limits: $0)
        }
        let salts = try await SCRAMSalts.load(store)
        let directories = try await DirectoryService(ports, settings)
        let authenticator = AccountAuthenticator(
            directory: store,
            credentials: store,
            limiter: try await ports.limits(),
            passwords: platform.passwords,
            limits: lockout,
            lastUseSeconds: settings.lastUseInterval.components.seconds,
            mail: MailSignIns(salts: salts, tokens: tokens, clients: clients),
            providers: store,
            conduct: conduct,
            directories: directories,
            directoryCache: SignInCache(lifetimeSeconds: settings.directoryRemembered.components.seconds)
        )
        let flags = FeatureFlags(store: store, interval: settings.flagInterval)
        var factors = SecondFactorLimits()
        (factors.failures, factors.windowSeconds) = (lockout.failures, lockout.windowSeconds)
        // Before anybody signs in: what is revoked from here on is noticed.
        try await authenticator.signIns.look(into: store)
        return ServiceContext(
            settings: settings,
            ports: ports,
            clock: platform.clock,
            authenticator: authenticator,
            bans: conduct.table,
            conduct: conduct,
            directories: directories,
            accounts: AccountService(
                directory: store,
                passwords: platform.passwords,
                defaultQuota: settings.quotaDefault > 0 ? Int64(settings.quotaDefault) : nil
            ),
            appPasswords: AppPasswordService(
                credentials: store,
                salts: salts,
                limits: appPasswords
            ),
            factors: SecondFactorService(
                store: store,
                directory: store,
                limiter: try await ports.limits(),
                tokens: tokens,
                masterKey: platform.masterKey,
                issuer: settings.hostname,
                limits: factors,
                conduct: conduct
            ),
            passkeys: try await passkeys(platform, flags, conduct),
            flags: flags,
            tokens: tokens,
            clientSessions: clients,
            domains: platform.domains,
            life: platform.life,
            certificates: platform.certificates,
            renewal: try platform.renewal(),
            masterKey: platform.masterKey,
            tls: try TLSContextStore(
                certificatePath: paths.certificate,
                keyPath: paths.key,
                logger: Logger(label: "tls")
            ),
            health: HealthRegistry(timeout: settings.healthTimeout),
            threads: platform.threads,
            spoolFolder: platform.folder.spool
        )
    }

    private static func passkeys(
        _ platform: Platform,
        _ flags: FeatureFlags,
        _ conduct: ConductLedger
    ) async throws -> PasskeyService {
        let (settings, store) = (platform.settings, platform.ports.store)
        var policy = PasskeyPolicy(
            relyingParty: settings.passkeyHost,
            name: settings.passkeyName,
            origins: settings.passkeyPages
        )
        policy.perAccount = settings.passkeysPerAccount
        policy.takesUncheckedAttestation = settings.passkeyUncheckedAttestation
        return try await PasskeyService.load(
            store: store,
            directory: store,
            sessions: store,
            masterKey: platform.masterKey,
            policy: policy,
            flags: flags,
            conduct: conduct
        )
    }

    /// One HTTP listener per address; `onAllRunning` is called when the last one accepts.
    private static func httpServices(
        _ settings: PlatformSettings,
        _ routes: [RouteSet],
        _ gate: RequestGate,
        _ onAllRunning: @escaping @Sendable () -> Void
    ) -> [any Service] {
        let waiting = Countdown(settings.httpAddresses.count)
        return settings.httpAddresses.map { address in
            var configuration = HTTPServiceConfiguration(host: address.description, port: settings.httpPort)
            configuration.bodyLimit = settings.httpMaxBody
            configuration.idleTimeout = TimeAmount(settings.httpIdleTimeout)
            configuration.bodyTimeout = TimeAmount(settings.httpBodyTimeout)
            configuration.maxConnections = settings.httpMaxConnections
            configuration.crossOrigins = Set(settings.httpCrossOrigins)
            configuration.requiresMatch = settings.httpRequiresMatch
            configuration.gate = gate
            configuration.trustedProxies = settings.trustForwardedHeaders ? settings.trustedNetworks : []
            return HTTPService(configuration, routes: routes, group: .singletonMultiThreadedEventLoopGroup) { _ in
                if waiting.down() { onAllRunning() }
            }
        }
    }

    /// Thousands of connections need as many descriptors; the soft limit is often 1,024.
    private static func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
    }
}
