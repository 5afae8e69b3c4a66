/// Which certificates are watched, and how.
///
/// In the order that `config list` shows.
package struct CertificateSettings: Sendable {
    package let certificateCheckInterval = Setting.duration(
        "OONRUMAIL_CERTIFICATE_CHECK_INTERVAL",
        .tls,
        .seconds(21_600),
        .seconds(1) ... .seconds(604_800),
        "Time between two looks at the certificate of a name; each adds up to a tenth"
    )
    package let certificateHosts = Setting.hostPorts(
        "OONRUMAIL_CERTIFICATE_HOSTS",
        .tls,
        defaultPort: 443,
        "More names whose certificates are watched, such as those of the API and the web applications"
    )
    package let certificateWebPort = Setting.servicePort(
        "OONRUMAIL_CERTIFICATE_WEB_PORT",
        .tls,
        443,
        "Port at which the web host and the autoconfig, autodiscover and mta-sts names of domains answer HTTPS"
    )
    package let certificateRoots = Setting.optionalPath(
        "OONRUMAIL_CERTIFICATE_CA_FILE",
        .tls,
        "PEM file of the authorities that watched certificates must lead to; the system's by default"
    )
    package let certificatesAtPrivateAddresses = Setting.boolean(
        "OONRUMAIL_CERTIFICATE_PRIVATE_ADDRESSES",
        .tls,
        false,
        "Connect to names of domains that lead to addresses that are not public"
    )
    package let certificateProbeTimeout = Setting.duration(
        "OONRUMAIL_CERTIFICATE_TIMEOUT",
        .tls,
        .seconds(10),
        .milliseconds(50) ... .seconds(60),
        "Time that a server has for the connection, and again for the handshake"
    )
}

extension Setting where Value == [HostPort] {
    static func hostPorts(
        _ name: String,
        _ group: SettingGroup,
        defaultPort: Int,
        _ meaning: String
    ) -> Setting {
        Setting(
            name,
            group,
            standard: [],
            allowed: "host or host:port between commas",
            meaning: meaning,
            parse: { text in SettingText.each(of: text) { HostPort($0, defaultPort: defaultPort) } },
            format: { $0.map(\.description).joined(separator: ",") }
        )
    }
}
