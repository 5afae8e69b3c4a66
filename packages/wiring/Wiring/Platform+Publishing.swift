import Domains
import MailCrypto
import PlatformConfig

extension Platform {
    /// What hosted domains publish beside what mail needs.
    static func extras(_ settings: PlatformSettings, _ folder: DataFolder) -> OptionalRecords {
        let files = (
            current: settings.tlsCertificate ?? folder.certificate, next: settings.nextCertificate
        )
        // One of several processes may have no certificate of its own: it advises none.
        let pin: @Sendable (String) -> [UInt8]? = { path in
            (try? folder.read(path)).flatMap { Certificate.chain(pem: $0).first?.keyHash }
        }
        return OptionalRecords(
            policy: TransportPolicy(
                mode: TransportPolicy.Mode(rawValue: settings.transportPolicyMode.rawValue) ?? .none,
                lifetime: Int(settings.transportPolicyLifetime.components.seconds),
                host: mailHost(settings)
            ),
            webHost: settings.webHost ?? settings.hostname,
            logo: settings.brandLogo,
            keyZone: settings.dkimZone,
            pins: { CertificatePins(current: pin(files.current), next: files.next.flatMap(pin)) }
        )
    }
}
