package import MailModel

/// How the authority is shown that names lead here.
package enum ACMEChallenge: String, CaseIterable, Sendable {
    case http = "http-01"
    case tlsALPN = "tls-alpn-01"
    case any

    /// In the order that they are tried in.
    package var kinds: [ACMEChallenge] {
        switch self {
        case .http, .tlsALPN: [self]
        case .any: [.http, .tlsALPN]
        }
    }
}

/// Where the platform's own certificate comes from.
///
/// In the order that `config list` shows.
package struct AuthoritySettings: Sendable {
    package let acmeDirectory = Setting.optionalDirectory(
        "OONRUMAIL_ACME_DIRECTORY",
        .tls,
        "Directory of the authority that certificates are ordered from by ACME (RFC 8555), or letsencrypt; none by default"
    )
    package let acmeTerms = Setting.boolean(
        "OONRUMAIL_ACME_TERMS_AGREED",
        .tls,
        false,
        "Whether the terms of service of the authority are agreed to; it must be so"
    )
    package let acmeContacts = Setting.addresses(
        "OONRUMAIL_ACME_CONTACTS",
        .tls,
        "Mail addresses that the authority may write to"
    )
    package let acmeHosts = Setting.domains(
        "OONRUMAIL_ACME_HOSTS",
        .tls,
        "Names that the certificate is for; OONRUMAIL_HOSTNAME by default"
    )
    package let acmeChallenge = Setting.choice(
        "OONRUMAIL_ACME_CHALLENGE",
        .tls,
        ACMEChallenge.http,
        "How names are shown to lead here: port 80 of each to OONRUMAIL_HTTP_PORT, port 443 to OONRUMAIL_ACME_TLS_ALPN_PORT, or either"
    )
    package let acmeTLSPort = Setting.port(
        "OONRUMAIL_ACME_TLS_ALPN_PORT",
        0,
        group: .tls,
        "Listener that answers TLS-ALPN-01 challenges (RFC 8737) and nothing else; the authority comes to port 443 of the names"
    )
    package let acmeTLSAddresses = Setting.addresses(
        "OONRUMAIL_ACME_TLS_ALPN_ADDRESS",
        .tls,
        [],
        "Addresses of that listener, when other than OONRUMAIL_BIND_ADDRESS"
    )
    package let acmeTLSConnections = Setting.integer(
        "OONRUMAIL_ACME_TLS_ALPN_MAX_CONNECTIONS",
        .tls,
        200,
        1...100_000,
        "Open connections to that listener; OONRUMAIL_MAX_CONNECTIONS_PER_ADDRESS holds too"
    )
    package let acmeTLSTimeout = Setting.duration(
        "OONRUMAIL_ACME_TLS_ALPN_TIMEOUT",
        .tls,
        .seconds(10),
        .milliseconds(100) ... .seconds(60),
        "Time that a connection to that listener has in all"
    )
    package let acmeRoots = Setting.optionalPath(
        "OONRUMAIL_ACME_CA_FILE",
        .tls,
        "PEM file of the authorities that vouch for the directory's server; the system's by default"
    )
}

extension PlatformSettings {
    /// Whether the authority finds answers under TLS here.
    package var answersTLSChallenges: Bool {
        switch self.acmeChallenge {
        case .http: false
        case .tlsALPN, .any: self.acmeDirectory != nil
        }
    }

    /// Names that the certificate is ordered for.
    package var orderedNames: [String] { self.acmeHosts.isEmpty ? [hostname] : self.acmeHosts }

    var authorityContradictions: [String] {
        guard self.acmeDirectory != nil else {
            return self.acmeTLSPort == 0 ? [] : ["OONRUMAIL_ACME_TLS_ALPN_PORT needs OONRUMAIL_ACME_DIRECTORY"]
        }
        var found: [String] = []
        if self.tlsCertificate != nil {
            found.append("OONRUMAIL_ACME_DIRECTORY and OONRUMAIL_TLS_CERTIFICATE do not go together: set one of them")
        }
        if !self.acmeTerms {
            found.append("OONRUMAIL_ACME_DIRECTORY needs OONRUMAIL_ACME_TERMS_AGREED, which is 'false'")
        }
        if usesPostgres {
            found.append(
                "OONRUMAIL_ACME_DIRECTORY is for one machine; in a cluster set OONRUMAIL_TLS_CERTIFICATE to a file that is renewed"
            )
        }
        switch self.acmeChallenge {
        case .tlsALPN, .any:
            if self.acmeTLSPort == 0 {
                found.append(
                    "OONRUMAIL_ACME_CHALLENGE is '\(self.acmeChallenge.rawValue)' but OONRUMAIL_ACME_TLS_ALPN_PORT is not set"
                )
            }
        case .http:
            if self.acmeTLSPort != 0 {
                found.append(
                    "OONRUMAIL_ACME_TLS_ALPN_PORT needs OONRUMAIL_ACME_CHALLENGE to be tls-alpn-01 or any"
                )
            }
        }
        return found
    }
}

extension Setting where Value == String? {
    private static let letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

    fileprivate static func optionalDirectory(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: nil,
            allowed: "an https address, or letsencrypt",
            meaning: meaning,
            parse: { text in
                if text == "letsencrypt" { return .some(letsEncrypt) }
                return WebAddress(text).flatMap { $0.isSecure ? .some($0.text) : nil }
            },
            format: { $0 ?? "" }
        )
    }
}

extension Setting where Value == [String] {
    fileprivate static func addresses(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: [],
            allowed: "mail addresses between commas",
            meaning: meaning,
            parse: { text in SettingText.each(of: text) { EmailAddress($0)?.description } },
            format: { $0.joined(separator: ",") }
        )
    }

    fileprivate static func domains(_ name: String, _ group: SettingGroup, _ meaning: String) -> Setting {
        Setting(
            name,
            group,
            standard: [],
            allowed: "domain names between commas",
            meaning: meaning,
            parse: { text in
                SettingText.each(of: text) {
                    EmailAddress.isDomain($0.utf8) ? EmailAddress.lowercased($0) : nil
                }
            },
            format: { $0.joined(separator: ",") }
        )
    }
}
