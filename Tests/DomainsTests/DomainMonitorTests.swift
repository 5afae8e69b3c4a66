import Logging
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Synchronization
import Telemetry
import Testing

@testable import Domains

/// A zone that the test changes.
private final class Zone: PublishedRecordReading {
    private let table = Mutex(FakeResolver())
    func change(_ body: @Sendable (inout FakeResolver) -> Void) { table.withLock { body(&$0) } }
    func published(_ name: String, _ kind: DNSRecordKind) async throws(DNSError) -> PublishedValues {
        try await table.withLock { $0 }.published(name, kind)
    }
}

@Suite struct DomainMonitorTests {
    private let directory = FakeDirectory()
    private let letters = RecordingDeliveries()
    private let zone = Zone()
    private let clock = ManualClock()

    private func monitor() async throws -> DomainMonitor {
        let organisation = try await directory.addOrganisation(name: "Shop")
        _ = try await directory.addDomain("shop.test", organisation: organisation.id, keys: [])
        for (name, role) in [
            ("owner@shop.test", Role.owner), ("founder@elsewhere.test", .owner), ("ann@shop.test", .member),
        ] {
            _ = try await directory.addAccount(
                NewAccount(
                    organisation: organisation.id,
                    address: try #require(EmailAddress(name)),
                    role: role,
                    passwordHash: ""
                )
            )
        }
        let zone = zone
        let life = DomainLife(
            store: directory,
            directory: directory,
            keys: DomainService(
                directory: directory,
                master: try #require(MasterKey(MasterKey.random())),
                host: MailHost(name: "mail.host.test", imapPort: nil, submissionPort: nil)
            ),
            resolver: { zone },
            resolverName: "a table",
            notice: try OwnerNotice(directory, letters),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        zone.change { $0.publish("shop.test", .mx, "10 mail.host.test.") }
        return life.monitor
    }

    @Test func `a report tells of each record what is expected and found`() async throws {
        let report = try await monitor().check("Shop.TEST", now: clock.now())
        #expect(report.domain == "shop.test" && report.resolver == "a table" && report.checkedAt == clock.now())
        #expect(report.status == .missing)
        let exchange = try #require(report.records.first)
        #expect(exchange.status == .ok && exchange.found == ["10 mail.host.test."] && exchange.ttl == 300)
        let policy = try #require(report.records.first { $0.record.purpose == .spf })
        #expect(policy.status == .missing && policy.ttl == nil && policy.advice.contains("v=spf1 mx -all"))
    }

    @Test func `hostile values are cut and made printable`() async throws {
        let monitor = try await monitor()
        zone.change { zone in
            let many = (0..<50).map { _ in "v=spf1 \u{1B}[2J\u{301}\r\nX: y" + String(repeating: "x", count: 4_000) }
            zone.published["shop.test TXT"] = .success(PublishedValues(values: many))
        }
        let report = try await monitor.check("shop.test", now: clock.now())
        let policy = try #require(report.records.first { $0.record.purpose == .spf })
        #expect(policy.status == .differs && policy.found.count == DomainChecker.shownValues)
        #expect(
            policy.found.allSatisfy {
                $0.utf8.count <= DomainChecker.shownOctets && $0.utf8.allSatisfy { (32...126).contains($0) }
            }
        )
    }

    @Test func `owners hear of a change, not of a silence`() async throws {
        let monitor = try await monitor()
        func pass() async throws -> Int {
            clock.advance(seconds: 2 * DomainMonitor.Schedule().intervalSeconds)
            return try await monitor.pass(holder: "one", clock: clock)
        }
        #expect(try await pass() == 1)
        #expect(letters.plans.isEmpty)
        #expect(try await monitor.pass(holder: "one", clock: clock) == 0)
        zone.change { $0.fail("shop.test", .mx) }
        #expect(try await pass() == 1)
        #expect(letters.plans.isEmpty)
        #expect(try await monitor.history(of: "shop.test", limit: 9).count == 1)
        zone.change { $0.publish("shop.test", .mx, "10 mx.elsewhere.test.") }
        #expect(try await pass() == 1)
        let letter = try #require(letters.plans.first)
        #expect(letters.plans.count == 1 && letter.localCopies.map(\.recipient.description) == ["owner@shop.test"])
        // Who signed the organisation up has an address elsewhere.
        #expect(letter.remote.map(\.address.description) == ["founder@elsewhere.test"])
        #expect(letter.summary.subject == "DNS of shop.test: missing before, missing now" && letter.sender == .null)
        #expect(try await monitor.history(of: "shop.test", limit: 9).count == 2)
        #expect(try await pass() == 1)
        #expect(letters.plans.count == 1)
    }

    @Test func `one process at a time looks`() async throws {
        let monitor = try await monitor()
        #expect(try await monitor.pass(holder: "one", clock: clock) == 1)
        clock.advance(seconds: 1)
        _ = try await directory.addDomain("new.test", organisation: OrganisationID(1), keys: [])
        let until = clock.now().adding(seconds: DomainMonitor.leaseSeconds)
        #expect(try await directory.takeUpkeep(DomainMonitor.task, holder: "one", until: until, now: clock.now()))
        #expect(try await monitor.pass(holder: "two", clock: clock) == 0)
        clock.advance(seconds: DomainMonitor.leaseSeconds)
        #expect(try await monitor.pass(holder: "two", clock: clock) == 1)
    }
}
