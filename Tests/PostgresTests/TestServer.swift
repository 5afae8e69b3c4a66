import Database
import Glibc
import Logging
import MailPorts
import PostgresTesting
import Synchronization
import Testing

/// Keeps what is logged.
final class KeptLog: Sendable {
    private let lines = Mutex<[String]>([])
    var text: String { lines.withLock { $0.joined(separator: "\n") } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: KeptLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { log.add("\(event.message) \(event.metadata ?? [:])") }
    }
}

/// A schema on the shared cluster, and options that lead to it.
struct TestServer: Sendable {
    let cluster: PostgresCluster
    let role: String
    let log = KeptLog()

    init() async throws {
        cluster = try #require(PostgresCluster.shared)
        role = try await TestPlaces.shared.make()
    }

    var options: PostgresOptions {
        var options = PostgresOptions()
        options.host = cluster.folder
        options.port = cluster.port
        options.user = role
        options.database = TestPlaces.database
        return options
    }

    var overTCP: PostgresOptions {
        var options = options
        options.host = "127.0.0.1"
        options.password = role
        return options
    }

    func open(_ change: (inout PostgresOptions) -> Void = { _ in }) async throws(StoreError) -> PostgresDatabase {
        var options = options
        change(&options)
        return try await PostgresDatabase.open(options, logger: log.logger)
    }
}

/// What an operation threw.
func failure(of body: () async throws -> Void) async -> StoreError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? StoreError
    }
}

extension StoreError {
    var isUnavailable: Bool {
        if case .unavailable = self { true } else { false }
    }
    var refusal: String {
        if case .refused(let text) = self { text } else { "\(self)" }
    }
}

extension PostgresDatabase {
    func value(_ sql: String, _ values: [SQLValue] = []) async throws(StoreError) -> String {
        try await read { connection throws(StoreError) in
            try connection.first(sql, values) { row throws(StoreError) in row.text(0) } ?? ""
        }
    }

    @discardableResult
    func run(_ sql: String, _ values: [SQLValue] = []) async throws(StoreError) -> Int {
        try await write { connection throws(StoreError) in try connection.execute(sql, values) }
    }
}
