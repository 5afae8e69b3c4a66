import BackendTesting
import CacheRedis
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// What was logged, for tests that count outages.
final class Kept: LogHandler, Sendable {
    private let lines = Mutex<[String]>([])
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .info }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
    func log(event: LogEvent) {
        lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
    var all: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in self } }
}

extension RedisOptions {
    init(_ servers: [LoopbackServer]) {
        self.init(servers.map { Endpoint(host: "127.0.0.1", port: $0.port) })
        firstRetry = .milliseconds(20)
        longestRetry = .milliseconds(200)
        keepAlive = .milliseconds(200)
        // Hundreds of tests share the processor; who wants to see a time limit sets one.
        commandTimeout = .seconds(30)
        connectTimeout = .seconds(30)
        refreshInterval = .milliseconds(100)
        isCluster = servers.count > 1
    }

    func client(_ log: Kept = Kept()) throws -> RedisClient {
        try RedisClient(self, group: .singletonMultiThreadedEventLoopGroup, logger: log.logger)
    }
}

/// Asks until it holds, 20 seconds at most.
func eventually(_ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}
