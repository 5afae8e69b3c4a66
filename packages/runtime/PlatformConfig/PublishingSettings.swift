/// What domains publish beside what mail needs, and which certificates are watched.
///
/// In the order that `config list` shows.
package struct PublishingSettings: Sendable {
    package let webHost = Setting.optionalDomain(
        "OONRUMAIL_WEB_HOST",
        .dns,
        "Host that answers HTTPS for autoconfig, autodiscover and mta-sts names; OONRUMAIL_HOSTNAME by default"
    )
    package let brandLogo = Setting.optionalText(
        "OONRUMAIL_BIMI_LOGO",
        .dns,
        "https address of domains' logos (SVG), {domain} standing for the name; without it BIMI is not advised"
    )
    package let dkimZone = Setting.optionalDomain(
        "OONRUMAIL_DKIM_ZONE",
        .dns,
        "Zone of the operator that has the signing keys of domains that delegate them by aliases"
    )
    package let dkimRotation = Setting.duration(
        "OONRUMAIL_DKIM_ROTATION",
        .dns,
        .zero,
        .zero ... .seconds(315_360_000),
        "Age at which delegated signing keys are rotated; 0 for never"
    )
    package let nextCertificate = Setting.optionalPath(
        "OONRUMAIL_TLS_NEXT_CERTIFICATE",
        .tls,
        "PEM file of the certificate that comes next: its TLSA record is advised beside the present one"
    )
}

extension PlatformSettings {
    var publishingContradictions: [String] {
        var found: [String] = []
        if let logo = self.brandLogo, !Self.isWebAddress(logo) {
            found.append("OONRUMAIL_BIMI_LOGO does not read as https://HOST/PATH without spaces, quotes and semicolons")
        }
        return found
    }

    /// Printable, and nothing that ends a tag of a record.
    private static func isWebAddress(_ text: String) -> Bool {
        let prefix = "https://"
        return text.utf8.starts(with: prefix.utf8) && text.utf8.count > prefix.utf8.count
            && text.utf8.allSatisfy { (33...126).contains($0) && ![34, 44, 59, 92].contains($0) }
    }
}
