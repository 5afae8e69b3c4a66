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
        "Age at which signing keys are rotated that are delegated, or whose records are written without anybody asking; 0 for never"
    )
    package let zoneTimeout = Setting.duration(
        "OONRUMAIL_ZONE_TIMEOUT",
        .dns,
        .seconds(10),
        .milliseconds(100) ... .seconds(30),
        "Time that a name server has for a connection and all that is asked on it when the records of domains are written"
    )
    package let zoneNetworks = Setting.networks(
        "OONRUMAIL_ZONE_NETWORKS",
        .dns,
        [],
        "Networks that such name servers may be in although they are not of the public Internet; "
            + "administrators of organisations choose the addresses that are asked"
    )
    package let zoneRecordTTL = Setting.duration(
        "OONRUMAIL_ZONE_TTL",
        .dns,
        .seconds(3_600),
        .seconds(1) ... .seconds(604_800),
        "Time that others may keep the records that are written"
    )
    package let zoneInterval = Setting.duration(
        "OONRUMAIL_ZONE_INTERVAL",
        .dns,
        .seconds(30),
        .seconds(1) ... .seconds(3_600),
        "How often it is looked which domains' records are to be written without anybody asking"
    )
    package let zoneRetry = Setting.duration(
        "OONRUMAIL_ZONE_RETRY",
        .dns,
        .seconds(60),
        .seconds(1) ... .seconds(86_400),
        "Time until a write that failed is tried again, twice as long after each further failure, up to six hours"
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
