import BlobFiles
import BlobS3
import CacheMemory
import CacheRedis
import Logging
import MailModel
import MailPorts
import NIOPosix
import PlatformConfig
import SearchOpenSearch
import Telemetry

/// What processes share beside the database: Redis for changes and limits, S3 for large messages; or, without them, the
/// memory of this process and a folder.
struct Backends: Sendable {
    var feed: any ChangeFeed
    var limiter: any RateLimiter
    /// Counters of what clients do, apart from the others: a flood that pushes out the ones leaves the others alone.
    var conductLimiter: any RateLimiter
    var blobs: any BlobStore
    /// nil where nothing is indexed.
    var index: (any SearchIndex)?
    /// nil where the database is as near.
    var domainCache: (any DomainCache)?
    /// Accounts with listeners here whose changes by other processes must be looked for in the database.
    var accountsToPoll: @Sendable () -> [AccountID]
    /// What mail flows without, by name, with the check that throws while it is away.
    var dependencies: [(name: String, check: @Sendable () async throws -> Void)] = []
    private var closing: [@Sendable () async -> Void] = []

    static func open(
        _ settings: PlatformSettings,
        _ folder: DataFolder,
        _ threads: NIOThreadPool,
        _ clock: any WallClock
    ) throws(StartupError) -> Backends {
        let memory = MemoryChangeFeed()
        var backends = Backends(
            feed: memory,
            limiter: MemoryRateLimiter(),
            conductLimiter: MemoryRateLimiter(),
            blobs: files(settings, folder, threads),
            accountsToPoll: { memory.listenedAccounts }
        )
        if settings.usesRedis { try backends.useRedis(settings) }
        if settings.usesS3 {
            let blobs = s3(settings, threads, clock)
            backends.blobs = blobs
            backends.dependencies.append(("s3", { try await blobs.checkHealth() }))
            backends.closing.append { await blobs.close() }
        }
        if settings.usesOpenSearch { backends.useOpenSearch(settings) }
        return backends
    }

    private mutating func useRedis(_ settings: PlatformSettings) throws(StartupError) {
        let options = settings.redis
        let client: RedisClient
        do {
            client = try RedisClient(
                options,
                group: .singletonMultiThreadedEventLoopGroup,
                logger: Logger(label: "redis")
            )
        } catch {
            throw StartupError("Redis (\(options)): the TLS settings cannot be used: \(error)")
        }
        let feed = RedisChangeFeed(client)
        self.feed = feed
        limiter = RedisRateLimiter(client, fallback: limiter)
        conductLimiter = RedisRateLimiter(client, fallback: conductLimiter)
        domainCache = RedisDomainCache(client)
        accountsToPoll = { feed.accountsToPoll }
        dependencies.append(("redis", { try await client.checkHealth() }))
        closing.append {
            feed.close()
            client.close()
        }
    }

    private mutating func useOpenSearch(_ settings: PlatformSettings) {
        let index = OpenSearchIndex(
            settings.openSearch,
            group: .singletonMultiThreadedEventLoopGroup,
            logger: Logger(label: "search")
        )
        self.index = index
        dependencies.append(("opensearch", { try await index.checkHealth() }))
        closing.append { await index.close() }
    }

    func close() async {
        for close in closing { await close() }
    }

    private static func files(_ settings: PlatformSettings, _ folder: DataFolder, _ threads: NIOThreadPool) -> BlobFiles
    {
        let shared = settings.usesPostgres ? settings.blobFolder : nil
        return BlobFiles(folder: shared ?? folder.blobs, threads: threads, logger: Logger(label: "store"))
    }

    private static func s3(_ settings: PlatformSettings, _ threads: NIOThreadPool, _ clock: any WallClock) -> BlobS3 {
        BlobS3(
            settings.s3,
            group: .singletonMultiThreadedEventLoopGroup,
            threads: threads,
            clock: clock,
            logger: Logger(label: "s3")
        )
    }
}

extension PlatformSettings {
    var redis: RedisOptions {
        let url = self.redisURL.flatMap { ServiceURL($0.text, schemes: ["redis", "rediss"]) }
        let hosts = (url?.host ?? self.redisHost ?? "").utf8.split(separator: 44).map {
            String(decoding: $0, as: UTF8.self)
        }
        let port = url.map { $0.port ?? 6_379 } ?? self.redisPort
        var options = RedisOptions(
            hosts.map { host in
                // host:port overrides the common port.
                HostPort(host).map { .init(host: $0.host, port: $0.port) } ?? .init(host: host, port: port)
            }
        )
        options.isCluster = self.redisIsCluster
        options.username = url?.user ?? self.redisUsername
        options.password = url?.password ?? self.redisPassword?.text
        options.database = url.flatMap { Int($0.path) } ?? self.redisDatabase
        options.usesTLS = url.map { $0.scheme == "rediss" } ?? self.redisTLS
        options.authorityFile = self.redisAuthority
        options.commandTimeout = self.redisTimeout
        return options
    }

    var openSearch: OpenSearchOptions {
        var options = OpenSearchOptions(url: self.openSearchURL ?? "")
        options.username = self.openSearchUsername
        options.password = self.openSearchPassword?.text
        options.authorityFile = self.openSearchAuthority
        options.index = self.openSearchIndex
        options.shards = self.openSearchShards
        options.replicas = self.openSearchReplicas
        return options
    }

    var s3: S3Options {
        var options = S3Options(
            endpoint: self.s3Endpoint ?? "",
            bucket: self.s3Bucket,
            accessKeyID: self.s3AccessKeyID ?? "",
            secretAccessKey: self.s3SecretAccessKey?.text ?? ""
        )
        options.region = self.s3Region
        options.usesPathStyle = self.s3UsesPathStyle
        options.authorityFile = self.s3Authority
        return options
    }
}
