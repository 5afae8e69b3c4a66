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
    "ports": ["NIOCore", "Tracing"],
    "engines": ["Logging", "Metrics", "DequeModule", "NIOCore"],
    "runtime": [
        "Logging", "Metrics", "NIOCore", "NIOPosix", "NIOSSL", "NIOConcurrencyHelpers", "Hummingbird",
        "HummingbirdCore", "ServiceLifecycle", "UnixSignals", "HTTPTypes", "Tracing",
    ],
    "adapters": [
        "Logging", "Metrics", "NIOCore", "NIOPosix", "NIOTLS", "NIOSSL", "NIOHTTP1", "GRDB", "GRDBSQLite",
        "DequeModule", "AsyncHTTPClient", "Tracing",
    ],
    "hosting": ["ServiceLifecycle", "NIOPosix", "Logging", "Metrics"],
    "Server": [
        "Logging", "Metrics", "NIOCore", "NIOPosix", "NIOTLS", "NIOSSL", "Hummingbird", "HTTPTypes", "ServiceLifecycle",
        "ArgumentParser", "DequeModule",
    ],
    "wiring": ["Tracing", "Logging", "Metrics", "ServiceLifecycle", "UnixSignals", "NIOCore", "NIOPosix", "NIOSSL"],
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
    "PostgresTesting": ["ProcessTesting"],
    "BackendTesting": ["ProcessTesting"],
]

let nio = "swift-nio"
let products: [String: String] = [
    "NIOCore": nio, "NIOPosix": nio, "NIOTLS": nio, "NIOConcurrencyHelpers": nio, "NIOEmbedded": nio, "NIOHTTP1": nio,
    "NIOSSL": "swift-nio-ssl", "Logging": "swift-log", "Metrics": "swift-metrics",
    "Tracing": "swift-distributed-tracing",
    "DequeModule": "swift-collections", "Hummingbird": "hummingbird", "HummingbirdCore": "hummingbird",
    "HTTPTypes": "swift-http-types",
    "ServiceLifecycle": "swift-service-lifecycle", "UnixSignals": "swift-service-lifecycle",
    "AsyncHTTPClient": "async-http-client",
    "GRDB": "GRDB.swift", "GRDBSQLite": "GRDB.swift", "ArgumentParser": "swift-argument-parser",
]

func dependency(_ name: String) -> Target.Dependency {
    products[name].map { .product(name: name, package: $0) } ?? .target(name: name)
}

/// Targets by name, and what each needs.
typealias Needs = KeyValuePairs<String, [String]>

func libraries(_ layer: String, _ needs: Needs) -> [Target] {
    needs.map { .target(name: $0, dependencies: $1.map(dependency), path: "packages/\(layer)/\($0)") }
}

func system(_ name: String, pkgConfig: String? = nil, apt: String) -> Target {
    .systemLibrary(name: name, path: "packages/system/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

/// By folder and name.
func servers(_ needs: Needs) -> [Target] {
    needs.map { place, needs in
        let parts = place.split(separator: "/").map(String.init)
        return .target(name: parts[1], dependencies: needs.map(dependency), path: "services/\(parts[0])/Server")
    }
}

func programs(_ needs: Needs) -> [Target] {
    needs.map { .executableTarget(name: $0, dependencies: $1.map(dependency), path: "services/\($0)/Main") }
}

func tests(_ needs: Needs) -> [Target] {
    needs.map { .testTarget(name: $0, dependencies: $1.map(dependency), path: "Tests/\($0)") }
}

let model = ["ByteParsing", "MailModel"]
let serving = [
    "ServiceHost", "MailModel", "MailPorts", "Telemetry", "PlatformConfig", "NetKit", "Logging", "Metrics", "NIOCore",
    "NIOPosix", "ServiceLifecycle",
]

let package = Package(
    name: "oonrumail",
    platforms: [.macOS(.v26)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    ],
    targets: [
        [
            system("CSodium", pkgConfig: "libsodium", apt: "libsodium-dev"),
            system("COpenSSL", pkgConfig: "libcrypto", apt: "libssl-dev"),
            system("CUnbound", apt: "libunbound-dev"),
            system("CLibPQ", pkgConfig: "libpq", apt: "libpq-dev"),
            system("CLDAP", apt: "libldap-dev"),
            system("CCrypt", apt: "libcrypt-dev"),
            system("CHiredis", apt: "libhiredis-dev"),
            system("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        ],
        libraries("base", ["ByteParsing": [], "MailModel": [], "MailCrypto": ["CSodium", "COpenSSL"]]),
        libraries(
            "wire",
            [
                "MessageFormat": model,
                "WebAuthn": ["ByteParsing"],
                "SMTPWire": model + ["NIOCore"],
                "IMAPWire": model + ["NIOCore"],
                "SASLMechanisms": model,
                "OpenIDWire": ["MailModel", "MailCrypto"],
                "CSVWire": [],
                "TLSWire": [],
                "DNSWire": ["ByteParsing", "MailModel", "MailCrypto"],
                "SieveScript": model,
                "SafeHTML": ["ByteParsing"],
            ]
        ),
        libraries("ports", ["MailPorts": ["MailModel", "NIOCore", "Tracing"]]),
        libraries(
            "engines",
            [
                "SenderAuth": model + ["MailCrypto", "MessageFormat", "MailPorts", "NIOCore"],
                "MailboxEngine": model + [
                    "MessageFormat", "IMAPWire", "MailPorts", "NIOCore", "DequeModule", "Logging",
                ],
                "MailDelivery": model + [
                    "MessageFormat", "SieveScript", "MailPorts", "SenderAuth", "NIOCore", "Logging", "Metrics",
                ],
                "MailPolicy": model + ["MessageFormat", "SafeHTML", "MailPorts"],
                "Addresses": ["MailModel", "MailCrypto", "MailPorts", "CSVWire"],
                "MailQueue": model + ["MessageFormat", "MailPorts", "NIOCore", "Logging", "Metrics"],
                "Accounts": [
                    "MailModel", "SASLMechanisms", "SieveScript", "SafeHTML", "MailCrypto", "MailPorts", "WebAuthn",
                    "Logging", "Metrics",
                ],
                "Domains": model + [
                    "MailCrypto", "MailPorts", "MessageFormat", "SenderAuth", "NIOCore", "Logging", "Metrics",
                ],
                "OpenIDProvider": ["MailModel", "MailCrypto", "MailPorts", "OpenIDWire"],
                "SingleSignOn": [
                    "ByteParsing", "MailModel", "MailCrypto", "MailPorts", "OpenIDWire", "Logging", "Metrics",
                ],
                "ClientConduct": ["MailModel", "MailCrypto", "MailPorts", "Logging", "Metrics"],
                "Directories": ["MailModel", "MailPorts", "Logging", "Metrics"],
                "MailSearch": ["MailModel", "MailPorts", "MessageFormat", "NIOCore", "Logging", "Metrics"],
            ]
        ),
        libraries(
            "runtime",
            [
                "Telemetry": ["MailModel", "Logging", "Metrics"],
                "PlatformConfig": ["MailModel"],
                "NetKit": [
                    "Telemetry", "MailModel", "Logging", "Metrics", "NIOCore", "NIOPosix", "NIOSSL", "ServiceLifecycle",
                ],
                "HTTPKit": [
                    "MailModel", "MailCrypto", "Telemetry", "Hummingbird", "HummingbirdCore", "HTTPTypes", "Logging",
                    "Metrics", "NIOCore", "NIOPosix", "ServiceLifecycle", "Tracing",
                ],
            ]
        ),
        libraries(
            "adapters",
            [
                "Database": [
                    "CLibPQ", "MailModel", "MailPorts", "GRDB", "GRDBSQLite", "Logging", "Metrics", "DequeModule",
                ],
                "SQLStore": model + ["Database", "MailPorts", "MailCrypto", "CZlib", "NIOCore", "Logging", "Metrics"],
                "BlobFiles": ["MailModel", "MailPorts", "MailCrypto", "CZlib", "NIOCore", "NIOPosix", "Logging"],
                "StoreMove": ["Database", "SQLStore", "MailModel", "MailPorts", "NIOCore"],
                "CacheMemory": ["MailModel", "MailPorts", "NIOCore", "Logging"],
                "CacheRedis": [
                    "CHiredis", "CacheMemory", "MailModel", "MailPorts", "NIOCore", "NIOPosix", "NIOSSL", "Logging",
                    "Metrics", "DequeModule",
                ],
                "BlobS3": [
                    "MailModel", "MailPorts", "MailCrypto", "NIOCore", "NIOPosix", "NIOSSL", "NIOHTTP1",
                    "AsyncHTTPClient", "Logging", "Metrics",
                ],
                "SearchOpenSearch": [
                    "MailModel", "MailPorts", "NIOCore", "NIOHTTP1", "NIOSSL", "AsyncHTTPClient", "Logging", "Metrics",
                ],
                "TelemetryExport": [
                    "MailModel", "MailPorts", "Telemetry", "NIOCore", "NIOHTTP1", "AsyncHTTPClient", "Logging",
                    "Metrics", "Tracing",
                ],
                "TLSProbe": [
                    "ByteParsing", "MailModel", "MailPorts", "SMTPWire", "NIOCore", "NIOPosix", "NIOTLS", "NIOSSL",
                ],
                "ACMEClient": ["MailCrypto", "MailPorts", "NIOCore", "NIOHTTP1", "NIOSSL", "AsyncHTTPClient"],
                "ProviderHTTP": [
                    "MailModel", "MailPorts", "NIOCore", "NIOHTTP1", "NIOSSL", "AsyncHTTPClient", "Logging", "Metrics",
                ],
                "DNSUpdates": ["DNSWire", "MailModel", "MailPorts", "NIOCore", "NIOPosix"],
                "DirectoryLDAP": ["CLDAP", "MailModel", "MailPorts", "NIOCore", "NIOPosix", "Logging"],
                "DirectorySQL": [
                    "CCrypt", "ByteParsing", "MailModel", "MailPorts", "MailCrypto", "OpenIDWire", "NIOPosix",
                    "Logging",
                ],
                "DNSResolver": ["CUnbound", "MailModel", "MailPorts", "NIOCore", "NIOPosix", "Logging"],
                "SMTPTransport": model + [
                    "SMTPWire", "SASLMechanisms", "MailPorts", "NetKit", "NIOCore", "NIOPosix", "NIOTLS", "NIOSSL",
                    "Logging", "Metrics",
                ],
            ]
        ),
        libraries(
            "hosting",
            [
                "ServiceHost": [
                    "MailModel", "MailCrypto", "MailPorts", "Accounts", "Addresses", "Domains", "SingleSignOn",
                    "ClientConduct", "Directories", "MailDelivery", "SenderAuth", "PlatformConfig", "NetKit", "HTTPKit",
                    "ServiceLifecycle", "NIOPosix", "Telemetry", "Logging", "Metrics",
                ]
            ]
        ),
        libraries(
            "wiring",
            [
                "Wiring": [
                    "ServiceHost", "ByteParsing", "MailModel", "MailCrypto", "MailPorts", "Telemetry", "PlatformConfig",
                    "NetKit", "HTTPKit", "Database", "SQLStore", "StoreMove", "BlobFiles", "BlobS3", "SearchOpenSearch",
                    "CacheMemory", "CacheRedis", "DNSResolver", "DNSUpdates", "TLSProbe", "ACMEClient", "SMTPTransport",
                    "MailDelivery", "TelemetryExport", "ProviderHTTP", "DirectoryLDAP", "DirectorySQL", "Directories",
                    "Accounts", "SingleSignOn", "Domains", "ClientConduct", "Logging", "Metrics", "Tracing",
                    "ServiceLifecycle", "UnixSignals", "NIOCore", "NIOPosix", "NIOSSL",
                ]
            ]
        ),
        servers([
            "smtp-server/SMTPServer": serving + [
                "ByteParsing", "SMTPWire", "SASLMechanisms", "MessageFormat", "MailDelivery", "MailPolicy", "MailQueue",
                "SenderAuth", "Accounts", "NIOTLS", "NIOSSL",
            ],
            "imap-server/IMAPServer": serving + [
                "ByteParsing", "IMAPWire", "SASLMechanisms", "MessageFormat", "MailboxEngine", "Accounts", "NIOTLS",
                "NIOSSL", "DequeModule",
            ],
            "auth/AuthServer": [
                "MailModel", "MailPorts", "MailCrypto", "WebAuthn", "HTTPKit", "Telemetry", "Accounts", "Addresses",
                "Domains", "MailboxEngine", "OpenIDProvider", "OpenIDWire", "SingleSignOn", "ServiceHost",
                "ClientConduct", "PlatformConfig", "MailDelivery", "SenderAuth", "Logging", "Metrics",
                "ServiceLifecycle",
            ],
            "storage/StorageServer": [
                "ServiceHost", "PlatformConfig", "MailModel", "MailPorts", "MailSearch", "Accounts", "Telemetry",
                "HTTPKit", "Logging", "Metrics", "ServiceLifecycle",
            ],
            "domain-manager/DomainManagerServer": [
                "ServiceHost", "MailModel", "MailPorts", "HTTPKit", "Telemetry", "Accounts", "Addresses", "Domains",
                "OpenIDProvider", "SingleSignOn", "Directories", "SenderAuth", "MailPolicy", "PlatformConfig", "NetKit",
                "TLSWire", "NIOCore", "NIOTLS", "NIOSSL", "Logging", "Metrics", "ServiceLifecycle",
            ],
            "oonrumail/OperatorCommands": [
                "ByteParsing", "MailModel", "MailPorts", "MailCrypto", "MessageFormat", "Accounts", "Addresses",
                "Domains", "OpenIDProvider", "SingleSignOn", "Directories", "MailQueue", "MailboxEngine", "MailPolicy",
                "MailDelivery", "ClientConduct", "ServiceHost", "PlatformConfig", "Telemetry", "ArgumentParser",
                "NIOCore", "Logging",
            ],
        ]),
        programs([
            "auth": ["Wiring", "AuthServer"],
            "storage": ["Wiring", "StorageServer"],
            "domain-manager": ["Wiring", "DomainManagerServer"],
            "smtp-server": ["Wiring", "SMTPServer"],
            "imap-server": ["Wiring", "IMAPServer"],
            "oonrumail": [
                "Wiring", "OperatorCommands", "AuthServer", "StorageServer", "DomainManagerServer", "SMTPServer",
                "IMAPServer",
            ],
        ]),
        libraries(
            "testing",
            [
                "ProcessTesting": [],
                "PostgresTesting": ["CLibPQ", "ProcessTesting"],
                "BackendTesting": ["ProcessTesting"],
                "MailTesting": ["MailModel", "MailPorts", "NIOCore"],
            ]
        ),
        tests([
            "MailModelTests": ["MailModel"],
            "SMTPTransportTests": [
                "MailModel", "MailCrypto", "MailPorts", "SMTPWire", "SMTPTransport", "NIOCore", "NIOPosix", "NIOSSL",
            ],
            "SMTPServerTests": [
                "MailModel", "MailPorts", "MailCrypto", "MailDelivery", "MailPolicy", "Accounts", "PlatformConfig",
                "NetKit", "SMTPWire", "SMTPServer", "MailTesting", "NIOCore", "NIOPosix", "NIOEmbedded", "Logging",
            ],
            "DNSResolverTests": ["MailModel", "MailPorts", "DNSResolver", "NIOCore", "NIOPosix"],
            "MailboxEngineTests": [
                "MailModel", "MailPorts", "IMAPWire", "MessageFormat", "MailboxEngine", "SQLStore", "BlobFiles",
                "CacheMemory", "NIOCore", "NIOPosix", "Logging",
            ],
            "IMAPServerTests": [
                "MailModel", "MailPorts", "MailCrypto", "Accounts", "SQLStore", "BlobFiles", "CacheMemory",
                "PlatformConfig", "NetKit", "Telemetry", "IMAPServer", "NIOCore", "NIOPosix", "ServiceLifecycle",
                "Logging", "ProcessTesting",
            ],
            "ByteParsingTests": ["ByteParsing"],
            "MessageFormatTests": model + ["MessageFormat"],
            "IMAPWireTests": model + ["IMAPWire", "NIOCore"],
            "SQLStoreTests": [
                "MailModel", "MailPorts", "MailCrypto", "Database", "SQLStore", "BlobFiles", "CacheMemory",
                "PostgresTesting", "NIOCore", "NIOPosix", "Logging",
            ],
            "PostgresTests": [
                "MailModel", "MailPorts", "Database", "SQLStore", "BlobFiles", "CacheMemory", "PostgresTesting",
                "ProcessTesting", "NIOCore", "NIOPosix", "Logging",
            ],
            "BlobFilesTests": ["MailModel", "MailPorts", "MailCrypto", "BlobFiles", "NIOCore", "NIOPosix", "Logging"],
            "CacheMemoryTests": ["MailModel", "MailPorts", "CacheMemory"],
            "CacheRedisTests": [
                "MailModel", "MailPorts", "CacheMemory", "CacheRedis", "BackendTesting", "NIOCore", "NIOPosix",
                "Logging",
            ],
            "BlobS3Tests": [
                "MailModel", "MailPorts", "MailCrypto", "BlobFiles", "BlobS3", "BackendTesting", "NIOCore", "NIOPosix",
                "Logging",
            ],
            "SenderAuthTests": model + ["MailCrypto", "MailPorts", "SenderAuth", "MailTesting", "NIOCore"],
            "DomainsTests": [
                "ByteParsing", "MailModel", "MailCrypto", "MailPorts", "MailDelivery", "SenderAuth", "Domains",
                "Telemetry", "MailTesting", "Logging",
            ],
            "MailDeliveryTests": [
                "MailModel", "MailPorts", "MailCrypto", "MessageFormat", "SieveScript", "MailDelivery", "SenderAuth",
                "Telemetry", "MailTesting", "NIOCore", "Logging",
            ],
            "MailPolicyTests": model + ["MessageFormat", "MailPorts", "MailPolicy", "MailTesting"],
            "MailQueueTests": [
                "MailModel", "MailPorts", "MessageFormat", "MailQueue", "MailTesting", "NIOCore", "Logging",
            ],
            "MailCryptoTests": ["ByteParsing", "MailCrypto", "ProcessTesting"],
            "OpenIDProviderTests": ["MailModel", "MailPorts", "OpenIDProvider", "OpenIDWire"],
            "NetKitTests": ["MailModel", "NetKit", "NIOCore"],
            "SMTPWireTests": model + ["SMTPWire", "NIOCore"],
            "SASLMechanismsTests": ["ByteParsing", "SASLMechanisms"],
            "OpenIDWireTests": ["MailModel", "MailCrypto", "OpenIDWire"],
            "ProviderHTTPTests": ["MailModel", "MailPorts", "ProviderHTTP", "MailTesting", "NIOCore", "NIOPosix"],
            "DirectoryTests": [
                "MailModel", "MailPorts", "MailCrypto", "Directories", "DirectoryLDAP", "DirectorySQL", "MailTesting",
                "Logging",
            ],
            "CSVWireTests": ["CSVWire"],
            "TLSWireTests": ["TLSWire"],
            "DNSWireTests": ["ByteParsing", "MailCrypto", "DNSWire"],
            "SafeHTMLTests": ["SafeHTML"],
            "SieveScriptTests": model + ["MessageFormat", "SieveScript"],
            "TLSProbeTests": ["MailPorts", "TLSProbe", "NIOCore"],
            "AddressesTests": ["MailModel", "MailPorts", "CSVWire", "Addresses", "Telemetry", "MailTesting"],
            "WebAuthnTests": ["WebAuthn", "MailCrypto"],
            "TelemetryExportTests": ["MailPorts", "TelemetryExport", "NIOPosix", "Tracing"],
            "TelemetryTests": ["MailModel", "Telemetry", "Logging", "Metrics"],
            "PlatformConfigTests": ["MailModel", "PlatformConfig"],
            "AccountsTests": [
                "MailModel", "MailPorts", "MailCrypto", "WebAuthn", "SASLMechanisms", "Accounts", "Telemetry",
                "MailTesting", "Logging",
            ],
            "ClientConductTests": [
                "MailModel", "MailPorts", "ClientConduct", "CacheMemory", "Telemetry", "MailTesting",
            ],
            "HTTPKitTests": [
                "MailModel", "MailPorts", "MailCrypto", "HTTPKit", "Telemetry", "Accounts", "Domains", "AuthServer",
                "DomainManagerServer", "StorageServer", "ServiceHost", "MailTesting", "NIOCore", "NIOPosix",
                "ServiceLifecycle", "Logging",
            ],
            "OperatorCommandsTests": [
                "MailModel", "MailPorts", "MailCrypto", "PlatformConfig", "Accounts", "Domains", "Telemetry",
                "OperatorCommands", "MailTesting", "Logging",
            ],
        ]),
    ].flatMap { $0 },
    swiftLanguageModes: [.v6]
)

// MARK: - Fuzz targets

/// `OONRUMAIL_FUZZ=SMTPFuzz` adds that target and instruments what it drives; see scripts/fuzz.sh.
let fuzzTargets = [
    "SMTPFuzz": ["SMTPWire"], "IMAPFuzz": ["IMAPWire"], "MessageFuzz": ["MessageFormat"], "CSVFuzz": ["CSVWire"],
    "TLSFuzz": ["TLSWire"], "DNSFuzz": ["DNSWire"], "SieveFuzz": ["SieveScript"],
]
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
        "StoreBench": [
            "MailModel", "MailPorts", "Database", "SQLStore", "BlobFiles", "CacheMemory", "NIOCore", "NIOPosix",
            "Logging",
        ],
        "ParseBench": ["MailModel", "MessageFormat", "SieveScript", "DNSWire"],
    ]
    package.targets += needs.map {
        .executableTarget(name: $0, dependencies: $1.map(dependency), path: "Tests/Benchmarks/\($0)")
    }
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
