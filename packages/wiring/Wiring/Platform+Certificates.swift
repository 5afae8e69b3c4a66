import Domains
import MailModel
import MailPorts
import NIOCore
import NIOPosix
import PlatformConfig
import SQLStore
import TLSProbe

extension Platform {
    /// What looks at certificates.
    static func certificates(
        _ settings: PlatformSettings,
        _ folder: DataFolder,
        _ store: SQLStore,
        _ ports: PlatformPorts,
        _ notice: OwnerNotice
    ) -> CertificateWatch {
        let files = certificateFiles(settings, folder)
        let look = CertificateLook(
            resolver: { try await ports.resolver() },
            probe: TLSProbe(
                group: .singletonMultiThreadedEventLoopGroup,
                timeout: .init(settings.certificateProbeTimeout),
                heloName: mailHost(settings).name
            ),
            files: {
                guard let files, let chain = try? folder.read(files.certificate), let key = try? folder.read(files.key)
                else { return nil }
                return CertificateFiles(chain: chain, key: key)
            },
            roots: settings.certificateRoots,
            takesPrivate: settings.certificatesAtPrivateAddresses
        )
        var schedule = CertificateWatch.Schedule()
        schedule.intervalSeconds = settings.certificateCheckInterval.components.seconds
        return CertificateWatch(
            store: store,
            upkeep: store,
            look: look,
            arrangement: arrangement(settings, hasFiles: files != nil),
            notice: notice,
            schedule: schedule
        )
    }

    /// nil where other processes serve mail: a certificate that this one made for itself is nobody's concern.
    private static func certificateFiles(
        _ settings: PlatformSettings,
        _ folder: DataFolder
    ) -> (certificate: String, key: String)? {
        if let certificate = settings.tlsCertificate, let key = settings.tlsKey { return (certificate, key) }
        return settings.usesPostgres ? nil : (folder.certificate, folder.certificateKey)
    }

    private static func arrangement(_ settings: PlatformSettings, hasFiles: Bool) -> CertificateArrangement {
        let host = mailHost(settings)
        let web = UInt16(settings.certificateWebPort)
        // Mail is served under the name that domains' MX records have and, on one machine, under those of the certificate.
        let names = [host.name] + (settings.acmeDirectory == nil ? [] : settings.orderedNames)
        var places: [CertificatePlace] = []
        var starts: [CertificatePlace: TLSStart] = [:]
        for name in names {
            if hasFiles { places.append(CertificatePlace(host: name, port: CertificatePlace.file)) }
            for (port, start) in mailPorts(settings) {
                let place = CertificatePlace(host: name, port: port)
                places.append(place)
                starts[place] = start
            }
        }
        places.append(CertificatePlace(host: settings.webHost ?? host.name, port: web))
        for other in settings.certificateHosts {
            guard let port = UInt16(exactly: other.port) else { continue }
            places.append(CertificatePlace(host: other.host, port: port))
        }
        // RFC 8461 §3.3: policies are served by HTTPS.
        let labels = ["autoconfig", "autodiscover"] + (settings.transportPolicyMode == .none ? [] : ["mta-sts"])
        var seen: Set<CertificatePlace> = []
        return CertificateArrangement(
            places: places.filter { seen.insert($0).inserted },
            labels: labels,
            port: web,
            starts: starts
        )
    }

    /// Where clients and other servers meet the mail host, as the listeners are set.
    private static func mailPorts(_ settings: PlatformSettings) -> [(port: UInt16, start: TLSStart)] {
        let all: [(Int, TLSStart)] = [
            (settings.smtpPort, .smtp), (settings.submissionPort, .smtp), (settings.submissionsPort, .implicit),
            (settings.imapPort, .imap), (settings.imapsPort, .implicit),
        ]
        return all.compactMap { port, start in UInt16(exactly: port).flatMap { $0 == 0 ? nil : ($0, start) } }
    }
}
