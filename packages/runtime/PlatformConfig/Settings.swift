package enum LogLevelSetting: String, CaseIterable, Sendable {
    case trace, debug, info, notice, warning, error, critical
}

package enum LogFormatSetting: String, CaseIterable, Sendable { case json, text }

/// What senders do that cannot deliver by verified TLS (RFC 8461 §5).
package enum TransportPolicyMode: String, CaseIterable, Sendable { case enforce, testing, none }
package enum SmartHostTLS: String, CaseIterable, Sendable { case opportunistic, verified, implicit, none }

/// Every setting, group by group.
///
/// `PlatformSettings` gives each one's value under the same name.
package enum Settings {
    static let listeners = ListenerSettings()
    static let mail = MailSettings()
    static let services = ServiceSettings()
    static let signIn = SignInSettings()
    static let interface = InterfaceSettings()
    static let passkeys = PasskeySettings()
    static let provider = ProviderSettings()
    static let quotas = QuotaSettings()
    static let people = PeopleSettings()
    static let singleSignOn = SingleSignOnSettings()
    static let directories = DirectorySettings()
    static let signUps = SignUpSettings()
    static let webhooks = WebhookConfiguration()
    static let publishing = PublishingSettings()
    static let authority = AuthoritySettings()
    static let certificates = CertificateSettings()
    static let database = DatabaseSettings()
    static let cluster = ClusterSettings()
    static let search = SearchSettings()
    static let telemetry = TelemetrySettings()
    static let addresses = AddressSettings()
    static let sharing = SharingSettings()
    static let statistics = StatisticsSettings()
    static let bans = BanSettings()

    /// In the order of declaration, which is that of `config list`.
    package static let all: [any AnySetting] = groups.flatMap { group in
        Mirror(reflecting: group).children.compactMap { $0.value as? any AnySetting }
    }

    private static let groups: [any Sendable] = [
        listeners,
        mail,
        services,
        signIn,
        interface,
        passkeys,
        provider,
        quotas,
        people,
        singleSignOn,
        directories,
        signUps,
        webhooks,
        publishing,
        authority,
        certificates,
        database,
        cluster,
        search,
        telemetry,
        addresses,
        sharing,
        statistics,
        bans,
    ]
}
