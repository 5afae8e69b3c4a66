import FoundationEssentials
import Glibc
package import MailModel

/// Where settings come from; the first that names one wins, and an empty value counts as none.
package struct SettingSources: Sendable {
    /// From the command line.
    package var overrides: [String: String]
    package var environment: [String: String]
    /// An `.env` file.
    ///
    /// A file named explicitly must be there.
    package var file: String?

    package init(overrides: [String: String] = [:], environment: [String: String]? = nil, file: String? = nil) {
        self.overrides = overrides
        self.environment = environment ?? ProcessInfo.processInfo.environment
        self.file = file
    }
}

/// The settings of this process, all checked.
@dynamicMemberLookup
package struct PlatformSettings: Sendable {
    /// Where a value came from.
    package enum Origin: String, Sendable {
        case commandLine = "command line"
        case environment, file
        case standard = "default"
    }

    /// A row of `config list`.
    package struct Row: Sendable {
        package let setting: any AnySetting
        package let standard: String
        /// `***` for secrets.
        package let value: String
        package let origin: Origin
    }

    private var values: [String: any Sendable] = [:]
    private var origins: [String: Origin] = [:]
    /// Names that look like settings but are none, each with the nearest that is.
    package private(set) var warnings: [String] = []

    package subscript<Value>(dynamicMember member: KeyPath<ListenerSettings, Setting<Value>>) -> Value {
        value(of: Settings.listeners[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<MailSettings, Setting<Value>>) -> Value {
        value(of: Settings.mail[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<ServiceSettings, Setting<Value>>) -> Value {
        value(of: Settings.services[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<SignInSettings, Setting<Value>>) -> Value {
        value(of: Settings.signIn[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<InterfaceSettings, Setting<Value>>) -> Value {
        value(of: Settings.interface[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<PasskeySettings, Setting<Value>>) -> Value {
        value(of: Settings.passkeys[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<ProviderSettings, Setting<Value>>) -> Value {
        value(of: Settings.provider[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<QuotaSettings, Setting<Value>>) -> Value {
        value(of: Settings.quotas[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<PeopleSettings, Setting<Value>>) -> Value {
        value(of: Settings.people[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<SharingSettings, Setting<Value>>) -> Value {
        value(of: Settings.sharing[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<BanSettings, Setting<Value>>) -> Value {
        value(of: Settings.bans[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<StatisticsSettings, Setting<Value>>) -> Value {
        value(of: Settings.statistics[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<SingleSignOnSettings, Setting<Value>>) -> Value {
        value(of: Settings.singleSignOn[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<DirectorySettings, Setting<Value>>) -> Value {
        value(of: Settings.directories[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<SignUpSettings, Setting<Value>>) -> Value {
        value(of: Settings.signUps[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<PublishingSettings, Setting<Value>>) -> Value {
        value(of: Settings.publishing[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<AuthoritySettings, Setting<Value>>) -> Value {
        value(of: Settings.authority[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<CertificateSettings, Setting<Value>>) -> Value {
        value(of: Settings.certificates[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<DatabaseSettings, Setting<Value>>) -> Value {
        value(of: Settings.database[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<ClusterSettings, Setting<Value>>) -> Value {
        value(of: Settings.cluster[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<SearchSettings, Setting<Value>>) -> Value {
        value(of: Settings.search[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<TelemetrySettings, Setting<Value>>) -> Value {
        value(of: Settings.telemetry[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<WebhookConfiguration, Setting<Value>>) -> Value {
        value(of: Settings.webhooks[keyPath: member])
    }

    package subscript<Value>(dynamicMember member: KeyPath<AddressSettings, Setting<Value>>) -> Value {
        value(of: Settings.addresses[keyPath: member])
    }

    private func value<Value>(of setting: Setting<Value>) -> Value {
        values[setting.name] as? Value ?? setting.standard
    }

    /// Reads and checks every setting; the error holds every problem, not just the first.
    package static func load(
        _ sources: SettingSources = SettingSources()
    ) throws(ConfigurationError) -> PlatformSettings {
        var layers: [(Origin, [String: String])] = [
            (.commandLine, sources.overrides), (.environment, sources.environment),
        ]
        let named = sources.file ?? sources.environment["OONRUMAIL_ENV_FILE"].flatMap { $0.isEmpty ? nil : $0 }
        if let content = try EnvironmentFile.read(named ?? ".env") {
            layers.append((.file, content))
        } else if let named {
            throw ConfigurationError(problems: ["\(named) does not exist"])
        }
        let given = { (name: String) -> (Origin, String)? in
            for (origin, layer) in layers {
                if let text = layer[name], !text.isEmpty { return (origin, text) }
            }
            return nil
        }
        let isProduction = given("OONRUMAIL_PRODUCTION").flatMap { SettingText.boolean($0.1) } ?? false

        var settings = PlatformSettings()
        var problems: [String] = []
        for setting in Settings.all {
            guard let (origin, text) = given(setting.name) else {
                settings.values[setting.name] = setting.defaultValue(production: isProduction)
                settings.origins[setting.name] = .standard
                continue
            }
            if let value = setting.parseAny(text) {
                settings.values[setting.name] = value
                settings.origins[setting.name] = origin
            } else {
                let shown = setting.isSecret ? "***" : SettingText.shown(text)
                problems.append("\(setting.name) is '\(shown)' but takes \(setting.allowed)")
            }
        }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        problems = settings.contradictions
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        settings.warnings = UnknownSettings.warnings(of: layers.flatMap { $0.1.keys }) + settings.passkeyWarnings
        return settings
    }

    /// Settings that do not go together.
    private var contradictions: [String] {
        var found: [String] = []
        if (self.tlsCertificate == nil) != (self.tlsKey == nil) {
            found.append("OONRUMAIL_TLS_CERTIFICATE and OONRUMAIL_TLS_KEY go together: set both or neither")
        }
        if (self.smartHostUser == nil) != (self.smartHostPassword == nil) {
            found.append("OONRUMAIL_SMART_HOST_USER and OONRUMAIL_SMART_HOST_PASSWORD go together: set both or neither")
        }
        if !usesPostgres, self.postgresReplicaHost != nil || self.postgresReplicaURL != nil {
            found.append("POSTGRES_REPLICA_HOST and POSTGRES_REPLICA_URL go with POSTGRES_HOST or DATABASE_URL")
        }
        found += authorityContradictions
        found += clusterContradictions
        found += searchContradictions
        found += telemetryContradictions
        found += publishingContradictions
        if self.queueMaxRetry < self.queueFirstRetry {
            found.append("OONRUMAIL_QUEUE_MAX_RETRY is shorter than OONRUMAIL_QUEUE_FIRST_RETRY")
        }
        let ports = [
            ("OONRUMAIL_SMTP_PORT", self.smtpPort), ("OONRUMAIL_SUBMISSION_PORT", self.submissionPort),
            ("OONRUMAIL_SUBMISSIONS_PORT", self.submissionsPort), ("OONRUMAIL_IMAP_PORT", self.imapPort),
            ("OONRUMAIL_IMAPS_PORT", self.imapsPort), ("OONRUMAIL_HTTP_PORT", self.httpPort),
            ("OONRUMAIL_ACME_TLS_ALPN_PORT", self.acmeTLSPort),
        ]
        for (index, (name, port)) in ports.enumerated() where port != 0 {
            if let other = ports[..<index].first(where: { $0.1 == port }) {
                found.append("\(name) is '\(port)' but \(other.0) has that port already")
            }
        }
        return found
    }

    /// Every setting with its present value.
    package var rows: [Row] {
        Settings.all.map { setting in
            let value = values[setting.name].map(setting.formatAny) ?? ""
            return Row(
                setting: setting,
                standard: setting.defaultText(production: self.production),
                value: setting.isSecret && !value.isEmpty ? "***" : value,
                origin: origins[setting.name] ?? .standard
            )
        }
    }

    /// Whether the store is in PostgreSQL; otherwise it is a file in the data folder.
    package var usesRedis: Bool { self.redisURL != nil || self.redisHost != nil }
    package var usesS3: Bool { self.s3Endpoint != nil }
    package var usesPostgres: Bool { self.databaseURL != nil || self.postgresHost != nil }

    /// The name in greetings: the setting, or the machine's name, or `localhost`.
    package var hostname: String {
        if let name = self.configuredHostname { return name }
        var text = [CChar](repeating: 0, count: 256)
        let failed = gethostname(&text, text.count - 1) != 0
        let name = text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        guard !failed, EmailAddress.isDomain(name) else { return "localhost" }
        return EmailAddress.lowercased(String(decoding: name, as: UTF8.self))
    }

    /// Listener addresses: the listener's own, or those of `OONRUMAIL_BIND_ADDRESS`.
    package func addresses(_ own: KeyPath<ListenerSettings, Setting<[IPAddress]>>) -> [IPAddress] {
        let given = self[dynamicMember: own]
        return given.isEmpty ? self.bindAddresses : given
    }
}
