package import MailPorts

/// A DNS record that the owner of a domain publishes.
package struct DomainRecord: Hashable, Sendable {
    /// What it is for, which decides what else would do.
    package enum Purpose: String, Sendable {
        case mx, spf, dkim, dmarc
        case mtaSTS = "mta-sts"
        case tlsReports = "tls-rpt"
        /// Where mail programs find a service.
        case service = "srv"
        /// A name that web addresses of the domain's mail begin with.
        case web
        /// The key of the certificate that the mail host serves (DANE, RFC 7672).
        case tlsa
        /// The key of the certificate that comes next.
        case nextTLSA = "tlsa-next"
        /// Where the domain's logo is.
        case bimi
        /// Proves that a claimed domain is its organisation's.
        case challenge

        /// Whether mail is lost or not believed without it; the others are advised.
        package var isRequired: Bool {
            switch self {
            case .mx, .spf, .dkim, .dmarc, .challenge: true
            case .mtaSTS, .tlsReports, .service, .web, .tlsa, .nextTLSA, .bimi: false
            }
        }
    }

    /// Fully qualified, without the final dot.
    package var name: String
    package var kind: DNSRecordKind
    package var purpose: Purpose
    /// As a zone file writes it after the type; a TXT record's text without quotes, in one piece.
    package var value: String
    /// Seconds.
    package var ttl: Int
    /// Of an alias: the text that must be seen through it.
    package var behind: String?

    package init(
        name: String,
        kind: DNSRecordKind,
        purpose: Purpose,
        value: String,
        ttl: Int = 3_600,
        behind: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.purpose = purpose
        self.value = value
        self.ttl = ttl
        self.behind = behind
    }
}
