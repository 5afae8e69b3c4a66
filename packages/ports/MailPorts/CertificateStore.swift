package import MailModel

/// Where a certificate is looked at.
package struct CertificatePlace: Hashable, Sendable, CustomStringConvertible {
    /// The port of what is read from a file.
    package static let file: UInt16 = 0

    /// Lower case.
    package var host: String
    package var port: UInt16
    package init(host: String, port: UInt16) {
        (self.host, self.port) = (EmailAddress.lowercased(host), port)
    }

    /// `mail.example.test:993`; `mail.example.test (file)` for the file.
    package var description: String { port == Self.file ? "\(host) (file)" : "\(host):\(port)" }
}

/// How TLS begins at a port.
package enum TLSStart: String, CaseIterable, Sendable {
    /// With the first octet.
    case implicit
    /// By STARTTLS in SMTP (RFC 3207).
    case smtp
    /// By STARTTLS in IMAP (RFC 9051 §6.2.1).
    case imap

    /// What the standard port's number says: 25 and 587 are SMTP, 143 is IMAP.
    package init(usualAt port: UInt16) {
        self =
            switch port {
            case 25, 587: .smtp
            case 143: .imap
            default: .implicit
            }
    }
}

package enum CertificateStatus: String, CaseIterable, Sendable {
    /// Not looked at yet.
    case unknown
    case ok
    /// Ends within thirty days.
    case expiring
    /// Ends within seven days.
    case urgent
    case expired
    case notYetValid = "not_yet_valid"
    /// It is for other names.
    case wrongName = "wrong_name"
    /// Clients do not trust its chain: a part is missing, or nobody known has signed it.
    case untrusted
    /// The file's private key is another certificate's.
    case keyMismatch = "key_mismatch"
    /// There is no answer, or none under TLS.
    case unreachable
    /// The server answers in clear text and offers no STARTTLS.
    case noSTARTTLS = "no_starttls"
    /// The name has no address, or the file is not there.
    case absent
    /// The name leads to an address that is not public; it was not connected to.
    case refused
}

extension CertificateStatus {
    /// From the best to the worst: what is fine, what is not known, what clients refuse now or in a few days.
    private static let ascending: [CertificateStatus] = [
        .ok, .expiring, .unknown, .absent, .refused, .unreachable, .urgent, .notYetValid, .noSTARTTLS, .wrongName,
        .untrusted, .expired, .keyMismatch,
    ]

    /// The place among all states; a higher one is worse.
    package var severity: Int { Self.ascending.firstIndex(of: self) ?? Self.ascending.count }
}

/// What a look at a certificate has seen.
package struct CertificateSight: Hashable, Sendable {
    package var at: Timestamp
    package var status: CertificateStatus
    package var notBefore: Timestamp?
    /// nil where no certificate was seen, now or before.
    package var notAfter: Timestamp?
    package var subject: String
    package var issuer: String
    /// Names that it is for, some of them when it has very many.
    package var names: [String]
    /// SHA-256 of the public key, in hexadecimal digits; empty without a certificate.
    package var keyHash: String
    /// What is wrong, in words for its owner; empty when nothing is.
    package var fault: String
    package init(
        at: Timestamp,
        status: CertificateStatus,
        notBefore: Timestamp? = nil,
        notAfter: Timestamp? = nil,
        subject: String = "",
        issuer: String = "",
        names: [String] = [],
        keyHash: String = "",
        fault: String = ""
    ) {
        self.at = at
        self.status = status
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.subject = subject
        self.issuer = issuer
        self.names = names
        self.keyHash = keyHash
        self.fault = fault
    }
}

package struct WatchedCertificate: Hashable, Sendable {
    package var place: CertificatePlace
    /// The hosted domain that the name belongs to; nil for the platform's own names.
    package var domain: String?
    /// The domain's; nil for the platform's own names.
    package var organisation: OrganisationID?
    /// nil before the first look.
    package var sight: CertificateSight?
    package init(
        place: CertificatePlace,
        domain: String? = nil,
        organisation: OrganisationID? = nil,
        sight: CertificateSight? = nil
    ) {
        self.place = place
        self.domain = domain
        self.organisation = organisation
        self.sight = sight
    }
}

/// How near an end is that is told: each once for one certificate, the nearest that is reached.
package enum CertificateStep: Int64, CaseIterable, Sendable {
    case expired = 0
    case sevenDays = 7
    case thirtyDays = 30

    /// nil when the end is further away than anybody is told of.
    package init?(end: Timestamp, now: Timestamp) {
        guard let step = Self.allCases.first(where: { end <= now.adding(seconds: $0.rawValue * 86_400) }) else {
            return nil
        }
        self = step
    }
}

/// Which names are watched: the platform's own, and those below every verified domain.
package struct CertificateArrangement: Hashable, Sendable {
    package var places: [CertificatePlace]
    /// First labels of names below domains, such as `autoconfig`.
    package var labels: [String]
    /// Where names below domains answer.
    package var port: UInt16
    /// How TLS begins where the port's number does not say it.
    package var starts: [CertificatePlace: TLSStart]
    package init(
        places: [CertificatePlace],
        labels: [String],
        port: UInt16,
        starts: [CertificatePlace: TLSStart] = [:]
    ) {
        self.places = places
        self.labels = labels
        self.port = port
        self.starts = starts
    }

    /// Of a place that is not watched too.
    package func start(at place: CertificatePlace) -> TLSStart { starts[place] ?? TLSStart(usualAt: place.port) }
}

/// A page of what is watched; by name and port, unless asked otherwise.
package struct CertificateListing: Listing {
    package enum Sort: String, ListSort {
        case host
        case notAfter = "not_after"
        case checkedAt = "checked_at"
        package var isNumber: Bool { self != .host }
        package var isTieNumber: Bool { self == .host }
    }

    /// nil: of every organisation, and the platform's own names.
    package var organisation: OrganisationID?
    package var status: CertificateStatus?
    package var host: String?
    /// The domain that the name is below, in lower case.
    package var domain: String?
    /// A part of the name, the subject or the issuer, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.host
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(
        organisation: OrganisationID? = nil,
        status: CertificateStatus? = nil,
        host: String? = nil,
        limit: Int
    ) {
        self.organisation = organisation
        self.status = status
        self.host = host
        self.limit = limit
    }
}

extension WatchedCertificate: Listed {
    package func place(by sort: CertificateListing.Sort) -> ListPosition {
        let whole = "\(place.host):\(place.port)"
        return switch sort {
        case .host: ListPosition(key: .text(place.host), tie: Int64(place.port))
        case .notAfter: ListPosition(key: .number(sight?.notAfter?.microseconds ?? 0), tie: whole)
        case .checkedAt: ListPosition(key: .number(sight?.at.microseconds ?? 0), tie: whole)
        }
    }
}

/// The certificates of the names that the platform serves, and what was told of their ends.
package protocol CertificateStore: Sendable {
    /// Watches exactly these names from now on; what was seen of those that stay, stays.
    func arrangeCertificates(_ arrangement: CertificateArrangement) async throws(StoreError)
    /// Those whose look is due, that wait longest first.
    func certificatesToCheck(now: Timestamp, limit: Int) async throws(StoreError) -> [WatchedCertificate]
    /// Keeps what was seen. Where nobody answered, the certificate that was seen before stays.
    ///
    /// - Throws: `.notFound` when the name is not watched any more.
    func noteCertificate(
        _ sight: CertificateSight,
        at place: CertificatePlace,
        next: Timestamp
    ) async throws(StoreError)
    func certificates(_ listing: CertificateListing) async throws(StoreError) -> [WatchedCertificate]
    /// Those that were seen, by their ends, the next one first.
    func certificatesByEnd(limit: Int) async throws(StoreError) -> [WatchedCertificate]
    func certificateCounts() async throws(StoreError) -> [CertificateStatus: Int]
    /// Those that end soon and of which the present step was not told, by organisation and name.
    func certificateNews(now: Timestamp, limit: Int) async throws(StoreError) -> [WatchedCertificate]
    /// Notes that the step of each was told, delivers the mail and records the events, all or nothing.
    ///
    /// - Returns: whether it was told; false when another process has told one of them meanwhile.
    func tellCertificates(
        _ news: [WatchedCertificate],
        by mail: DeliveryPlan?,
        audit: [AuditEvent],
        now: Timestamp
    ) async throws(StoreError) -> Bool
}

/// Why a server showed no certificate; in words for whoever reads the list.
package struct CertificateProbeFault: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// No answer, or none that can be understood.
        case unreachable
        /// It answers, and offers no TLS.
        case noSTARTTLS
    }

    package var reason: String
    package var kind: Kind
    package init(_ reason: String, kind: Kind = .unreachable) { (self.reason, self.kind) = (reason, kind) }
}

/// Sees which certificate a server shows.
package protocol CertificateProbing: Sendable {
    /// Connects, asks for TLS where it does not begin by itself, and for the name (RFC 6066 §3), and leaves; believes
    /// nothing of what it sees.
    ///
    /// - Returns: the chain in DER, the server's own first.
    func chain(
        of name: String,
        at address: IPAddress,
        port: UInt16,
        start: TLSStart
    ) async throws(CertificateProbeFault) -> [[UInt8]]
}
