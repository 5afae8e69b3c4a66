import MailModel
import MailPorts
import Testing

@testable import Domains

@Suite struct ZonePlannerTests {
    private static let now = Timestamp(seconds: 1_000_000)
    private static let ttl = 3_600

    private func record(
        _ name: String,
        _ kind: DNSRecordKind,
        _ purpose: DomainRecord.Purpose,
        _ value: String
    )
        -> DomainRecord
    {
        DomainRecord(name: name, kind: kind, purpose: purpose, value: value)
    }

    private func here(_ name: String, _ kind: DNSRecordKind, _ value: String) -> ZoneRecord {
        ZoneRecord(set: ZoneSet(name, kind), ttl: 300, value: value, data: Array(value.utf8))
    }

    private func ours(
        _ name: String,
        _ kind: DNSRecordKind,
        _ value: String,
        ago: Int64 = 0,
        _ isConfirmed: Bool = true
    )
        -> WrittenRecord
    {
        WrittenRecord(
            set: ZoneSet(name, kind),
            value: value,
            at: Self.now.adding(seconds: -ago),
            isConfirmed: isConfirmed
        )
    }

    private func plan(
        _ wanted: [DomainRecord],
        kept: [DomainRecord] = [],
        written: [WrittenRecord] = [],
        found: [ZoneRecord] = [],
        replacing: Set<String> = []
    ) -> ZonePlan {
        ZonePlanner(
            zone: "shop.test",
            domain: "shop.test",
            wanted: wanted,
            kept: kept,
            written: written,
            found: found,
            replacing: replacing,
            ttl: Self.ttl,
            now: Self.now
        ).made()
    }

    private let spf = DomainRecord(name: "shop.test", kind: .txt, purpose: .spf, value: "v=spf1 mx -all")

    @Test func whatIsMissingIsAddedWhereNothingIs() {
        let plan = plan([spf])
        #expect(plan.steps.map(\.action) == [.add])
        #expect(plan.change.additions.map(\.value) == ["v=spf1 mx -all"] && plan.change.additions[0].ttl == Self.ttl)
        #expect(
            plan.change.requirements == [
                .absent(ZoneSet("shop.test", .txt)), .absent(ZoneSet("shop.test", .cname)),
            ]
        )
    }

    @Test func othersTextsStayAndAreRequiredToBeAsTheyWere() {
        let other = here("shop.test", .txt, "something else")
        let plan = plan([spf], found: [other])
        #expect(plan.change.removals.isEmpty && plan.change.additions.count == 1)
        #expect(plan.change.requirements == [.exactly(ZoneSet("shop.test", .txt), [other])])
    }

    @Test func anSPFRecordOfSomebodysOwnIsAConflictUntilItIsNamed() {
        let other = here("shop.test", .txt, "v=spf1 include:other.test -all")
        let conflict = plan([spf], found: [other])
        #expect(conflict.steps.map(\.action) == [.conflict] && conflict.change.isEmpty)
        #expect(conflict.steps[0].id == "spf/shop.test" && conflict.steps[0].before == [other.value])
        #expect(plan([spf], found: [other], replacing: ["mx/shop.test"]).change.isEmpty)
        let named = plan([spf], found: [other], replacing: ["spf/shop.test"])
        #expect(named.change.removals == [other] && named.change.additions.map(\.value) == [spf.value])
        #expect(conflict.id != named.id)
    }

    @Test func ownWordsThatMeanTheSameAreKept() {
        let plan = plan([spf], found: [here("shop.test", .txt, "v=spf1 mx include:other.test -all")])
        #expect(plan.steps.map(\.action) == [.keep] && plan.change.isEmpty)
    }

    @Test func whatWasWrittenHereIsBroughtUpToDate() {
        let old = "v=STSv1; id=1"
        let wanted = record("_mta-sts.shop.test", .txt, .mtaSTS, "v=STSv1; id=2")
        let plan = plan(
            [wanted],
            written: [ours("_mta-sts.shop.test", .txt, old)],
            found: [here("_mta-sts.shop.test", .txt, old)]
        )
        #expect(plan.steps.map(\.action) == [.replace])
        #expect(plan.change.removals.map(\.value) == [old] && plan.change.additions.map(\.value) == [wanted.value])
        // The words that would do are ours: ours are the new ones.
        let policy = record("_dmarc.shop.test", .txt, .dmarc, "v=DMARC1; p=reject")
        let before = "v=DMARC1; p=none"
        let own = self.plan(
            [policy],
            written: [ours("_dmarc.shop.test", .txt, before)],
            found: [here("_dmarc.shop.test", .txt, before)]
        )
        #expect(own.steps.map(\.action) == [.replace])
        #expect(self.plan([policy], found: [here("_dmarc.shop.test", .txt, before)]).steps.map(\.action) == [.keep])
    }

    @Test func mailOfOthersIsAConflict() {
        let wanted = record("shop.test", .mx, .mx, "10 mail.host.test.")
        let others = [here("shop.test", .mx, "5 mx.other.test."), here("shop.test", .mx, "10 mail.host.test.")]
        #expect(plan([wanted], found: others).steps.map(\.action) == [.conflict])
        let named = plan([wanted], found: others, replacing: ["mx/shop.test"])
        #expect(named.change.removals == [others[0]] && named.change.additions.isEmpty)
        #expect(plan([wanted], found: [here("shop.test", .mx, "20 MAIL.host.test.")]).steps.map(\.action) == [.keep])
    }

    @Test func anAliasStandsAlone() {
        let alias = record("autoconfig.shop.test", .cname, .web, "mail.host.test.")
        let fresh = plan([alias])
        #expect(fresh.change.requirements == [.unused("autoconfig.shop.test")])
        let address = here("autoconfig.shop.test", .a, "192.0.2.1")
        #expect(plan([alias], found: [address]).steps.map(\.action) == [.conflict])
        let named = plan([alias], found: [address], replacing: ["web/autoconfig.shop.test"])
        #expect(named.change.removals == [address] && named.change.additions.map(\.value) == ["mail.host.test."])
        #expect(
            Set(named.change.requirements) == [
                .exactly(ZoneSet("autoconfig.shop.test", .a), [address]),
                .absent(ZoneSet("autoconfig.shop.test", .cname)),
            ]
        )
        // And nothing stands beside one.
        let there = here("_dmarc.shop.test", .cname, "dmarc.other.test.")
        let text = record("_dmarc.shop.test", .txt, .dmarc, "v=DMARC1; p=reject")
        #expect(plan([text], found: [there]).steps.map(\.action) == [.conflict])
        #expect(
            plan([text], found: [there], replacing: ["dmarc/_dmarc.shop.test"]).change.removals == [there]
        )
        // Its name is asked for more than the alias.
        #expect(ZonePlanner.sets([alias], [], []).map(\.kind) == [.cname, .a, .aaaa, .txt])
    }

    @Test func whatIsWantedNoMoreGoesWhereItWasWrittenHere() {
        let name = "old._domainkey.shop.test"
        let found = here(name, .txt, "v=DKIM1; p=AAAA")
        #expect(plan([], found: [found]).change.isEmpty)
        let gone = plan([], written: [ours(name, .txt, found.value)], found: [found])
        #expect(gone.change.removals == [found] && gone.change.requirements == [.exactly(found.set, [found])])
        // Somebody has put something else there: not ours.
        let changed = here(name, .txt, "v=DKIM1; p=BBBB")
        let other = plan([], written: [ours(name, .txt, found.value)], found: [changed])
        #expect(other.change.isEmpty && other.gone.map(\.value) == [found.value])
        // A retired key stays for its grace.
        let kept = record(name, .txt, .dkim, found.value)
        #expect(plan([], kept: [kept], written: [ours(name, .txt, found.value)], found: [found]).change.isEmpty)
    }

    @Test func aNewCertificatesKeyComesBeforeTheOldOneGoes() {
        let name = "_25._tcp.mail.shop.test"
        let (old, new) = ("3 1 1 aa", "3 1 1 bb")
        let wanted = record(name, .tlsa, .tlsa, new)
        let first = plan([wanted], written: [ours(name, .tlsa, old)], found: [here(name, .tlsa, old)])
        #expect(first.change.additions.map(\.value) == [new] && first.change.removals.isEmpty)
        let both = [here(name, .tlsa, old), here(name, .tlsa, new)]
        let early = plan(
            [wanted],
            written: [ours(name, .tlsa, old, ago: 90_000), ours(name, .tlsa, new, ago: 7_199)],
            found: both
        )
        #expect(early.change.isEmpty && early.steps.map(\.action) == [.keep, .keep])
        let late = plan(
            [wanted],
            written: [ours(name, .tlsa, old, ago: 90_000), ours(name, .tlsa, new, ago: 7_200)],
            found: both
        )
        #expect(late.change.removals.map(\.value) == [old] && late.change.additions.isEmpty)
    }

    @Test func whatADeadProcessHasWrittenIsOurs() {
        let there = here("shop.test", .txt, spf.value)
        let found = plan([spf], written: [ours("shop.test", .txt, spf.value, false)], found: [there])
        #expect(found.change.isEmpty && found.found == [there])
        let lost = plan([], written: [ours("shop.test", .txt, spf.value, false)])
        #expect(lost.gone.map(\.value) == [spf.value])
    }

    @Test func aChallengeStandsBesideAnything() {
        let wanted = record("_oonrumail-challenge.shop.test", .txt, .challenge, "oonrumail-verification=abc")
        let other = here("_oonrumail-challenge.shop.test", .txt, "oonrumail-verification=other")
        let plan = plan([wanted], found: [other])
        #expect(plan.change.removals.isEmpty && plan.change.additions.count == 1)
    }

    @Test func timesOfServersAreShownWhateverTheyAre() {
        let fault = ZoneFault.badTime(server: 0xffff_ffff_ffff, ours: 0)
        #expect(fault.advice.utf8.count < 300)
        #expect(ZoneFault.badTime(server: 1_700_000_000, ours: 0).advice.contains("2023-11-14 22:13:20 UTC"))
    }
}
