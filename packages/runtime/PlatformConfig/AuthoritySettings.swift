import MailModel

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
        "Names that the certificate is for; OONRUMAIL_HOSTNAME by default. Port 80 of each must lead to OONRUMAIL_HTTP_PORT"
    )
    package let acmeRoots = Setting.optionalPath(
        "OONRUMAIL_ACME_CA_FILE",
        .tls,
        "PEM file of the authorities that vouch for the directory's server; the system's by default"
    )
}

extension PlatformSettings {
    /// Names that the certificate is ordered for.
    package var orderedNames: [String] { self.acmeHosts.isEmpty ? [hostname] : self.acmeHosts }

    var authorityContradictions: [String] {
        guard self.acmeDirectory != nil else { return [] }
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
