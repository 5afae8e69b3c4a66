import MailPorts
import SenderAuth

/// The records that make mail work for a hosted domain.
enum DomainRecords {
    /// In the order in which a reader wants them: how mail arrives, who may send, how programs find the services.
    static func records(
        of domain: String,
        keys: [DKIMKey],
        host: MailHost,
        extras: OptionalRecords = OptionalRecords()
    ) -> [DomainRecord] {
        [DomainRecord(name: domain, kind: .mx, purpose: .mx, value: "10 \(host.name).")]
            + senderPolicies(domain, host)
            + signingKeys(domain, keys, extras)
            + [messagePolicy(domain), tlsReports(domain)]
            + services(domain, host)
            + extras.records(of: domain, host: host)
    }

    static func record(of key: DKIMKey) -> DomainRecord {
        DomainRecord(
            name: "\(key.selector)._domainkey.\(key.domain)",
            kind: .txt,
            purpose: .dkim,
            value: DKIMRecord(key).text
        )
    }

    /// The text of each key, or, where the operator's zone has them, aliases that stay for good.
    private static func signingKeys(_ domain: String, _ keys: [DKIMKey], _ extras: OptionalRecords) -> [DomainRecord] {
        let sorted = keys.sorted { ($0.createdAt, $0.selector) < ($1.createdAt, $1.selector) }
        guard let zone = extras.keyZone else { return sorted.map { record(of: $0) } }
        let delegated = DKIMKey.Algorithm.allCases.filter { algorithm in
            sorted.contains { $0.algorithm == algorithm && FixedSelector($0) != nil }
        }
        let aliases = delegated.flatMap { FixedSelector.all(of: $0) }.map { selector in
            let key = sorted.first { $0.selector == selector.name && $0.state != .retired }
            return DomainRecord(
                name: "\(selector.name)._domainkey.\(domain)",
                kind: .cname,
                purpose: .dkim,
                value: "\(selector.target(of: domain, in: zone)).",
                behind: key.map { DKIMRecord($0).text }
            )
        }
        return sorted.filter { FixedSelector($0) == nil }.map { record(of: $0) } + aliases
    }

    /// RFC 7208 §3: which hosts send for the domain: those that receive for it.
    private static func senderPolicies(_ domain: String, _ host: MailHost) -> [DomainRecord] {
        var records = [DomainRecord(name: domain, kind: .txt, purpose: .spf, value: "v=spf1 mx -all")]
        // RFC 7208 §2.3: receivers check the HELO name too; bounces have no other identity.
        if host.name.utf8.count > domain.utf8.count + 1,
            host.name.utf8.suffix(domain.utf8.count + 1).elementsEqual(".\(domain)".utf8)
        {
            records.append(DomainRecord(name: host.name, kind: .txt, purpose: .spf, value: "v=spf1 a -all"))
        }
        return records
    }

    /// RFC 7489 §6.3: mail that neither SPF nor DKIM vouches for is suspect; reports go to the postmaster.
    private static func messagePolicy(_ domain: String) -> DomainRecord {
        DomainRecord(
            name: "_dmarc.\(domain)",
            kind: .txt,
            purpose: .dmarc,
            value: "v=DMARC1; p=quarantine; rua=mailto:postmaster@\(domain)"
        )
    }

    /// RFC 8460 §3: where senders report that TLS failed.
    private static func tlsReports(_ domain: String) -> DomainRecord {
        DomainRecord(
            name: "_smtp._tls.\(domain)",
            kind: .txt,
            purpose: .tlsReports,
            value: "v=TLSRPTv1; rua=mailto:postmaster@\(domain)"
        )
    }

    /// RFC 6186 §3 and RFC 8314 §5.1: how mail programs find IMAP and submission; TLS from the first octet is preferred.
    private static func services(_ domain: String, _ host: MailHost) -> [DomainRecord] {
        let offers: [(service: String, priority: Int, port: UInt16?)] = [
            ("_submissions", 0, host.submissionsPort), ("_submission", 10, host.submissionPort),
            ("_imaps", 0, host.imapsPort), ("_imap", 10, host.imapPort),
        ]
        return offers.compactMap { offer in
            offer.port.map {
                DomainRecord(
                    name: "\(offer.service)._tcp.\(domain)",
                    kind: .srv,
                    purpose: .service,
                    value: "\(offer.priority) 1 \($0) \(host.name)."
                )
            }
        }
    }
}
