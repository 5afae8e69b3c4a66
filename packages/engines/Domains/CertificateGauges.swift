import MailModel
import MailPorts
import Metrics
import Synchronization

/// What the metrics say of certificates; names that are gone are shown no more.
final class CertificateGauges: Sendable {
    /// Names that have a series, those that end next.
    static let shown = 100
    private static let expiry = "oonrumail_certificate_expiry_seconds"

    private struct Series: Hashable {
        var name: String
        /// Whose the name is: `platform` or `domain`.
        var owner: String

        init(_ watched: WatchedCertificate) {
            name = watched.place.description
            owner = watched.domain == nil ? "platform" : "domain"
        }

        var gauge: Gauge { Gauge(label: CertificateGauges.expiry, dimensions: [("name", name), ("owner", owner)]) }
    }

    private let names = Mutex<Set<Series>>([])

    func show(_ seen: [WatchedCertificate], counts: [CertificateStatus: Int], now: Timestamp) {
        let present = seen.prefix(Self.shown)
        let gone = names.withLock { names in
            let before = names
            names = Set(present.map { Series($0) })
            return before.subtracting(names)
        }
        for series in gone { series.gauge.destroy() }
        for one in present {
            guard let end = one.sight?.notAfter else { continue }
            Series(one).gauge.record(end.seconds - now.seconds)
        }
        for status in CertificateStatus.allCases {
            Gauge(label: "oonrumail_certificates", dimensions: [("state", status.rawValue)]).record(counts[status] ?? 0)
        }
    }
}
