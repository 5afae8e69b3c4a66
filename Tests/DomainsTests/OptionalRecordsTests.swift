import MailModel
import MailPorts
import MailTesting
import Testing

@testable import Domains

@Suite struct OptionalRecordsTests {
    private static let host = MailHost(name: "mail.shop.test")
    private static let now = Timestamp(seconds: 1_800_000_000)
    private static let pin = String(repeating: "ab", count: 32)
    private static let next = String(repeating: "cd", count: 32)

    private static var extras: OptionalRecords {
        OptionalRecords(
            policy: TransportPolicy(mode: .enforce, lifetime: 86_400, host: host),
            webHost: "web.host.test",
            logo: "https://logos.test/{domain}.svg",
            pins: {
                CertificatePins(
                    current: [UInt8](repeating: 0xAB, count: 32),
                    next: [UInt8](repeating: 0xCD, count: 32)
                )
            }
        )
    }

    @Test func `what the platform offers is among the records of a domain`() {
        let lines = Self.extras.records(of: "shop.test", host: Self.host)
            .map { "\($0.name) \($0.kind.rawValue) \($0.value)" }
        #expect(
            lines == [
                "autoconfig.shop.test CNAME web.host.test.", "autodiscover.shop.test CNAME web.host.test.",
                "_autodiscover._tcp.shop.test SRV 0 1 443 web.host.test.",
                "_mta-sts.shop.test TXT \(Self.extras.policy?.record ?? "")",
                "mta-sts.shop.test CNAME web.host.test.",
                "_25._tcp.mail.shop.test TLSA 3 1 1 \(Self.pin)", "_25._tcp.mail.shop.test TLSA 3 1 1 \(Self.next)",
                "default._bimi.shop.test TXT v=BIMI1; l=https://logos.test/shop.test.svg;",
            ]
        )
        // The host's zone is another's: its key is not this owner's to publish.
        #expect(!Self.extras.records(of: "other.test", host: Self.host).contains { $0.kind == .tlsa })
        #expect(!Self.extras.records(of: "op.test", host: MailHost(name: "shop.test")).contains { $0.kind == .tlsa })
        #expect(OptionalRecords().records(of: "shop.test", host: Self.host).isEmpty)
    }

    @Test func `without a policy in force no record names one`() {
        var extras = Self.extras
        extras.policy?.mode = .none
        #expect(!extras.records(of: "shop.test", host: Self.host).contains { $0.name.contains("mta-sts") })
    }

    struct Pinned: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var values: [String]
        var isSigned: Bool
        var status: RecordStatus
        var next: RecordStatus
        init(_ name: String, _ values: [String], isSigned: Bool, _ status: RecordStatus, _ next: RecordStatus) {
            (testDescription, self.values, self.isSigned) = (name, values, isSigned)
            (self.status, self.next) = (status, next)
        }
        static let all = [
            Pinned("no DNSSEC", [], isSigned: false, .ok, .ok),
            Pinned("a wrong one without DNSSEC", ["3 1 1 00"], isSigned: false, .ok, .ok),
            Pinned("none", [], isSigned: true, .advised, .advised),
            Pinned("present", ["3 1 1 \(OptionalRecordsTests.pin)"], isSigned: true, .ok, .advised),
            Pinned(
                "both",
                ["3 1 1 \(OptionalRecordsTests.next)", "3 1 1 \(OptionalRecordsTests.pin)"],
                isSigned: true,
                .ok,
                .ok
            ),
            Pinned("wrong", ["3 1 1 00"], isSigned: true, .differs, .advised),
        ]
    }

    @Test(arguments: Pinned.all) func `a pinned key is advised where DNSSEC vouches for it`(
        _ sample: Pinned
    ) async throws {
        var resolver = FakeResolver()
        resolver.published["mail.shop.test A"] = .success(
            PublishedValues(values: ["192.0.2.1"], ttl: 60, isAuthentic: sample.isSigned)
        )
        if !sample.values.isEmpty {
            resolver.published["_25._tcp.mail.shop.test TLSA"] = .success(
                PublishedValues(values: sample.values, ttl: 60, isAuthentic: sample.isSigned)
            )
        }
        let records = Self.extras.records(of: "shop.test", host: Self.host).filter { $0.kind == .tlsa }
        var states: [RecordStatus] = []
        for record in records {
            var seen = (try? await resolver.published(record.name, .tlsa)) ?? PublishedValues(values: [])
            states.append(try await DomainChecker.judge(record, seen, resolver, &seen).status)
        }
        #expect(states == [sample.status, sample.next])
    }

    @Test func `a logo's address is filled by octets`() {
        #expect(OptionalRecords.filled("https://a/{domain}/{domain}.svg", "x.test") == "https://a/x.test/x.test.svg")
        #expect(OptionalRecords.filled("{domain}\u{301}{dom", "x") == "x\u{301}{dom")
        #expect(
            EmailAddress.isWithin("mail.shop.test", "shop.test") && !EmailAddress.isWithin("myshop.test", "shop.test")
        )
    }
}
