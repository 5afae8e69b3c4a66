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
    static let database = DatabaseSettings()
    static let cluster = ClusterSettings()

    /// In the order of declaration, which is that of `config list`.
    package static let all: [any AnySetting] = [listeners, mail, services, database, cluster].flatMap { group in
        Mirror(reflecting: group).children.compactMap { $0.value as? any AnySetting }
    }
}
