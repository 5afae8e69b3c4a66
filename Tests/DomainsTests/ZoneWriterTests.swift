import Logging
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@testable import Domains

/// What the world's resolver sees: the fake server's records.
private struct Seen: PublishedRecordReading {
    let server: FakeZoneServer
    func published(_ name: String, _ kind: DNSRecordKind) async throws(DNSError) -> PublishedValues {
        let values = server.records.filter { $0.set == ZoneSet(name, kind) }.map(\.value)
        guard !values.isEmpty else { throw .noSuchName }
        return PublishedValues(values: values, ttl: 300)
    }
}

@Suite struct ZoneWriterTests {
    private static let actor = DomainLife.Actor("owner@shop.test")
    private let directory = FakeDirectory()
    private let zones = FakeZones()
    private let server = FakeZoneServer()
    private let clock = ManualClock()
    private let letters = RecordingDeliveries()
    private let audit = AuditEvent(
        at: Timestamp(seconds: 0),
        actor: "owner@shop.test",
        action: "zone.connect",
        subject: "shop.test"
    )

    private func writer() throws -> ZoneWriter {
        let server = server
        let life = DomainLife(
            store: directory,
            directory: directory,
            keys: DomainService(
                directory: directory,
                master: try #require(MasterKey(MasterKey.random())),
                host: MailHost(name: "mail.host.test", imapPort: nil, submissionPort: nil)
            ),
            resolver: { Seen(server: server) },
            resolverName: "a table",
            notice: OwnerNotice(people: FakePeople(directory), mail: NoNotices()),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        return ZoneWriter(
            life: life,
            store: zones,
            publishing: server,
            secrets: TurningSeal(),
            limiter: FakeLimiter(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private func wish(automatic: Bool = false, repairs: Bool = true) -> ZoneWish {
        var wish = ZoneWish(host: "ns.shop.test", keyName: "Key.")
        wish.secret = "MDEyMzQ1Njc4OWFiY2RlZg=="
        (wish.isAutomatic, wish.repairsDrift) = (automatic, repairs)
        return wish
    }

    /// A hosted domain with an owner, and its connection.
    private func shop(
        _ writer: ZoneWriter,
        automatic: Bool = false,
        repairs: Bool = true
    ) async throws -> ZoneMember {
        let organisation = try await directory.addOrganisation(name: "Shop")
        let domain = try await directory.addDomain("shop.test", organisation: organisation.id, keys: [])
        _ = try await directory.addAccount(
            NewAccount(
                organisation: organisation.id,
                address: try #require(EmailAddress("owner@shop.test")),
                role: .owner,
                passwordHash: ""
            )
        )
        let member = ZoneMember(domain)
        _ = try await writer.connect(
            wish(automatic: automatic, repairs: repairs),
            of: member,
            replacing: nil,
            audit: audit
        )
        zones.setMembers([member])
        return member
    }

    private func keeper(_ writer: ZoneWriter) throws -> ZoneKeeper {
        ZoneKeeper(
            writer: writer,
            upkeep: directory,
            notice: try OwnerNotice(directory, letters),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    // MARK: - By hand

    @Test func aSecretIsSealedAndGoesToNoOtherServer() async throws {
        let writer = try writer()
        let member = try await shop(writer)
        let kept = try await writer.connection(of: member)
        #expect(kept.keyName == "key" && kept.zone == "shop.test" && kept.port == 53)
        #expect(kept.sealedSecret == TurningSeal().seal(Array("0123456789abcdef".utf8)))
        var again = wish()
        again.secret = nil
        #expect(
            try await writer.connect(again, of: member, replacing: nil, audit: audit).sealedSecret == kept.sealedSecret
        )
        for change: (inout ZoneWish) -> Void in [
            { $0.host = "evil.test" }, { $0.port = 54 }, { $0.keyName = "other" }, { $0.algorithm = "hmac-sha512" },
        ] {
            var other = again
            change(&other)
            await #expect(throws: ZoneWriteFault.self) {
                _ = try await writer.connect(other, of: member, replacing: nil, audit: audit)
            }
        }
    }

    @Test func aPlanThatWasShownIsWrittenOrNothing() async throws {
        let writer = try writer()
        let member = try await shop(writer)
        let shown = try await writer.plan(member, now: clock.now())
        #expect(server.changes.isEmpty && !shown.change.isEmpty)
        server.put("shop.test", .txt, "somebody else's")
        var newer: ZonePlan?
        do {
            _ = try await writer.write(member, plan: shown.id, actor: Self.actor, now: clock.now())
        } catch {
            if case .stale(let plan) = error { newer = plan }
        }
        let id = try #require(newer).id
        #expect(server.changes.isEmpty && id != shown.id)
        _ = try await writer.write(member, plan: id, actor: Self.actor, now: clock.now())
        #expect(server.changes.count == 1 && zones.audit.map(\.action) == ["zone.connect", "zone.write"])
        #expect(server.records.contains { $0.value == "somebody else's" })
        #expect(try await zones.writtenRecords(of: member).allSatisfy(\.isConfirmed))
    }

    @Test func whatChangesBetweenLookAndWriteIsPlannedAnew() async throws {
        let writer = try writer()
        let member = try await shop(writer)
        let server = server
        server.beforeChange { server.put("shop.test", .txt, "v=spf1 include:other.test -all") }
        let done = try await writer.write(member, actor: Self.actor, now: clock.now())
        #expect(done.conflicts.map(\.id) == ["spf/shop.test"])
        #expect(
            server.records.filter { $0.set == ZoneSet("shop.test", .txt) }.map(\.value) == [
                "v=spf1 include:other.test -all"
            ]
        )
    }

    @Test func whatWasRefusedIsNotOurs() async throws {
        let writer = try writer()
        let member = try await shop(writer)
        for (fault, isLeft) in [(ZoneFault.refused, false), (.noAnswer, true)] {
            server.fail(nil)
            let server = server
            server.beforeChange { server.fail(fault) }
            await #expect(throws: ZoneWriteFault.self) {
                _ = try await writer.write(member, actor: Self.actor, now: clock.now())
            }
            // Without an answer it may be there: whatever is, is ours.
            #expect(try await zones.writtenRecords(of: member).isEmpty != isLeft)
            #expect(try await zones.zoneState(of: member)?.fault == fault.advice)
        }
        server.fail(nil)
        _ = try await writer.write(member, actor: Self.actor, now: clock.now())
        #expect(try await zones.zoneState(of: member)?.fault == nil)
        #expect(try await zones.writtenRecords(of: member).allSatisfy(\.isConfirmed))
    }

    @Test func anotherOrganisationsConnectionIsNone() async throws {
        let writer = try writer()
        _ = try await shop(writer)
        let other = try await directory.addOrganisation(name: "Other")
        let claim = ZoneMember(organisation: other.id, domain: "mail.shop.test", state: .pending)
        await #expect(throws: ZoneWriteFault.self) { _ = try await writer.plan(claim, now: clock.now()) }
        #expect(server.servers.isEmpty)
    }

    // MARK: - Automatic

    @Test func itWritesWhatIsWantedAndThenLooksRarely() async throws {
        let writer = try writer()
        let member = try await shop(writer, automatic: true)
        let keeper = try keeper(writer)
        #expect(try await keeper.pass(holder: "a", clock: clock) == 1)
        #expect(server.changes.count == 1 && server.records.contains { $0.value == "v=spf1 mx -all" })
        #expect(try await keeper.pass(holder: "a", clock: clock) == 0)
        // Not before its time, whichever process has the turn.
        server.remove("shop.test", .txt)
        clock.advance(seconds: 100)
        #expect(try await keeper.pass(holder: "b", clock: clock) == 0)
        clock.advance(seconds: 22_000)
        #expect(try await keeper.pass(holder: "b", clock: clock) == 1)
        #expect(server.records.contains { $0.value == "v=spf1 mx -all" })
        #expect(try await zones.zoneState(of: member)?.failures == 0)
    }

    @Test func driftIsOnlyReportedWhereItIsWanted() async throws {
        let writer = try writer()
        let member = try await shop(writer, automatic: true, repairs: false)
        let keeper = try keeper(writer)
        _ = try await keeper.pass(holder: "a", clock: clock)
        server.remove("shop.test", .txt)
        clock.advance(seconds: 22_000)
        #expect(try await keeper.pass(holder: "a", clock: clock) == 1)
        #expect(!server.records.contains { $0.value == "v=spf1 mx -all" })
        #expect(try await zones.zoneState(of: member)?.fault?.contains("shop.test TXT") == true)
    }

    @Test func failuresAreTriedEverMoreRarelyAndToldOnce() async throws {
        let writer = try writer()
        let member = try await shop(writer, automatic: true)
        let keeper = try keeper(writer)
        server.fail(.unreachable)
        var waits: [Int64] = []
        for _ in 0..<12 {
            _ = try await keeper.pass(holder: "a", clock: clock)
            let state = try #require(try await zones.zoneState(of: member))
            waits.append(state.nextAt.seconds - clock.now().seconds)
            #expect(try await keeper.pass(holder: "a", clock: clock) == 0)
            clock.advance(seconds: waits[waits.count - 1])
        }
        #expect(waits.prefix(4) == [60, 120, 240, 480] && waits.last == 21_600)
        #expect(letters.plans.count == 1)
        server.fail(nil)
        _ = try await keeper.pass(holder: "a", clock: clock)
        #expect(try await zones.zoneState(of: member)?.failures == 0 && server.changes.count == 1)
    }

    @Test func aClaimIsProvedByItsOwnOrganisationsConnection() async throws {
        let writer = try writer()
        let member = try await shop(writer, automatic: true)
        let keeper = try keeper(writer)
        let other = try await directory.addOrganisation(name: "Other")
        var members: [ZoneMember] = []
        for organisation in [member.organisation, other.id] {
            _ = try await writer.life.claim(
                "mail.shop.test",
                organisation: organisation,
                actor: Self.actor,
                now: clock.now()
            )
            members.append(ZoneMember(organisation: organisation, domain: "mail.shop.test", state: .pending))
        }
        // The other one's alone: whatever the list says.
        zones.setMembers([members[1]])
        _ = try await keeper.pass(holder: "a", clock: clock)
        #expect(server.servers.isEmpty && server.records.isEmpty)
        zones.setMembers([members[0]])
        _ = try await keeper.pass(holder: "a", clock: clock)
        #expect(try await directory.domain(named: "mail.shop.test")?.organisation == member.organisation)
        #expect(server.records.map(\.set.name) == ["_oonrumail-challenge.mail.shop.test"])
    }

    @Test func whatIsWrittenIsNoProof() async throws {
        let writer = try writer()
        let member = try await shop(writer, automatic: true)
        let keeper = try keeper(writer)
        _ = try await writer.life.claim(
            "mail.shop.test",
            organisation: member.organisation,
            actor: Self.actor,
            now: clock.now()
        )
        let claim = ZoneMember(organisation: member.organisation, domain: "mail.shop.test", state: .pending)
        zones.setMembers([claim])
        // The server takes it; the world does not see it.
        let server = server
        server.beforeChange { server.put("_oonrumail-challenge.mail.shop.test", .cname, "elsewhere.test.") }
        _ = try await keeper.pass(holder: "a", clock: clock)
        #expect(try await directory.domain(named: "mail.shop.test") == nil)
    }
}
