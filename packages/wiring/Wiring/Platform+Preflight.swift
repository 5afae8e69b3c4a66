import Glibc
import Logging
import MailModel
import MailPorts
import NIOPosix
import NIOSSL
import NetKit
package import PlatformConfig
import Telemetry

extension Platform {
    /// A certificate that ends sooner is a reason not to deploy.
    static let certificateDays = 30

    /// Tries what the settings name and changes nothing: the database and its schema, Redis, S3, the master key, the
    /// certificate, the names in DNS, the secrets.
    package static func preflight(_ settings: PlatformSettings) async -> [DeploymentCheck] {
        var checks = settings.warnings.map { DeploymentCheck("settings", .warning, $0) }
        if checks.isEmpty { checks.append(DeploymentCheck("settings", .good)) }
        checks += settings.secretChecks
        checks.append(masterKeyCheck(settings))
        checks += certificateChecks(settings)
        checks.append(await schemaCheck(settings))
        checks += await backendChecks(settings)
        checks.append(await addressCheck(settings))
        return checks
    }

    private static func masterKeyCheck(_ settings: PlatformSettings) -> DeploymentCheck {
        let name = "master key"
        guard let file = settings.masterKeyFile else {
            return settings.usesPostgres
                ? DeploymentCheck(name, .bad, "OONRUMAIL_MASTER_KEY_FILE is not set: replicas need the same key")
                : DeploymentCheck(name, .absent, "made at the first start")
        }
        do throws(StartupError) {
            _ = try MasterKeyFile.load(DataFolder(existing: settings.data), shared: file)
        } catch {
            return DeploymentCheck(name, .bad, error.description)
        }
        guard FileMode.isOpenToAll(file) == false else {
            return DeploymentCheck(name, .bad, "\(file) can be read by everybody on this machine")
        }
        return DeploymentCheck(name, .good)
    }

    private static func certificateChecks(_ settings: PlatformSettings) -> [DeploymentCheck] {
        let name = "certificate"
        if let directory = settings.acmeDirectory {
            return [
                DeploymentCheck(
                    name,
                    .good,
                    "ordered from \(directory) for \(settings.orderedNames.joined(separator: ", ")) by \(settings.acmeChallenge.rawValue)"
                )
            ]
        }
        guard let file = settings.tlsCertificate, let key = settings.tlsKey else {
            return [DeploymentCheck(name, .bad, "OONRUMAIL_TLS_CERTIFICATE is not set: clients get a self-signed one")]
        }
        do throws(TLSError) {
            _ = try TLSContextStore(certificatePath: file, keyPath: key, logger: Logger(label: "preflight"))
        } catch {
            return [DeploymentCheck(name, .bad, error.description)]
        }
        guard let certificate = try? NIOSSLCertificate.fromPEMFile(file).first else {
            return [DeploymentCheck(name, .bad, "\(file) holds no certificate")]
        }
        let now = SystemClock().now().microseconds / 1_000_000
        let days = (Int64(certificate.notValidAfter) - now) / 86_400
        let ends =
            days >= certificateDays
            ? DeploymentCheck(name, .good, "ends in \(days) days")
            : DeploymentCheck(name, .bad, "ends in \(days) days; \(certificateDays) at least")
        return [ends]
    }

    private static func schemaCheck(_ settings: PlatformSettings) async -> DeploymentCheck {
        let name = "database"
        do {
            let plan = try await migrate(settings, isDryRun: true)
            return plan.steps.isEmpty
                ? DeploymentCheck(name, .good, "schema \(plan.current), up to date")
                : DeploymentCheck(
                    name,
                    .warning,
                    "schema \(plan.current), \(plan.steps.count) versions to apply by oonrumail migrate"
                )
        } catch {
            return DeploymentCheck(name, .bad, "does not answer, or refuses: \(error)")
        }
    }

    private static func backendChecks(_ settings: PlatformSettings) async -> [DeploymentCheck] {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        var checks: [DeploymentCheck] = []
        do throws(StartupError) {
            let backends = try Backends.open(settings, DataFolder(existing: settings.data), threads, SystemClock())
            for dependency in backends.dependencies {
                do {
                    try await dependency.check()
                    checks.append(DeploymentCheck(dependency.name, .good))
                } catch {
                    checks.append(DeploymentCheck(dependency.name, .bad, "\(error)"))
                }
            }
            await backends.close()
        } catch {
            checks.append(DeploymentCheck("redis", .bad, error.description))
        }
        let backends = [
            ("redis", settings.usesRedis), ("s3", settings.usesS3), ("opensearch", settings.usesOpenSearch),
        ]
        for (name, isUsed) in backends where !isUsed {
            checks.append(DeploymentCheck(name, .absent, "not set"))
        }
        try? await threads.shutdownGracefully()
        return checks
    }

    /// The name that other servers see must lead to an address, or they distrust what comes from here.
    private static func addressCheck(_ settings: PlatformSettings) async -> DeploymentCheck {
        let name = "DNS of \(settings.hostname)"
        do {
            let found = try await resolver(settings).addresses("\(settings.hostname)").records
            guard !found.isEmpty else { return DeploymentCheck(name, .bad, "has no address") }
            return DeploymentCheck(name, .good, found.map { "\($0)" }.joined(separator: ", "))
        } catch {
            return DeploymentCheck(name, .bad, "\(error)")
        }
    }
}
