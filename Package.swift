// swift-tools-version: 6.2
import PackageDescription

// The manifest is the architecture: a target's layer is the folder that it lies in, and a dependency
// that its layer may not have stops the package from loading. See docs/ARCHITECTURE.md.

/// What each layer may import of ours.
let mayImport: [String: Set<String>] = [
    "system": [],
    "base": ["system"],
    "wire": ["base"],
    "ports": ["base", "wire"],
    "engines": ["base", "wire", "ports"],
    "runtime": ["system", "base"],
    "adapters": ["system", "base", "wire", "ports", "runtime"],
    "hosting": ["base", "ports", "engines", "runtime"],
    "Server": ["base", "wire", "ports", "engines", "runtime", "hosting"],
    "wiring": ["base", "ports", "engines", "adapters", "runtime", "hosting"],
    "Main": ["wiring", "Server"],
    "testing": ["system", "base", "wire", "ports", "runtime", "adapters"],
    "Tools": ["base", "wire", "ports", "engines", "runtime", "adapters", "wiring"],
]

/// What each layer may import of others.
let mayImportProducts: [String: Set<String>] = [
    "wire": ["NIOCore"],
    "ports": ["NIOCore"],
    "engines": ["Logging", "Metrics", "DequeModule", "NIOCore"],
    "runtime": [
        "Logging", "Metrics", "NIOCore", "NIOPosix", "NIOSSL", "NIOConcurrencyHelpers", "Hummingbird",
        "HummingbirdCore",
        "ServiceLifecycle", "UnixSignals", "HTTPTypes",
    ],
    "adapters": [
        "Logging", "Metrics", "NIOCore", "NIOPosix", "NIOTLS", "NIOSSL", "NIOHTTP1", "GRDB", "GRDBSQLite",
        "DequeModule",
        "AsyncHTTPClient",
    ],
    "hosting": ["ServiceLifecycle", "NIOPosix"],
    "Server": [
        "Logging", "Metrics", "NIOCore", "NIOPosix", "NIOTLS", "NIOSSL", "Hummingbird", "HTTPTypes", "ServiceLifecycle",
        "ArgumentParser", "DequeModule",
    ],
    "wiring": ["Logging", "Metrics", "ServiceLifecycle", "UnixSignals", "NIOCore", "NIOPosix", "NIOSSL"],
    "testing": ["NIOCore", "Logging"],
    "Tools": ["NIOCore", "NIOPosix", "Logging", "ArgumentParser"],
]

/// Imports within a layer, pair by pair, ten at most.
let siblings: [String: Set<String>] = [
    "HTTPKit": ["Telemetry"],
    "NetKit": ["Telemetry"],
    "MailDelivery": ["SenderAuth"],
    "Domains": ["SenderAuth"],
    "SQLStore": ["Database"],
    "StoreMove": ["Database", "SQLStore"],
    "CacheRedis": ["CacheMemory"],
    "BackendTesting": ["PostgresTesting"],
]

let nio = "swift-nio"
let products: [String: String] = [
    "NIOCore": nio, "NIOPosix": nio, "NIOTLS": nio, "NIOConcurrencyHelpers": nio, "NIOEmbedded": nio, "NIOHTTP1": nio,
    "NIOSSL": "swift-nio-ssl", "Logging": "swift-log", "Metrics": "swift-metrics",
    "DequeModule": "swift-collections", "Hummingbird": "hummingbird", "HummingbirdCore": "hummingbird",
    "HTTPTypes": "swift-http-types",
    "ServiceLifecycle": "swift-service-lifecycle", "UnixSignals": "swift-service-lifecycle",
    "AsyncHTTPClient": "async-http-client",
    "GRDB": "GRDB.swift", "GRDBSQLite": "GRDB.swift", "ArgumentParser": "swift-argument-parser",
]

func dependency(_ name: String) -> Target.Dependency {
    products[name].map { .product(name: name, package: $0) } ?? .target(name: name)
}

func library(_ layer: String, _ name: String, _ needs: [String] = []) -> Target {
    .target(name: name, dependencies: needs.map(dependency), path: "packages/\(layer)/\(name)")
}

func system(_ name: String, pkgConfig: String? = nil, apt: String) -> Target {
    .systemLibrary(name: name, path: "packages/system/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func server(_ name: String, at folder: String, _ needs: [String]) -> Target {
    .target(name: name, dependencies: needs.map(dependency), path: "services/\(folder)/Server")
}

func main(_ name: String, _ needs: [String]) -> Target {
    .executableTarget(name: name, dependencies: needs.map(dependency), path: "services/\(name)/Main")
}

func tests(_ name: String, _ needs: [String]) -> Target {
    .testTarget(name: name, dependencies: needs.map(dependency), path: "Tests/\(name)")
}

let model = ["ByteParsing", "MailModel"]
let serving = [
    "ServiceHost", "MailModel", "MailPorts", "Telemetry", "PlatformConfig", "NetKit", "Logging", "Metrics", "NIOCore",
    "NIOPosix",
    "ServiceLifecycle",
]

let package = Package(
    name: "oonrumail",
    platforms: [.macOS(.v26)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    ],
    targets: [
        system("CSodium", pkgConfig: "libsodium", apt: "libsodium-dev"),
        system("COpenSSL", pkgConfig: "libcrypto", apt: "libssl-dev"),
        system("CUnbound", apt: "libunbound-dev"),
        system("CLibPQ", pkgConfig: "libpq", apt: "libpq-dev"),
        system("CHiredis", apt: "libhiredis-dev"),
        system("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),

        library("base", "ByteParsing"),
        library("base", "MailModel"),
        library("base", "MailCrypto", ["CSodium", "COpenSSL"]),

        library("wire", "MessageFormat", model),
        library("wire", "SMTPWire", model + ["NIOCore"]),
        library("wire", "IMAPWire", model + ["NIOCore"]),
        library("wire", "SASLMechanisms", model),

        library("ports", "MailPorts", ["MailModel", "NIOCore"]),

        library("engines", "SenderAuth", model + ["MailCrypto", "MessageFormat", "MailPorts", "NIOCore"]),
        library(
            "engines",
            "MailboxEngine",
            model + ["MessageFormat", "IMAPWire", "MailPorts", "NIOCore", "DequeModule", "Logging"]
        ),
        library(
            "engines",
            "MailDelivery",
            model + ["MessageFormat", "MailPorts", "SenderAuth", "NIOCore", "Logging", "Metrics"]
        ),
        library("engines", "MailQueue", model + ["MessageFormat", "MailPorts", "NIOCore", "Logging", "Metrics"]),
        library("engines", "Accounts", ["MailModel", "MailCrypto", "MailPorts", "Logging", "Metrics"]),
        library(
            "engines",
            "Domains",
            ["MailModel", "MailCrypto", "MailPorts", "MessageFormat", "SenderAuth", "NIOCore", "Logging", "Metrics"]
        ),

        library("runtime", "Telemetry", ["MailModel", "Logging", "Metrics"]),
        library("runtime", "PlatformConfig", ["MailModel"]),
        library(
            "runtime",
            "NetKit",
            ["Telemetry", "MailModel", "Logging", "Metrics", "NIOCore", "NIOPosix", "NIOSSL", "ServiceLifecycle"]
        ),
        library(
            "runtime",
            "HTTPKit",
            [
                "MailModel", "Telemetry", "Hummingbird", "HummingbirdCore", "HTTPTypes", "Logging", "Metrics",
                "NIOCore", "NIOPosix", "ServiceLifecycle",
            ]
        ),

        library(
            "adapters",
            "Database",
            ["CLibPQ", "MailModel", "MailPorts", "GRDB", "GRDBSQLite", "Logging", "Metrics", "DequeModule"]
        ),
        library(
            "adapters",
            "SQLStore",
            ["Database", "MailModel", "MailPorts", "MailCrypto", "CZlib", "NIOCore", "Logging", "Metrics"]
        ),
        library(
            "adapters",
            "BlobFiles",
            ["MailModel", "MailPorts", "MailCrypto", "CZlib", "NIOCore", "NIOPosix", "Logging"]
        ),
        library("adapters", "StoreMove", ["Database", "SQLStore", "MailModel", "MailPorts", "NIOCore"]),
        library("adapters", "CacheMemory", ["MailModel", "MailPorts", "NIOCore", "Logging"]),
        library(
            "adapters",
            "CacheRedis",
            [
                "CHiredis", "CacheMemory", "MailModel", "MailPorts", "NIOCore", "NIOPosix", "NIOSSL", "Logging",
                "Metrics",
                "DequeModule",
            ]
        ),
        library(
            "adapters",
            "BlobS3",
            [
                "MailModel", "MailPorts", "MailCrypto", "NIOCore", "NIOPosix", "NIOSSL", "NIOHTTP1", "AsyncHTTPClient",
                "Logging", "Metrics",
            ]
        ),
        library("adapters", "DNSResolver", ["CUnbound", "MailModel", "MailPorts", "NIOCore", "NIOPosix", "Logging"]),
        library(
            "adapters",
            "SMTPTransport",
            model + [
                "SMTPWire", "SASLMechanisms", "MailPorts", "NetKit", "NIOCore", "NIOPosix", "NIOTLS", "NIOSSL",
                "Logging", "Metrics",
            ]
        ),

        library(
            "hosting",
            "ServiceHost",
            [
                "MailModel", "MailCrypto", "MailPorts", "Accounts", "Domains", "PlatformConfig", "NetKit", "HTTPKit",
                "ServiceLifecycle", "NIOPosix",
            ]
        ),

        library(
            "wiring",
            "Wiring",
            [
                "ServiceHost", "ByteParsing",
                "MailModel", "MailCrypto", "MailPorts", "Telemetry", "PlatformConfig", "NetKit", "HTTPKit", "Database",
                "SQLStore", "StoreMove", "BlobFiles", "BlobS3", "CacheMemory", "CacheRedis", "DNSResolver",
                "SMTPTransport", "Accounts",
                "Domains", "Logging", "Metrics", "ServiceLifecycle", "UnixSignals", "NIOCore", "NIOPosix", "NIOSSL",
            ]
        ),

        server(
            "SMTPServer",
            at: "smtp-server",
            serving + [
                "ByteParsing", "SMTPWire", "SASLMechanisms", "MessageFormat", "MailDelivery", "MailQueue", "SenderAuth",
                "Accounts", "NIOTLS", "NIOSSL",
            ]
        ),
        server(
            "IMAPServer",
            at: "imap-server",
            serving + [
                "ByteParsing", "IMAPWire", "SASLMechanisms", "MessageFormat", "MailboxEngine", "Accounts", "NIOTLS",
                "NIOSSL", "DequeModule",
            ]
        ),
        server(
            "AuthServer",
            at: "auth",
            ["MailModel", "MailPorts", "HTTPKit", "Telemetry", "Accounts", "ServiceHost"]
        ),
        server(
            "StorageServer",
            at: "storage",
            [
                "ServiceHost", "PlatformConfig", "MailModel", "MailPorts", "HTTPKit", "Logging", "Metrics",
                "ServiceLifecycle",
            ]
        ),
        server(
            "DomainManagerServer",
            at: "domain-manager",
            [
                "ServiceHost", "MailModel", "MailPorts", "HTTPKit", "Telemetry", "Accounts", "Domains", "SenderAuth",
                "PlatformConfig", "Logging", "Metrics", "ServiceLifecycle",
            ]
        ),
        server(
            "OperatorCommands",
            at: "oonrumail",
            [
                "ByteParsing", "MailModel", "MailPorts", "MessageFormat", "Accounts", "Domains", "MailQueue",
                "PlatformConfig", "Telemetry", "ArgumentParser", "NIOCore", "Logging",
            ]
        ),

        main("auth", ["Wiring", "AuthServer"]),
        main("storage", ["Wiring", "StorageServer"]),
        main("domain-manager", ["Wiring", "DomainManagerServer"]),
        main("smtp-server", ["Wiring", "SMTPServer"]),
        main("imap-server", ["Wiring", "IMAPServer"]),
        main(
            "oonrumail",
            [
                "Wiring", "OperatorCommands", "AuthServer", "StorageServer", "DomainManagerServer", "SMTPServer",
                "IMAPServer",
            ]
        ),

        tests("MailModelTests", ["MailModel"]),
        tests(
            "SMTPTransportTests",
            [
                "MailModel", "MailCrypto", "MailPorts", "SMTPWire", "SMTPTransport", "NIOCore", "NIOPosix", "NIOSSL",
            ]
        ),
        tests(
            "SMTPServerTests",
            [
                "MailModel", "MailPorts", "MailCrypto", "MailDelivery", "Accounts", "PlatformConfig", "NetKit",
                "SMTPWire",
                "SMTPServer", "MailTesting", "NIOCore", "NIOPosix", "NIOEmbedded", "Logging",
            ]
        ),
        tests("DNSResolverTests", ["MailModel", "MailPorts", "DNSResolver", "NIOCore", "NIOPosix"]),
        tests(
            "MailboxEngineTests",
            ["MailModel", "MailPorts", "IMAPWire", "MessageFormat", "MailboxEngine", "NIOCore"]
        ),
        tests(
            "IMAPServerTests",
            [
                "MailModel", "MailPorts", "MailCrypto", "Accounts", "SQLStore", "BlobFiles", "CacheMemory",
                "PlatformConfig", "NetKit", "Telemetry",
                "IMAPServer", "NIOCore", "NIOPosix", "ServiceLifecycle", "Logging",
            ]
        ),
        tests("ByteParsingTests", ["ByteParsing"]),
        tests("MessageFormatTests", model + ["MessageFormat"]),
        tests("IMAPWireTests", model + ["IMAPWire", "NIOCore"]),
        tests(
            "SQLStoreTests",
            [
                "MailModel", "MailPorts", "MailCrypto", "Database", "SQLStore", "BlobFiles", "CacheMemory",
                "PostgresTesting", "NIOCore", "NIOPosix", "Logging",
            ]
        ),
        tests(
            "PostgresTests",
            [
                "MailModel", "MailPorts", "Database", "SQLStore", "BlobFiles", "CacheMemory", "PostgresTesting",
                "NIOCore", "NIOPosix", "Logging",
            ]
        ),
        tests(
            "BlobFilesTests",
            ["MailModel", "MailPorts", "MailCrypto", "BlobFiles", "NIOCore", "NIOPosix", "Logging"]
        ),
        tests("CacheMemoryTests", ["MailModel", "MailPorts", "CacheMemory"]),
        tests(
            "CacheRedisTests",
            [
                "MailModel", "MailPorts", "CacheMemory", "CacheRedis", "BackendTesting", "NIOCore", "NIOPosix",
                "Logging",
            ]
        ),
        tests(
            "BlobS3Tests",
            [
                "MailModel", "MailPorts", "MailCrypto", "BlobFiles", "BlobS3", "BackendTesting", "NIOCore", "NIOPosix",
                "Logging",
            ]
        ),
        tests("SenderAuthTests", model + ["MailCrypto", "MailPorts", "SenderAuth", "MailTesting", "NIOCore"]),
        tests(
            "DomainsTests",
            [
                "ByteParsing", "MailModel", "MailCrypto", "MailPorts", "SenderAuth", "Domains", "Telemetry",
                "MailTesting", "Logging",
            ]
        ),
        tests(
            "MailDeliveryTests",
            ["MailModel", "MailPorts", "MessageFormat", "MailDelivery", "MailTesting", "NIOCore", "Logging"]
        ),
        tests(
            "MailQueueTests",
            ["MailModel", "MailPorts", "MessageFormat", "MailQueue", "MailTesting", "NIOCore", "Logging"]
        ),
        tests("MailCryptoTests", ["MailCrypto"]),
        tests("NetKitTests", ["MailModel", "NetKit", "NIOCore"]),
        tests("SMTPWireTests", model + ["SMTPWire", "NIOCore"]),
        tests("SASLMechanismsTests", ["SASLMechanisms"]),
        tests("TelemetryTests", ["MailModel", "Telemetry", "Logging", "Metrics"]),
        tests("PlatformConfigTests", ["MailModel", "PlatformConfig"]),
        library("testing", "PostgresTesting", ["CLibPQ"]),
        library("testing", "BackendTesting", ["PostgresTesting"]),
        library("testing", "MailTesting", ["MailModel", "MailPorts", "NIOCore"]),
        tests(
            "AccountsTests",
            ["MailModel", "MailPorts", "MailCrypto", "Accounts", "Telemetry", "MailTesting", "Logging"]
        ),
        tests(
            "HTTPKitTests",
            [
                "MailModel", "MailPorts", "MailCrypto", "HTTPKit", "Telemetry", "Accounts", "Domains", "AuthServer",
                "DomainManagerServer", "StorageServer", "MailTesting", "NIOCore", "NIOPosix", "ServiceLifecycle",
                "Logging",
            ]
        ),
        tests(
            "OperatorCommandsTests",
            [
                "MailModel", "MailPorts", "MailCrypto", "PlatformConfig", "Accounts", "Domains", "Telemetry",
                "OperatorCommands",
                "MailTesting", "Logging",
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)

// MARK: - Fuzz targets

/// `OONRUMAIL_FUZZ=SMTPFuzz` adds that target and instruments what it drives; see scripts/fuzz.sh.
let fuzzTargets = ["SMTPFuzz": ["SMTPWire"], "IMAPFuzz": ["IMAPWire"], "MessageFuzz": ["MessageFormat"]]
let fuzzed = Context.environment["OONRUMAIL_FUZZ"]
if let fuzzed, let driven = fuzzTargets[fuzzed] {
    package.targets.append(
        .executableTarget(
            name: fuzzed,
            dependencies: (model + driven + ["NIOCore"]).map(dependency),
            path: "Tests/Fuzz/\(fuzzed)",
            exclude: fuzzed == "SMTPFuzz" ? ["corpus", "smtp.dict"] : ["corpus"],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]
        )
    )
}

// MARK: - Benchmarks

/// `OONRUMAIL_BENCH=1` adds the load drivers; see scripts/bench.sh.
if Context.environment["OONRUMAIL_BENCH"] != nil {
    let needs = [
        "MailModel", "MailPorts", "Database", "SQLStore", "BlobFiles", "CacheMemory", "NIOCore", "NIOPosix", "Logging",
    ]
    package.targets.append(
        .executableTarget(
            name: "StoreBench",
            dependencies: needs.map(dependency),
            path: "Tests/Benchmarks/StoreBench"
        )
    )
}

// MARK: - The layer check

extension Target {
    /// `packages/wire/SMTPWire` lies in `wire`; `services/storage/Server` in `Server`.
    var layer: String {
        let folders = (path ?? "").split(separator: "/")
        return String(
            folders[0] == "services" || folders[0] == "apps" ? folders[2] : folders[0] == "Tests" ? "Tools" : folders[1]
        )
    }
}

let layerOf = Dictionary(uniqueKeysWithValues: package.targets.map { ($0.name, $0.layer) })
for target in package.targets where target.type != .test && target.type != .system {
    for dependency in target.dependencies {
        switch dependency {
        case .byNameItem(let name, _), .targetItem(let name, _):
            precondition(
                mayImport[target.layer, default: []].contains(layerOf[name, default: ""])
                    || siblings[target.name, default: []].contains(name),
                "\(target.name) (\(target.layer)) may not import \(name) (\(layerOf[name, default: "?"])): see docs/ARCHITECTURE.md"
            )
        case .productItem(let name, _, _, _):
            precondition(
                mayImportProducts[target.layer, default: []].contains(name),
                "\(target.name) (\(target.layer)) may not import the product \(name): see docs/ARCHITECTURE.md"
            )
        @unknown default:
            break
        }
    }
}
precondition(siblings.values.map(\.count).reduce(0, +) <= 10, "ten imports within layers at most")

// MARK: - House settings

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableExperimentalFeature("Lifetimes"),
        .treatAllWarnings(as: .error),
    ]
    if ["base", "wire", "ports", "engines"].contains(target.layer), target.name != "MailCrypto" {
        target.swiftSettings?.append(.strictMemorySafety())
    }
    if fuzzed != nil, ["base", "wire", "Tools"].contains(target.layer), target.type != .test {
        target.swiftSettings?.append(.unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library"]))
    }
}
