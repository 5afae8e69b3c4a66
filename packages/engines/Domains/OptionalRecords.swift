import ByteParsing
import MailModel
import MailPorts

/// Public keys of the certificates that the mail host serves: SHA-256 of the SubjectPublicKeyInfo, 32 octets each.
package struct CertificatePins: Hashable, Sendable {
    package var current: [UInt8]?
    /// Of the certificate that comes next, so that its record is there before it.
    package var next: [UInt8]?
    package init(current: [UInt8]? = nil, next: [UInt8]? = nil) { (self.current, self.next) = (current, next) }
}

/// What the platform offers beside mail itself, and which records of domains follow from it.
package struct OptionalRecords: Sendable {
    /// The MTA-STS policy; nil when none is served.
    package var policy: TransportPolicy?
    /// The host that answers HTTPS for hosted domains; nil when there is none.
    package var webHost: String?
    /// Where a domain's logo is, `{domain}` standing for its name; nil without logos.
    package var logo: String?
    /// The zone of the operator's that has the signing keys of domains that delegate them; nil when there is none.
    package var keyZone: String?
    /// Read at each use: certificates change.
    package var pins: @Sendable () -> CertificatePins

    package init(
        policy: TransportPolicy? = nil,
        webHost: String? = nil,
        logo: String? = nil,
        keyZone: String? = nil,
        pins: @escaping @Sendable () -> CertificatePins = { CertificatePins() }
    ) {
        self.policy = policy
        self.webHost = webHost
        self.logo = logo
        self.keyZone = keyZone
        self.pins = pins
    }

    func records(of domain: String, host: MailHost) -> [DomainRecord] {
        web(domain) + transport(domain) + pinned(domain, host) + brand(domain)
    }

    /// Where mail programs ask for their settings.
    private func web(_ domain: String) -> [DomainRecord] {
        guard let webHost else { return [] }
        return [
            alias("autoconfig", domain, webHost), alias("autodiscover", domain, webHost),
            DomainRecord(
                name: "_autodiscover._tcp.\(domain)",
                kind: .srv,
                purpose: .service,
                value: "0 1 443 \(webHost)."
            ),
        ]
    }

    private func alias(_ label: String, _ domain: String, _ target: String) -> DomainRecord {
        DomainRecord(name: "\(label).\(domain)", kind: .cname, purpose: .web, value: "\(target).")
    }

    /// RFC 8461 §3: the record names the policy, the host serves it.
    private func transport(_ domain: String) -> [DomainRecord] {
        guard let policy, policy.mode != .none else { return [] }
        let record = DomainRecord(name: "_mta-sts.\(domain)", kind: .txt, purpose: .mtaSTS, value: policy.record)
        return [record] + (webHost.map { [alias("mta-sts", domain, $0)] } ?? [])
    }

    /// RFC 7672 §3.1.1: usage DANE-EE, the public key, by SHA-256; where the host's zone is the domain's own.
    private func pinned(_ domain: String, _ host: MailHost) -> [DomainRecord] {
        guard EmailAddress.isWithin(host.name, domain) else { return [] }
        let pins = pins()
        let both: [(DomainRecord.Purpose, [UInt8]?)] = [
            (.tlsa, pins.current), (.nextTLSA, pins.next == pins.current ? nil : pins.next),
        ]
        return both.compactMap { purpose, pin in
            pin.map {
                DomainRecord(
                    name: "_25._tcp.\(host.name)",
                    kind: .tlsa,
                    purpose: purpose,
                    value: "3 1 1 \(Hexadecimal.text($0))"
                )
            }
        }
    }

    private func brand(_ domain: String) -> [DomainRecord] {
        guard let logo else { return [] }
        let place = Self.filled(logo, domain)
        return [
            DomainRecord(name: "default._bimi.\(domain)", kind: .txt, purpose: .bimi, value: "v=BIMI1; l=\(place);")
        ]
    }

    /// `{domain}` by the name, over octets.
    static func filled(_ template: String, _ domain: String) -> String {
        let mark = Array("{domain}".utf8)
        var output: [UInt8] = []
        var rest = Array(template.utf8)[...]
        while !rest.isEmpty {
            if rest.starts(with: mark) {
                output += Array(domain.utf8)
                rest = rest.dropFirst(mark.count)
            } else {
                output.append(rest.removeFirst())
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}

extension EmailAddress {
    /// Whether the name is the domain's or below it; both lower case.
    static func isWithin(_ name: String, _ domain: String) -> Bool {
        name.utf8.elementsEqual(domain.utf8)
            || (name.utf8.count > domain.utf8.count
                && name.utf8.suffix(domain.utf8.count + 1).elementsEqual(".\(domain)".utf8))
    }
}
