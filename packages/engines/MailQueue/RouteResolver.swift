import MailModel
package import MailPorts

/// Finds the hosts for a domain: the operator's routes, then the smart host, then DNS (RFC 5321 §5.1).
package struct RouteResolver: Sendable {
    private let configuration: QueueConfiguration
    private let resolver: any DNSResolving
    private let hostname: String

    package init(configuration: QueueConfiguration, resolver: any DNSResolving) {
        self.configuration = configuration
        self.resolver = resolver
        self.hostname = Self.withoutFinalDot(ASCIIDomain.text(configuration.hostname) ?? configuration.hostname)
    }

    package func route(to domain: String) async throws(RouteFailure) -> Route {
        guard let ascii = ASCIIDomain.text(domain) else {
            throw .permanent(reply: "550 5.1.2 \(domain) is not a domain name")
        }
        if let mapped = entry(for: domain) ?? entry(for: ascii) ?? entry(for: "*") {
            return Route(hosts: [Self.host(mapped.host, mapped.port)], policy: policy(.opportunistic))
        }
        if let smart = configuration.smartHost {
            var policy = policy(smart.tls)
            if let user = smart.user, let password = smart.password { policy.authentication = (user, password) }
            return Route(hosts: [Self.host(smart.host, smart.port)], policy: policy)
        }
        let hosts =
            ascii.utf8.first == UInt8(ascii: "[")
            ? [try literal(ascii)] : try await exchanges(of: Self.withoutFinalDot(ascii))
        return Route(hosts: hosts, policy: policy(.opportunistic))
    }

    private func policy(_ tls: RemotePolicy.TLS) -> RemotePolicy {
        RemotePolicy(tls: tls, heloName: configuration.hostname)
    }

    // MARK: - What the operator or the address says

    private func entry(for domain: String) -> QueueConfiguration.Route? {
        configuration.routes.first { $0.domain == domain }
    }

    private static func host(_ name: String, _ port: Int) -> RemoteHost {
        RemoteHost(name: name, address: IPAddress(name), port: port)
    }

    /// RFC 5321 §4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    private func literal(_ domain: String) throws(RouteFailure) -> RemoteHost {
        let inside = domain.utf8.dropFirst().dropLast()
        let isTagged = EmailAddress.lowercased(String(decoding: inside.prefix(5), as: UTF8.self)) == "ipv6:"
        let text = String(decoding: isTagged ? inside.dropFirst(5) : inside, as: UTF8.self)
        guard domain.utf8.last == UInt8(ascii: "]"), let address = IPAddress(text) else {
            throw .permanent(reply: "550 5.1.2 \(domain) is not an address literal")
        }
        guard !isOwn(address) else { throw loop(domain) }
        return RemoteHost(name: text, address: address, port: configuration.port)
    }

    // MARK: - DNS

    private func exchanges(of domain: String) async throws(RouteFailure) -> [RemoteHost] {
        let records: [MXRecord]
        do throws(DNSError) {
            records = try await resolver.mx(domain).records
        } catch {
            throw failure(error, domain)
        }
        guard !records.isEmpty else { return try await implicitExchange(of: domain) }
        let named = records.filter { !$0.host.isEmpty }
        // RFC 7505 §4.2: a domain with a null MX takes no mail.
        guard !named.isEmpty else { throw .permanent(reply: "556 5.1.10 \(domain) does not accept mail (null MX)") }
        // RFC 5321 §5.1: ascending by preference, equal ones in random order, so that load spreads.
        let ordered = try withoutOwn(named, domain).shuffled().sorted { $0.preference < $1.preference }
        return try await hosts(of: ordered, domain)
    }

    /// The domain itself as its only mail host.
    ///
    /// RFC 5321 §5.1: "If an empty list of MXs is returned, the address is treated as if it was associated with an
    /// implicit MX RR, with a preference of 0, pointing to that host."
    private func implicitExchange(of domain: String) async throws(RouteFailure) -> [RemoteHost] {
        guard domain != hostname else { throw loop(domain) }
        let addresses: [IPAddress]
        do throws(DNSError) {
            addresses = try await resolver.addresses(domain).records
        } catch {
            throw failure(error, domain)
        }
        guard !addresses.isEmpty else { throw .permanent(reply: "550 5.4.4 \(domain) has no mail server") }
        guard !addresses.contains(where: isOwn) else { throw loop(domain) }
        return addresses.prefix(configuration.maximumHosts).map {
            RemoteHost(name: domain, address: $0, port: configuration.port)
        }
    }

    /// RFC 5321 §5.1: hosts no better than this one would send it back.
    private func withoutOwn(_ records: [MXRecord], _ domain: String) throws(RouteFailure) -> [MXRecord] {
        guard let own = records.filter({ $0.host == hostname }).map(\.preference).min() else { return records }
        let better = records.filter { $0.preference < own }
        guard !better.isEmpty else { throw loop(domain) }
        return better
    }

    /// The addresses of each name in turn; a name with an address of ours cuts the list as our name does.
    private func hosts(of records: [MXRecord], _ domain: String) async throws(RouteFailure) -> [RemoteHost] {
        var found: [(host: RemoteHost, preference: UInt16)] = []
        var trouble: RouteFailure?
        var own: UInt16?
        for record in records.prefix(configuration.maximumHosts) where found.count < configuration.maximumHosts {
            if let own, record.preference >= own { break }
            do throws(DNSError) {
                let addresses = try await resolver.addresses(record.host).records
                if addresses.contains(where: isOwn) { own = record.preference }
                found += addresses.map {
                    (RemoteHost(name: record.host, address: $0, port: configuration.port), record.preference)
                }
            } catch {
                if case .temporary = error { trouble = failure(error, record.host) }
            }
        }
        if let own { found.removeAll { $0.preference >= own } }
        guard found.isEmpty else { return found.prefix(configuration.maximumHosts).map(\.host) }
        if let trouble { throw trouble }
        if own != nil { throw loop(domain) }
        throw .permanent(reply: "550 5.4.4 The mail servers of \(domain) have no addresses")
    }

    // MARK: - Reasons

    private func failure(_ error: DNSError, _ name: String) -> RouteFailure {
        switch error {
        // RFC 5321 §5.1: "If a non-existent domain error is returned, this situation MUST be reported as an error."
        case .noSuchName: .permanent(reply: "550 5.1.2 The domain \(name) does not exist")
        case .invalidName: .permanent(reply: "550 5.1.2 \(name) is not a domain name")
        case .temporary(let reason): .transient(reply: "451 4.4.3 \(name) cannot be looked up now: \(reason)")
        }
    }

    private func loop(_ domain: String) -> RouteFailure {
        .permanent(reply: "554 5.4.6 Mail for \(domain) loops back to \(hostname)")
    }

    private func isOwn(_ address: IPAddress) -> Bool {
        if configuration.ownAddresses.contains(address) { return true }
        // 0.0.0.0 and :: reach this machine too.
        let isUnspecified = address.bytes.allSatisfy { $0 == 0 }
        return (isUnspecified || address.isLoopback) && !configuration.reachesLoopback
    }

    private static func withoutFinalDot(_ name: String) -> String {
        name.utf8.last == UInt8(ascii: ".") ? String(decoding: name.utf8.dropLast(), as: UTF8.self) : name
    }
}
