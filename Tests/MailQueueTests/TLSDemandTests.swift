import MailModel
import MailPorts
import Testing

@testable import MailQueue

@Suite struct TLSDemandTests {
    private func lease(_ submitter: AccountID = AccountID(7)) -> QueueLease {
        QueueLease(
            queueID: QueueID(time: Timestamp(seconds: 1), random: 1),
            submitter: submitter,
            sender: .null,
            domain: "shop.test",
            recipients: [],
            size: 1,
            createdAt: Timestamp(seconds: 1),
            expiresAt: Timestamp(seconds: 9),
            needsSMTPUTF8: false,
            is8Bit: false,
            fence: 0
        )
    }

    private func route(_ tls: RemotePolicy.TLS) -> Route {
        Route(hosts: [], policy: RemotePolicy(tls: tls, heloName: "mail.host.test"))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let wanted: RemotePolicy.TLS?
        let routed: RemotePolicy.TLS
        let used: RemotePolicy.TLS
        init(_ wanted: RemotePolicy.TLS?, _ routed: RemotePolicy.TLS, _ used: RemotePolicy.TLS) {
            (self.wanted, self.routed, self.used) = (wanted, routed, used)
        }
        var testDescription: String { "\(wanted.map { "\($0)" } ?? "nothing") over \(routed)" }
    }

    @Test(
        "a demand makes a route stricter and never laxer",
        arguments: [
            Case(nil, .none, .none), Case(nil, .opportunistic, .opportunistic), Case(nil, .verified, .verified),
            Case(.encrypted, .none, .encrypted), Case(.encrypted, .opportunistic, .encrypted),
            Case(.encrypted, .encrypted, .encrypted), Case(.encrypted, .verified, .verified),
            Case(.encrypted, .implicit, .implicit), Case(.verified, .none, .verified),
            Case(.verified, .opportunistic, .verified), Case(.verified, .encrypted, .verified),
            Case(.verified, .verified, .verified), Case(.verified, .implicit, .implicit),
            Case(.opportunistic, .none, .none), Case(.opportunistic, .verified, .verified),
        ]
    )
    func demand(_ one: Case) async throws {
        var route = route(one.routed)
        try await TLSDemand { _, _ in one.wanted }.tighten(&route, for: lease())
        #expect(route.policy.tls == one.used)
    }

    @Test func `the submitter and the recipient's domain are asked about`() async throws {
        var route = route(.opportunistic)
        try await TLSDemand { account, domain in
            account == AccountID(7) && domain == "shop.test" ? .verified : nil
        }.tighten(&route, for: lease())
        #expect(route.policy.tls == .verified)
    }

    @Test func `mail of the platform's own is nobody's demand`() async throws {
        var route = route(.opportunistic)
        try await TLSDemand { _, _ in .verified }.tighten(&route, for: lease(.system))
        #expect(route.policy.tls == .opportunistic)
    }

    @Test func `what cannot be asked is not sent, and is tried again`() async throws {
        var route = route(.opportunistic)
        await #expect(
            throws: RouteFailure.transient(reply: "451 4.3.0 The policy of the sender's domain cannot be read")
        ) {
            try await TLSDemand { _, _ throws(StoreError) in throw .unavailable(reportID: "x") }.tighten(
                &route,
                for: lease()
            )
        }
    }
}
