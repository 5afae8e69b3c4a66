import MailModel
package import MailPorts

/// Why no host can be tried.
package enum RouteFailure: Error, Equatable, Sendable {
    /// Replies as a server would give them: `556 5.1.10 …`.
    case permanent(String)
    case transient(String)
}

/// The hosts to try for a domain, in order, and how they are spoken to.
package struct Route: Sendable {
    package var hosts: [RemoteHost]
    package var policy: RemotePolicy
}

/// Finds where mail for a domain goes (RFC 5321 §5.1).
package struct RouteResolver: Sendable {
    /// Addresses tried for one message.
    package static let maximumHosts = 10

    private let configuration: QueueConfiguration
    private let resolver: any DNSResolving

    package init(configuration: QueueConfiguration, resolver: any DNSResolving) {
        self.configuration = configuration
        self.resolver = resolver
    }

    package func route(to domain: String) async throws(RouteFailure) -> Route {
        let opportunistic = RemotePolicy(tls: .opportunistic, heloName: configuration.hostname)
        let mapped = configuration.routes.first { $0.domain == domain } ?? configuration.routes.first { $0.domain == "*" }
        if let mapped { return Route(hosts: [Self.host(mapped.host, mapped.port)], policy: opportunistic) }
        if let smart = configuration.smartHost {
            var policy = RemotePolicy(tls: smart.tls, heloName: configuration.hostname)
            if let user = smart.user, let password = smart.password { policy.authentication = (user, password) }
            return Route(hosts: [Self.host(smart.host, smart.port)], policy: policy)
        }
        if domain.utf8.first == UInt8(ascii: "[") {
            guard let address = Self.literal(domain) else { throw .permanent("550 5.1.2 \(domain) is no address literal") }
            return Route(hosts: [RemoteHost(name: domain, address: address, port: 25)], policy: opportunistic)
        }
        return Route(hosts: try await addresses(of: mailHosts(of: domain), domain), policy: opportunistic)
    }

    /// `[192.0.2.1]`, `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
    private static func literal(_ domain: String) -> IPAddress? {
        let inside = domain.utf8.dropFirst().dropLast()
        let isIPv6 = EmailAddress.lowercased(String(decoding: inside.prefix(5), as: UTF8.self)) == "ipv6:"
        return IPAddress(String(decoding: isIPv6 ? inside.dropFirst(5) : inside, as: UTF8.self))
    }

    private static func host(_ name: String, _ port: Int) -> RemoteHost {
        RemoteHost(name: name, address: IPAddress(name), port: port)
    }

    // MARK: - DNS

    /// Names in the order of trying.
    private func mailHosts(of domain: String) async throws(RouteFailure) -> [String] {
        let records: [MXRecord]
        do throws(DNSError) {
            records = try await resolver.mx(domain).records
        } catch {
            throw Self.failure(error, domain)
        }
        // RFC 5321 §5.1: "If an empty list of MXs is returned, the address is treated as if it was associated with an implicit MX RR".
        guard !records.isEmpty else { return [domain] }
        // RFC 7505 §3: one record with an empty name says that the domain takes no mail.
        guard records.contains(where: { !$0.host.isEmpty }) else { throw .permanent("556 5.1.10 \(domain) accepts no mail (null MX)") }
        let usable = records.filter { !$0.host.isEmpty }
        // Equal preferences are tried in random order, so that load spreads.
        var ordered = usable.shuffled().sorted { $0.preference < $1.preference }
        // RFC 5321 §5.1: hosts no better than this one would send it back.
        if let own = ordered.first(where: { $0.host == configuration.hostname }) {
            ordered.removeAll { $0.preference >= own.preference }
            guard !ordered.isEmpty else { throw .permanent("554 5.4.6 mail for \(domain) loops back to \(configuration.hostname)") }
        }
        return ordered.map(\.host)
    }

    private func addresses(of names: [String], _ domain: String) async throws(RouteFailure) -> [RemoteHost] {
        var hosts: [RemoteHost] = []
        var transient: RouteFailure?
        for name in names where hosts.count < Self.maximumHosts {
            do throws(DNSError) {
                let found = try await resolver.addresses(name).records
                hosts += found.prefix(Self.maximumHosts - hosts.count).map { RemoteHost(name: name, address: $0, port: 25) }
            } catch {
                if case .transient = Self.failure(error, name) { transient = Self.failure(error, name) }
            }
        }
        guard hosts.isEmpty else { return hosts }
        throw transient ?? .permanent("550 5.4.4 no mail host of \(domain) has an address")
    }

    private static func failure(_ error: DNSError, _ name: String) -> RouteFailure {
        switch error {
        case .noSuchName: .permanent("550 5.1.2 the domain \(name) does not exist")
        case .invalidName: .permanent("550 5.1.2 \(name) is no domain name")
        case .temporary(let reason): .transient("451 4.4.3 \(name) cannot be looked up now: \(reason)")
        }
    }
}
