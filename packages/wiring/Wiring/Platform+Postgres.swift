import Database
import Glibc
import Logging
import MailModel
package import MailPorts
package import PlatformConfig
import SQLStore
import Telemetry

extension Platform {
    static func openStore(
        inPostgres settings: PlatformSettings,
        isServing: Bool,
        _ backends: Backends,
        _ clock: any WallClock,
        _ options: SQLStore.Options,
        _ logger: Logger
    ) async throws(StartupError) -> SQLStore {
        do throws(StoreError) {
            var place = settings.postgres
            if isServing { place.startWait = settings.postgresStartWait.inSeconds }
            let database = try await PostgresDatabase.open(
                place,
                replica: settings.postgresReplica,
                logger: logger
            )
            return try await SQLStore(
                database: database,
                blobs: backends.blobs,
                feed: backends.feed,
                clock: clock,
                reports: database.reports,
                options: options
            )
        } catch {
            throw StartupError("the store in PostgreSQL cannot be opened: \(text(of: error))")
        }
    }

    private static func text(of error: StoreError) -> String {
        switch error {
        case .refused(let text): text
        case .notFound, .alreadyExists, .overQuota, .levelFull: "\(error)"
        case .unavailable(let id), .damaged(let id): "the log has the cause under report \(id)"
        }
    }

    /// Brings the schema of the settings' database up to date, or only says what is missing.
    package static func migrate(_ settings: PlatformSettings, isDryRun: Bool) async throws -> SchemaPlan {
        let logger = Logger(label: "migrate")
        let database: any SQLDatabase
        if settings.usesPostgres {
            var options = settings.postgres
            // A change of a large table takes its time.
            options.statementTimeout = 3_600
            options.connections = 1
            database = try await PostgresDatabase.open(options, logger: logger)
        } else {
            let file = "\(settings.data)/oonrumail.sqlite"
            if isDryRun, access(file, F_OK) != 0 { return Migration.plan(forEmpty: .sqlite) }
            database = try SQLiteDatabase(
                path: isDryRun ? file : DataFolder(preparing: settings.data).path + "/oonrumail.sqlite",
                logger: logger
            )
        }
        do {
            let plan =
                isDryRun
                ? try await Migration.plan(for: database)
                : try await Migration.apply(to: database, now: SystemClock().now())
            await database.close()
            return plan
        } catch {
            await database.close()
            throw error
        }
    }
}

extension PlatformSettings {
    var postgres: PostgresOptions {
        var options = PostgresOptions()
        options.url = self.databaseURL?.text
        options.host = self.postgresHost
        options.port = self.postgresPort
        options.user = self.postgresUser
        options.password = self.postgresPassword?.text
        options.database = self.postgresDatabase
        options.tls = PostgresOptions.TLSMode(rawValue: self.postgresTLS.rawValue) ?? .prefer
        options.authorityFile = self.postgresAuthority
        options.connections = self.postgresConnections
        options.waitLimit = self.postgresPoolWait.inSeconds
        options.connectTimeout = Int(self.postgresConnectTimeout.inSeconds)
        options.statementTimeout = self.postgresStatementTimeout.inSeconds
        options.keepsStatements = self.postgresPreparedStatements
        return options
    }

    /// Where reads go that may lag.
    var postgresReplica: PostgresOptions? {
        var options = postgres
        if let url = self.postgresReplicaURL {
            options.url = url.text
        } else if let host = self.postgresReplicaHost {
            options = options.replica(host: host)
        } else {
            return nil
        }
        options.connections = max(1, options.connections / 4)
        // Who may read from a replica need not wait for it: the server itself answers too.
        options.waitLimit = min(options.waitLimit, 2)
        return options
    }
}

extension Duration {
    fileprivate var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
