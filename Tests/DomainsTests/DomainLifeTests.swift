import Logging
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Telemetry
import Testing

@testable import Domains

@Suite struct DomainLifeTests {
    private static let now = Timestamp(seconds: 1_769_817_600)
    private static let actor = DomainLife.Actor("owner@example.test")
    private let directory = FakeDirectory()

    private func life(_ resolver: FakeResolver, _ limits: DomainLife.Limits = DomainLife.Limits()) throws -> DomainLife
    {
        let master = try #require(MasterKey(MasterKey.random()))
        return DomainLife(
            store: directory,
            directory: directory,
            keys: DomainService(directory: directory, master: master, host: MailHost(name: "mail.example.test")),
            resolver: { resolver },
            resolverName: "a table",
            notice: OwnerNotice(people: FakePeople(directory), mail: NoNotices()),
            limits: limits,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private func claim() async throws -> DomainClaim {
        try await life(FakeResolver()).claim(
            "Shop.TEST",
            organisation: OrganisationID(1),
            actor: Self.actor,
            now: Self.now
        )
    }

    struct Zone: Sendable, CustomTestStringConvertible {
        enum Outcome: Sendable, Equatable { case verified, missing, unavailable }
        var testDescription: String
        var outcome: Outcome
        var fill: @Sendable (inout FakeResolver, DomainChallenge) -> Void

        static let name = "_oonrumail-challenge.shop.test"
        static let all = [
            Zone(testDescription: "TXT at the challenge", outcome: .verified) {
                $0.publish($1.name, .txt, "v=x", $1.text)
            },
            Zone(testDescription: "TXT at the domain", outcome: .verified) { $0.publish("shop.test", .txt, $1.text) },
            Zone(testDescription: "CNAME", outcome: .verified) { $0.publish($1.name, .cname, $1.alias + ".") },
            Zone(testDescription: "TXT at the domain while the challenge's name fails", outcome: .verified) {
                $0.publish("shop.test", .txt, $1.text)
                $0.fail($1.name, .txt)
            },
            Zone(testDescription: "nothing", outcome: .missing) { _, _ in },
            Zone(testDescription: "no data", outcome: .missing) { $0.publish($1.name, .txt) },
            Zone(testDescription: "another's token", outcome: .missing) {
                $0.publish($1.name, .txt, "oonrumail-verification=" + String(repeating: "a", count: 32))
                $0.publish($1.name, .cname, "mail.example.test.")
            },
            Zone(testDescription: "more than the text", outcome: .missing) {
                $0.publish($1.name, .txt, $1.text + "\u{301}", " " + $1.text)
            },
            Zone(testDescription: "the name fails", outcome: .unavailable) {
                $0.fail($1.name, .txt)
            },
            Zone(testDescription: "the domain fails", outcome: .unavailable) {
                resolver,
                _ in resolver.fail("shop.test", .txt)
            },
            Zone(testDescription: "the alias fails", outcome: .unavailable) {
                $0.fail($1.name, .cname)
            },
        ]
    }

    @Test("only the published challenge proves a domain; without an answer nothing is known", arguments: Zone.all)
    func proof(_ zone: Zone) async throws {
        let claim = try await claim()
        var resolver = FakeResolver()
        let challenge = DomainChallenge(claim, host: "mail.example.test")
        zone.fill(&resolver, challenge)
        let life = try life(resolver)
        let outcome = await outcome(life, claim)
        #expect(outcome == zone.outcome)
        #expect(try await (directory.domain(named: "shop.test") != nil) == (outcome == .verified))
        #expect(try await directory.signingKeys(of: "shop.test").count == (outcome == .verified ? 2 : 0))
        #expect(directory.audit.map(\.action) == ["domain.claim"] + (outcome == .verified ? ["domain.verify"] : []))
        #expect(directory.audit.allSatisfy { $0.actor == "owner@example.test" && $0.subject == "shop.test" })
    }

    private func outcome(_ life: DomainLife, _ claim: DomainClaim) async -> Zone.Outcome? {
        do throws(DomainFault) {
            let domain = try await life.verify(claim, actor: Self.actor, now: Self.now)
            #expect(domain.name == "shop.test" && domain.organisation == OrganisationID(1))
            return .verified
        } catch {
            switch error {
            case .challengeMissing: return .missing
            case .dnsUnavailable: return .unavailable
            case .notFound, .ambiguous, .conflict, .challengeExpired, .keyNotSeen, .store: return nil
            }
        }
    }

    @Test func `a token is random, fits into a label, and dies with its time`() async throws {
        let claim = try await claim()
        let other = DomainChallenge.makeToken()
        #expect(claim.token != other && claim.token.utf8.count == 32)
        #expect(claim.token.utf8.allSatisfy { (97...122).contains($0) || (50...55).contains($0) })
        var resolver = FakeResolver()
        resolver.publish("shop.test", .txt, "oonrumail-verification=\(claim.token)")
        let life = try life(resolver)
        await #expect(throws: DomainFault.challengeExpired) {
            try await life.verify(claim, actor: Self.actor, now: claim.expiresAt)
        }
        let renewed = try await life.renew(claim, actor: Self.actor, now: claim.expiresAt)
        #expect(renewed.token != claim.token && renewed.expiresAt > claim.expiresAt)
        await #expect(throws: DomainFault.self) {
            try await life.verify(renewed, actor: Self.actor, now: claim.expiresAt)
        }
    }

    @Test func `a second proof is a conflict, on record, and changes nothing`() async throws {
        let claim = try await claim()
        let hosted = try await directory.addDomain("shop.test", organisation: OrganisationID(2), keys: [])
        var resolver = FakeResolver()
        resolver.publish("shop.test", .txt, "oonrumail-verification=\(claim.token)")
        let life = try life(resolver)
        await #expect(throws: DomainFault.conflict) { try await life.verify(claim, actor: Self.actor, now: Self.now) }
        #expect(try await directory.domain(named: "shop.test") == hosted)
        #expect(directory.audit.last?.action == "domain.conflict")
        #expect(try await life.claim(on: "shop.test", organisation: nil) == claim)
    }

    @Test func `whose claim is meant must be clear`() async throws {
        let life = try life(FakeResolver())
        await #expect(throws: DomainFault.notFound) { try await life.claim(on: "shop.test", organisation: nil) }
        for number in [1, 2] {
            _ = try await life.claim(
                "shop.test",
                organisation: OrganisationID(Int64(number)),
                actor: Self.actor,
                now: Self.now
            )
        }
        await #expect(throws: DomainFault.ambiguous) { try await life.claim(on: "shop.test", organisation: nil) }
        #expect(
            try await life.claim(on: "SHOP.test", organisation: OrganisationID(2)).organisation == OrganisationID(2)
        )
        await #expect(throws: DomainFault.notFound) {
            try await life.claim(on: "shop.test", organisation: OrganisationID(3))
        }
    }

    @Test func `an organisation has so many claims at once`() async throws {
        var limits = DomainLife.Limits()
        limits.pending = 2
        let life = try life(FakeResolver(), limits)
        for name in ["a.test", "b.test"] {
            _ = try await life.claim(name, organisation: OrganisationID(1), actor: Self.actor, now: Self.now)
        }
        await #expect(throws: StoreError.self) {
            try await life.claim("c.test", organisation: OrganisationID(1), actor: Self.actor, now: Self.now)
        }
        await #expect(throws: StoreError.self) {
            try await life.claim("no name", organisation: OrganisationID(2), actor: Self.actor, now: Self.now)
        }
    }

    @Test func `upkeep removes what is due, by one process at a time`() async throws {
        let clock = ManualClock()
        let life = try life(FakeResolver())
        _ = try await directory.addDomain("shop.test", organisation: OrganisationID(1), keys: [])
        _ = try await life.delete("shop.test", actor: Self.actor, now: clock.now())
        #expect(try await life.upkeep(holder: "one", clock: clock) == 0)
        clock.advance(seconds: DomainLife.Limits().graceSeconds + 1)
        #expect(try await life.upkeep(holder: "one", clock: clock) == 1)
        #expect(try await directory.domain(named: "shop.test") == nil)
        #expect(directory.audit.last?.action == "domain.purge" && directory.audit.last?.actor == "system")
        _ = try await life.claim("late.test", organisation: OrganisationID(1), actor: Self.actor, now: clock.now())
        clock.advance(seconds: 100)
        #expect(try await life.upkeep(holder: "two", clock: clock) == 0)
        clock.advance(seconds: 3 * DomainLife.Limits().challengeSeconds)
        #expect(try await life.upkeep(holder: "two", clock: clock) == 1)
    }
}
