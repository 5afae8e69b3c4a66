import Dispatch
import Logging

/// What must be known of a server before it is used.
struct Probe {
    var version: Int
    var encoding: String
    var isInRecovery: Bool
    var synchronousCommit: String
    var fsync: String

    /// Between two looks for a server that is away.
    private static let pause = Duration.milliseconds(500)

    /// Asks until the server answers, somebody must change something, or the time to start is over.
    static func wait(_ options: PostgresOptions, _ logger: Logger) async -> Result<Probe, PostgresFault> {
        let deadline = ContinuousClock.now + .seconds(options.startWait)
        while true {
            let outcome: Result<Probe, PostgresFault> = await withCheckedContinuation { continuation in
                PostgresDatabase.probes.async { continuation.resume(returning: make(options)) }
            }
            guard case .failure(let fault) = outcome, !fault.isPermanentRefusal else { return outcome }
            guard ContinuousClock.now + pause < deadline else { return outcome }
            logger.warning(
                "waiting for PostgreSQL",
                metadata: ["place": "\(options)", "cause": "\(fault.cause)", "limit_seconds": "\(options.startWait)"]
            )
            guard (try? await Task.sleep(for: pause)) != nil else { return outcome }
        }
    }

    /// Blocks.
    static func make(_ options: PostgresOptions) -> Result<Probe, PostgresFault> {
        do throws(PostgresFault) {
            let link = try PostgresLink(options)
            try link.send(
                """
                SELECT current_setting('server_encoding'), pg_is_in_recovery(), current_setting('synchronous_commit'),
                current_setting('fsync')
                """,
                [],
                isKept: true
            )
            guard let result = try link.settle().first, result.rows == 1 else { throw .lost("no answer") }
            let row = PostgresRow(result: result, row: 0)
            return .success(
                Probe(
                    version: link.serverVersion,
                    encoding: row.text(0),
                    isInRecovery: row.integer(1) != 0,
                    synchronousCommit: row.text(2),
                    fsync: row.text(3)
                )
            )
        } catch {
            return .failure(error)
        }
    }
}

extension PostgresDatabase {
    /// Where first connections are tried; the cooperative threads must not wait for them.
    static let probes = DispatchQueue(label: "database.probe", attributes: .concurrent)
}
