import MailModel
import MailPorts
import MailQueue
import MailTesting
import Testing

@Suite struct RouteResolverTests {
    static let dns: FakeResolver = {
        var dns = FakeResolver()
        dns.exchanges = [
            "two.test": .success([
                MXRecord(preference: 20, host: "b.two.test"), MXRecord(preference: 10, host: "a.two.test"),
            ]),
            "null.test": .success([MXRecord(preference: 0, host: "")]),
            "mixed.test": .success([MXRecord(preference: 0, host: ""), MXRecord(preference: 5, host: "a.two.test")]),
            "ours.test": .success([
                MXRecord(preference: 10, host: "mail.shop.test"), MXRecord(preference: 20, host: "a.two.test"),
            ]),
            "backup.test": .success([
                MXRecord(preference: 10, host: "a.two.test"), MXRecord(preference: 20, host: "mail.shop.test"),
                MXRecord(preference: 20, host: "b.two.test"), MXRecord(preference: 30, host: "b.two.test"),
            ]),
            "ownaddress.test": .success([
                MXRecord(preference: 10, host: "a.two.test"), MXRecord(preference: 20, host: "own.two.test"),
                MXRecord(preference: 30, host: "b.two.test"),
            ]),
            "loopback.test": .success([MXRecord(preference: 10, host: "localhost.test")]),
            "deaf.test": .failure(.temporary(reason: "SERVFAIL")),
            "dead.test": .success([MXRecord(preference: 10, host: "nowhere.test")]),
            "ailing.test": .success([
                MXRecord(preference: 10, host: "nowhere.test"), MXRecord(preference: 20, host: "servfail.test"),
            ]),
            "half.test": .success([
                MXRecord(preference: 10, host: "servfail.test"), MXRecord(preference: 20, host: "b.two.test"),
            ]),
            "empty.test": .success([]),
            "many.test": .success((0..<30).map { MXRecord(preference: UInt16($0), host: "a.two.test") }),
            "xn--bcher-kva.test": .success([MXRecord(preference: 10, host: "a.two.test")]),
        ]
        dns.hosts = [
            "a.two.test": .success([ip("2001:db8::1"), ip("192.0.2.1")]), "b.two.test": .success([ip("192.0.2.2")]),
            "own.two.test": .success([ip("192.0.2.200")]), "localhost.test": .success([ip("127.0.0.1")]),
            "plain.test": .success([ip("192.0.2.9")]), "servfail.test": .failure(.temporary(reason: "time-out")),
            "empty.test": .success([]),
        ]
        return dns
    }()

    func resolver(_ configure: (inout QueueConfiguration) -> Void = { _ in }) -> RouteResolver {
        var configuration = QueueConfiguration(hostname: "Mail.Shop.test")
        configuration.ownAddresses = [ip("192.0.2.200")]
        configure(&configuration)
        return RouteResolver(configuration: configuration, resolver: Self.dns)
    }

    struct Found: Sendable, CustomTestStringConvertible {
        let domain: String
        let hosts: [String]
        init(_ domain: String, _ hosts: [String]) { (self.domain, self.hosts) = (domain, hosts) }
        var testDescription: String { domain }
    }

    @Test(arguments: [
        Found("two.test", ["a.two.test 2001:db8::1", "a.two.test 192.0.2.1", "b.two.test 192.0.2.2"]),
        Found("two.test.", ["a.two.test 2001:db8::1", "a.two.test 192.0.2.1", "b.two.test 192.0.2.2"]),
        Found("mixed.test", ["a.two.test 2001:db8::1", "a.two.test 192.0.2.1"]),
        Found("plain.test", ["plain.test 192.0.2.9"]),
        Found("backup.test", ["a.two.test 2001:db8::1", "a.two.test 192.0.2.1"]),
        Found("ownaddress.test", ["a.two.test 2001:db8::1", "a.two.test 192.0.2.1"]),
        Found("half.test", ["b.two.test 192.0.2.2"]),
        Found("bücher.test", ["a.two.test 2001:db8::1", "a.two.test 192.0.2.1"]),
        Found("BÜCHER.test", ["a.two.test 2001:db8::1", "a.two.test 192.0.2.1"]),
        Found("[192.0.2.7]", ["192.0.2.7 192.0.2.7"]),
        Found("[IPv6:2001:db8::7]", ["2001:db8::7 2001:db8::7"]),
    ])
    func hostsInTheOrderOfTrying(_ row: Found) async throws {
        let route = try await resolver().route(to: row.domain)
        #expect(route.hosts.map { "\($0.name) \($0.address?.description ?? "-")" } == row.hosts)
        #expect(route.hosts.allSatisfy { $0.port == 25 })
        guard case .opportunistic = route.policy.tls else { return #expect(Bool(false), "TLS is not opportunistic") }
        #expect(route.policy.heloName == "mail.shop.test")
    }

    struct Failed: Sendable, CustomTestStringConvertible {
        let domain: String
        let isPermanent: Bool
        let status: String
        init(_ domain: String, _ status: String, isPermanent: Bool) {
            (self.domain, self.status, self.isPermanent) = (domain, status, isPermanent)
        }
        var testDescription: String { domain }
    }

    @Test(arguments: [
        Failed("null.test", "556 5.1.10 ", isPermanent: true),
        Failed("ours.test", "554 5.4.6 ", isPermanent: true),
        Failed("mail.shop.test", "550 5.1.2 ", isPermanent: true),
        Failed("loopback.test", "554 5.4.6 ", isPermanent: true),
        Failed("localhost.test", "554 5.4.6 ", isPermanent: true),
        Failed("[127.0.0.1]", "554 5.4.6 ", isPermanent: true),
        Failed("[::]", "554 5.4.6 ", isPermanent: true),
        Failed("[192.0.2.200]", "554 5.4.6 ", isPermanent: true),
        Failed("[nonsense]", "550 5.1.2 ", isPermanent: true),
        Failed("[192.0.2.1", "550 5.1.2 ", isPermanent: true),
        Failed("gone.test", "550 5.1.2 ", isPermanent: true),
        Failed("deaf.test", "451 4.4.3 ", isPermanent: false),
        Failed("dead.test", "550 5.4.4 ", isPermanent: true),
        Failed("ailing.test", "451 4.4.3 ", isPermanent: false),
        Failed("empty.test", "550 5.4.4 ", isPermanent: true),
        Failed("ü\(String(repeating: "x", count: 63)).test", "550 5.1.2 ", isPermanent: true),
    ])
    func reasonsForHavingNoHost(_ row: Failed) async {
        let failure = await #expect(throws: RouteFailure.self) { try await resolver().route(to: row.domain) }
        switch failure {
        case .permanent(let reply)?:
            #expect(row.isPermanent)
            #expect(reply.hasPrefix(row.status), "\(reply)")
        case .transient(let reply)?:
            #expect(!row.isPermanent)
            #expect(reply.hasPrefix(row.status), "\(reply)")
        case nil: ()
        }
    }

    @Test func atMostTenAddresses() async throws {
        #expect(try await resolver().route(to: "many.test").hosts.count == 10)
    }

    @Test func equalPreferencesAreTriedInAnyOrder() async throws {
        var dns = FakeResolver()
        dns.exchanges["even.test"] = .success((1...8).map { MXRecord(preference: 10, host: "mx\($0).test") })
        for number in 1...8 { dns.hosts["mx\(number).test"] = .success([ip("192.0.2.\(number)")]) }
        let resolver = RouteResolver(configuration: QueueConfiguration(hostname: "mail.shop.test"), resolver: dns)
        var orders: Set<[String]> = []
        for _ in 0..<50 { orders.insert(try await resolver.route(to: "even.test").hosts.map(\.name)) }
        // Fifty draws of 40 320 orders.
        #expect(orders.count > 10)
        #expect(orders.allSatisfy { Set($0).count == 8 })
    }

    @Test func loopbackIsReachedWhenAllowed() async throws {
        let hosts = try await resolver { $0.reachesLoopback = true }.route(to: "loopback.test").hosts
        #expect(hosts.map(\.address) == [ip("127.0.0.1")])
    }

    // MARK: - What the operator said

    @Test func routesComeBeforeTheSmartHostAndDNS() async throws {
        let resolver = resolver { configuration in
            configuration.routes = [
                .init(domain: "*", host: "relay.test", port: 2_525),
                .init(domain: "two.test", host: "127.0.0.1", port: 26),
                .init(domain: "xn--bcher-kva.test", host: "books.test", port: 27),
            ]
            configuration.smartHost = .init(host: "smart.test", port: 587, tls: .verified, user: nil, password: nil)
        }
        #expect(
            try await resolver.route(to: "two.test").hosts == [
                RemoteHost(name: "127.0.0.1", address: ip("127.0.0.1"), port: 26)
            ]
        )
        #expect(
            try await resolver.route(to: "gone.test").hosts == [
                RemoteHost(name: "relay.test", address: nil, port: 2_525)
            ]
        )
        #expect(try await resolver.route(to: "bücher.test").hosts.map(\.name) == ["books.test"])
        #expect(try await resolver.route(to: "[192.0.2.1]").hosts.map(\.name) == ["relay.test"])
    }

    @Test func theSmartHostTakesEverythingElse() async throws {
        let resolver = resolver { configuration in
            configuration.smartHost = .init(
                host: "smart.test",
                port: 587,
                tls: .verified,
                user: "shop",
                password: "pass"
            )
        }
        let route = try await resolver.route(to: "null.test")
        #expect(route.hosts == [RemoteHost(name: "smart.test", address: nil, port: 587)])
        guard case .verified = route.policy.tls else { return #expect(Bool(false), "TLS is not verified") }
        #expect(route.policy.authentication?.user == "shop")
        #expect(route.policy.authentication?.password == "pass")
    }
}
