/// Whether programs register themselves at the OpenID provider.
package enum ClientRegistrationSetting: String, CaseIterable, Sendable {
    case closed
    case mailClients = "mail-clients"
}

/// Keys that sign tokens, and the platform as an OpenID provider.
///
/// In the order that `config list` shows.
package struct ProviderSettings: Sendable {
    package let tokenKeyRotation = Setting.duration(
        "OONRUMAIL_TOKEN_KEY_ROTATION",
        .http,
        .seconds(7_776_000),
        .seconds(0) ... .seconds(315_360_000),
        "Age at which a key that signs tokens gets a successor; 0: only by oonrumail token-key rotate"
    )
    package let tokenKeyPublish = Setting.duration(
        "OONRUMAIL_TOKEN_KEY_PUBLISH",
        .http,
        .seconds(900),
        .seconds(1) ... .seconds(604_800),
        "How long a new key is published before it signs; longer than OONRUMAIL_TOKEN_KEY_INTERVAL"
    )
    package let tokenKeyInterval = Setting.duration(
        "OONRUMAIL_TOKEN_KEY_INTERVAL",
        .http,
        .seconds(60),
        .milliseconds(100) ... .seconds(3_600),
        "How often a process reads the keys that sign tokens anew"
    )
    package let providerIssuer = Setting.optionalIssuer(
        "OONRUMAIL_OIDC_ISSUER",
        .http,
        "Address under which other programs sign people in here (OpenID Connect), such as https://mail.example.com; none: they "
            + "do not. Every process needs it, and it stays: tokens carry it"
    )
    package let providerAccessLifetime = Setting.duration(
        "OONRUMAIL_OIDC_ACCESS_LIFETIME",
        .http,
        .seconds(600),
        .seconds(30) ... .seconds(86_400),
        "How long access tokens and ID tokens of other programs are good"
    )
    package let providerRefreshLifetime = Setting.duration(
        "OONRUMAIL_OIDC_REFRESH_LIFETIME",
        .http,
        .seconds(7_776_000),
        .seconds(60) ... .seconds(315_360_000),
        "How long another program stays signed in without being used"
    )
    package let providerBrowserLifetime = Setting.duration(
        "OONRUMAIL_OIDC_BROWSER_LIFETIME",
        .http,
        .seconds(43_200),
        .seconds(60) ... .seconds(2_592_000),
        "How long a browser stays signed in at the pages that ask whether another program may have access"
    )
    package let providerClients = Setting.integer(
        "OONRUMAIL_OIDC_CLIENTS",
        .http,
        100,
        1...100_000,
        "Programs that one organisation, or the platform, registers"
    )
    package let clientRegistration = Setting<ClientRegistrationSetting>.choice(
        "OONRUMAIL_CLIENT_REGISTRATION",
        .http,
        .mailClients,
        "Whether mail programs that the platform knows register themselves (RFC 7591), where OONRUMAIL_OIDC_ISSUER is set. Every "
            + "process needs it"
    )
    package let mailClientChanges = Setting.mailClients(
        MailClientChange.setting,
        .http,
        "Mail programs that register themselves beside those that the platform knows, as NAME=ADDRESS with an address of their "
            + "maker's own scheme, and -NAME for one that shall not, -loopback for all that have no such scheme. Every process needs it"
    )
    package let clientRegistrationRequests = Setting.integer(
        "OONRUMAIL_CLIENT_REGISTRATION_REQUESTS",
        .http,
        60,
        1...100_000,
        "Programs that register themselves from one client address in an hour"
    )
}

extension PlatformSettings {
    /// Where the OpenID provider's pages take people back from their domains' identity providers.
    package static let signInReturnPath = "/oauth2/return"

    package var signInReturnPage: String? { self.providerIssuer.map { $0 + Self.signInReturnPath } }
}

extension Setting where Value == String? {
    /// `https://name` with an optional port; `http://` for loopback addresses only.
    fileprivate static func optionalIssuer(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: nil,
            allowed: "https:// and a host name, with a port or without; http:// for 127.0.0.1 and localhost",
            meaning: meaning,
            parse: { text in isIssuer(text) ? .some(text) : nil },
            format: { $0 ?? "" }
        )
    }

    private static func isIssuer(_ text: String) -> Bool {
        for (scheme, isSecure) in [("https://", true), ("http://", false)] {
            guard text.utf8.starts(with: scheme.utf8) else { continue }
            let rest = String(decoding: text.utf8.dropFirst(scheme.utf8.count), as: UTF8.self)
            guard let place = HostPort(rest, defaultPort: 443), rest.utf8.allSatisfy({ isOfAuthority($0) }) else {
                return false
            }
            return isSecure || ["127.0.0.1", "localhost", "::1"].contains(place.host)
        }
        return false
    }

    private static func isOfAuthority(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...58, 97...122, 45, 46, 91, 93: true
        default: false
        }
    }
}
