import FoundationEssentials
import MailModel
import PlatformConfig
import Testing

struct BadRow: Sendable, CustomTestStringConvertible {
    let name: String
    let value: String
    init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
    var testDescription: String { "\(name)=\(value)" }
}

@Suite struct PlatformSettingsTests {
    private func load(
        _ environment: [String: String],
        overrides: [String: String] = [:]
    ) throws(ConfigurationError) -> PlatformSettings {
        try PlatformSettings.load(SettingSources(overrides: overrides, environment: environment))
    }

    @Test func defaultsAreForDevelopment() throws {
        let settings = try load([:])
        #expect(settings.smtpPort == 2525)
        #expect(settings.addresses(\.smtpAddresses) == [IPAddress("127.0.0.1")])
        #expect(settings.maxMessageSize == 50 << 20)
        #expect(settings.queueExpiry == .seconds(432_000))
        #expect(settings.statisticsInterval == .seconds(60))
        #expect(settings.statisticsRetention == .seconds(400 * 86_400))
        #expect(settings.bootstrapAdmin == nil)
        #expect(!settings.plaintextAuthOnLoopback)
        #expect(settings.warnings.isEmpty)
    }

    @Test func productionTakesTheWellKnownPorts() throws {
        let settings = try load([:], overrides: ["OONRUMAIL_PRODUCTION": "true"])
        let ports = [
            settings.smtpPort, settings.submissionPort, settings.submissionsPort, settings.imapPort, settings.imapsPort,
        ]
        #expect(ports == [25, 587, 465, 143, 993])
        #expect(settings.addresses(\.imapAddresses) == [IPAddress("0.0.0.0")])
        #expect(settings.httpAddresses == [IPAddress("127.0.0.1")])
    }

    @Test func theCommandLineWinsOverTheEnvironmentAndAnEmptyValueIsNone() throws {
        let settings = try load(
            ["OONRUMAIL_SMTP_PORT": "3000", "OONRUMAIL_IMAP_PORT": "3001", "OONRUMAIL_BOOTSTRAP_ADMIN": ""],
            overrides: ["OONRUMAIL_SMTP_PORT": "4000"]
        )
        #expect(settings.smtpPort == 4_000)
        #expect(settings.imapPort == 3_001)
        #expect(settings.bootstrapAdmin == nil)
        let origins = Dictionary(uniqueKeysWithValues: settings.rows.map { ($0.setting.name, $0.origin) })
        #expect(origins["OONRUMAIL_SMTP_PORT"] == .commandLine)
        #expect(origins["OONRUMAIL_IMAP_PORT"] == .environment)
        #expect(origins["OONRUMAIL_HTTP_PORT"] == .standard)
    }

    @Test func theFileComesAfterTheEnvironment() throws {
        let path = FileManager.default.temporaryDirectory.appending(
            path: "settings-\(UInt64.random(in: 0 ... .max)).env"
        ).path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let text = "OONRUMAIL_SMTP_PORT=1\nOONRUMAIL_TRANSPORT_MAP='a.test=127.0.0.1:2000, *=relay.example.test'\n"
        try #require(FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
        let settings = try PlatformSettings.load(
            SettingSources(environment: ["OONRUMAIL_SMTP_PORT": "5000", "OONRUMAIL_ENV_FILE": path])
        )
        #expect(settings.smtpPort == 5_000)
        #expect(
            settings.transportMap == [
                TransportRoute(domain: "a.test", target: HostPort(host: "127.0.0.1", port: 2_000)),
                TransportRoute(domain: "*", target: HostPort(host: "relay.example.test", port: 25)),
            ]
        )
        #expect(throws: ConfigurationError(problems: ["/nowhere/.env does not exist"])) {
            try PlatformSettings.load(SettingSources(environment: [:], file: "/nowhere/.env"))
        }
    }

    @Test(
        "a bad value is one line that names setting and value",
        arguments: [
            BadRow("OONRUMAIL_SMTP_PORT", "abc"), BadRow("OONRUMAIL_SMTP_PORT", "99999"),
            BadRow("OONRUMAIL_MAX_MESSAGE_SIZE", "-1"),
            BadRow("OONRUMAIL_BOOTSTRAP_ADMIN", "nobody"), BadRow("OONRUMAIL_TRUSTED_NETWORKS", "10.0.0.0/40"),
            BadRow("OONRUMAIL_LOG_LEVEL", "loud"), BadRow("OONRUMAIL_QUEUE_EXPIRY", "never"),
            BadRow("OONRUMAIL_TRANSPORT_MAP", "a.test"),
            BadRow("OONRUMAIL_PLAINTEXT_AUTH_ON_LOOPBACK", "maybe"), BadRow("OONRUMAIL_HOSTNAME", "a..b"),
            BadRow("OONRUMAIL_BANS", "maybe"), BadRow("OONRUMAIL_BAN_THRESHOLD", "9"),
            BadRow("OONRUMAIL_BAN_WINDOW", "59s"),
            BadRow("OONRUMAIL_BAN_FIRST", "8d"), BadRow("OONRUMAIL_BAN_GROWTH", "0"),
            BadRow("OONRUMAIL_BAN_LONGEST", "366d"),
            BadRow("OONRUMAIL_BAN_MEMORY", "59s"), BadRow("OONRUMAIL_BAN_LIMIT", "0"),
            BadRow("OONRUMAIL_BAN_MANUAL_LIMIT", "0"),
            BadRow("OONRUMAIL_BAN_IPV4_PREFIX", "33"), BadRow("OONRUMAIL_BAN_IPV6_PREFIX", "31"),
            BadRow("OONRUMAIL_BAN_IPV6_SITE_PREFIX", "129"), BadRow("OONRUMAIL_BAN_IPV6_SITE_FACTOR", "1"),
            BadRow("OONRUMAIL_BAN_EXEMPT", "somewhere"), BadRow("OONRUMAIL_BAN_INTERVAL", "49ms"),
            BadRow("OONRUMAIL_STATISTICS_INTERVAL", "2h"), BadRow("OONRUMAIL_STATISTICS_RETENTION", "23h"),
            BadRow("OONRUMAIL_BIND_ADDRESS", "localhost"),
        ]
    )
    func badValue(row: BadRow) throws {
        let error = try #require(throws: ConfigurationError.self) { try load([row.name: row.value]) }
        #expect(error.problems.count == 1)
        #expect(error.description.utf8.starts(with: "\(row.name) is '\(row.value)' but takes ".utf8))
    }

    @Test func everyProblemIsReportedAtOnceAndSecretsAreNotShown() throws {
        let secret = String(repeating: "s", count: 2_000)
        let error = try #require(throws: ConfigurationError.self) {
            try load(["OONRUMAIL_SMTP_PORT": "x\ny", "OONRUMAIL_BOOTSTRAP_PASSWORD": secret])
        }
        #expect(error.problems.count == 2)
        #expect(!error.description.contains("ssss"))
        #expect(error.problems.allSatisfy { !$0.utf8.contains(10) })
    }

    @Test func settingsThatContradictAreRefused() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try load(["OONRUMAIL_TLS_KEY": "k", "OONRUMAIL_IMAP_PORT": "2525", "OONRUMAIL_SMART_HOST_USER": "u"])
        }
        #expect(error.problems.count == 3)
    }

    @Test func misspeltNamesAreWarnedOf() throws {
        let settings = try load([
            "OONRUMAIL_SMTP_PROT": "1", "OONRUMAIL_WHOLLY_UNLIKE_ANYTHING_KNOWN": "1", "OONRUMAIL_ENV_FILE": "",
            "OONRUMAIL_IMAP_SERVICE_HOST": "10.0.0.1", "OONRUMAIL_X_PORT_25_TCP_ADDR": "10.0.0.1", "PATH": "/bin",
        ])
        #expect(
            settings.warnings == [
                "OONRUMAIL_SMTP_PROT is not a setting; did you mean OONRUMAIL_SMTP_PORT?",
                "OONRUMAIL_WHOLLY_UNLIKE_ANYTHING_KNOWN is not a setting",
            ]
        )
    }

    @Test func secretsAreListedAsStars() throws {
        let settings = try load(["OONRUMAIL_BOOTSTRAP_PASSWORD": "opensesame"])
        #expect(settings.bootstrapPassword?.text == "opensesame")
        let listing = SettingsListing.text(settings)
        #expect(listing.contains("OONRUMAIL_BOOTSTRAP_PASSWORD = ***") && !listing.contains("opensesame"))
        #expect("\(settings.bootstrapPassword as Any)".contains("opensesame") == false)
    }

    @Test func namesAreUniqueAndTheExampleFileReadsAsDefaults() throws {
        #expect(Set(Settings.all.map(\.name)).count == Settings.all.count)
        #expect(Settings.all.allSatisfy { !$0.meaning.isEmpty })
        let prefixes = ["OONRUMAIL_", "POSTGRES_", "REDIS_", "S3_", "OPENSEARCH_", "SENTRY_", "OTEL_", "DATABASE_URL"]
        #expect(Settings.all.allSatisfy { setting in prefixes.contains { setting.name.hasPrefix($0) } })
        let example = SettingsListing.environmentExample()
        #expect(try EnvironmentFile.parse(Array(example.utf8), name: "example").isEmpty)
        let lines = example.utf8.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
        let active = lines.map { line in
            prefixes.contains { line.hasPrefix("#\($0)") } ? String(line.dropFirst()) : line
        }.joined(separator: "\n")
        let values = try EnvironmentFile.parse(Array(active.utf8), name: "example")
        #expect(values.count == Settings.all.count)
        let settings = try load(values)
        for row in settings.rows { #expect(row.value == row.standard) }
    }
}
