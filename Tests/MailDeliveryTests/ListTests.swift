import MailModel
import MailPorts
import MailTesting
import MessageFormat
import Testing

@testable import MailDelivery

private let event = AuditEvent(at: Timestamp(seconds: 0), actor: "cli", action: "x", subject: "shop.test")

struct PolicyRow: Sendable, CustomTestStringConvertible {
    let record: String
    let own: Bool?
    let above: Bool?
    init(_ record: String, _ own: Bool?, _ above: Bool?) { (self.record, self.own, self.above) = (record, own, above) }
    var testDescription: String { record }
}

@Suite struct ListTests {
    private let ann = address("ann@shop.test")
    private let team = address("team@shop.test")

    /// The shop with a list that has ann, bob (full), zoe (suspended), an alias and an address elsewhere.
    private func shop(_ posting: PostingRule, limit: Int? = nil) async throws -> (Shop, RecipientResolver) {
        let shop = try await Shop()
        let list = try await add(team, posting, to: shop, limit: limit)
        _ = try await shop.directory.addMembers(
            ["ann@shop.test", "bob@shop.test", "zoe@shop.test", "sales@shop.test", "out@elsewhere.test"].map(address),
            to: list.address,
            atMost: 10,
            audit: event
        )
        return (
            shop, RecipientResolver(directory: shop.directory, addresses: shop.directory, hostname: "mail.shop.test")
        )
    }

    @discardableResult
    private func add(
        _ address: EmailAddress,
        _ posting: PostingRule,
        to shop: Shop,
        limit: Int? = nil
    ) async throws -> DistributionList {
        let list = DistributionList(
            address: address,
            organisation: OrganisationID(1),
            name: "The team",
            posting: posting,
            maximumSize: limit,
            createdAt: Timestamp(seconds: 0)
        )
        try await shop.directory.addList(list, owners: [], audit: event)
        return list
    }

    private func submitter(_ text: String, organisation: Int64 = 1) -> Poster {
        var account = MessageIntakeTests.ann
        account.organisation = OrganisationID(organisation)
        return .account(Submitter(account: account, addresses: [address(text)]))
    }

    private func outside(_ text: String) -> Poster { .outside(.address(address(text))) }

    @Test func `members are gathered, and those that cannot take mail keep it from nobody`() async throws {
        let (shop, resolver) = try await shop(.anyone)
        let found = try await resolver.expand(team, mayRelay: false, poster: outside("x@elsewhere.test"))
        #expect(found.local.isEmpty && found.remote.isEmpty)
        let list = try #require(found.lists.first)
        #expect(list.members.contains { $0.local.account == shop.ann && $0.room == nil })
        #expect(list.members.first { $0.local.address == address("bob@shop.test") }?.room == 0)
        #expect(!list.members.contains { $0.local.address == address("zoe@shop.test") })
        #expect(Set(list.remote) == [address("out@elsewhere.test"), address("away@elsewhere.test")])
    }

    @Test func `who may write is asked of who has signed in, or is elsewhere`() async throws {
        let rows: [(PostingRule, Poster, Bool)] = [
            (.anyone, outside("x@elsewhere.test"), true), (.anyone, .outside(.null), false),
            (.organisation, submitter("ann@shop.test"), true),
            (.organisation, submitter("eve@mill.test", organisation: 2), false),
            (.organisation, outside("ann@shop.test"), false), (.organisation, outside("x@elsewhere.test"), false),
            (.members, submitter("ann@shop.test"), true), (.members, submitter("boss@shop.test"), false),
            (.members, outside("Out@elsewhere.test"), true), (.members, outside("ann@shop.test"), false),
            (.members, outside("x@elsewhere.test"), false), (.named, submitter("ann@shop.test"), false),
            (.named, outside("press@elsewhere.test"), true), (.named, .outside(.null), false),
        ]
        for (rule, poster, isTaken) in rows {
            let (shop, resolver) = try await shop(rule)
            try await shop.directory.setSenders([address("press@elsewhere.test")], of: team, audit: event)
            do throws(RecipientRefusal) {
                _ = try await resolver.expand(team, mayRelay: false, poster: poster)
                #expect(isTaken, "\(rule) \(poster)")
            } catch {
                #expect(!isTaken && error == .notPermitted, "\(rule) \(poster): \(error)")
            }
        }
    }

    @Test func `a list within a list keeps its rule, and a circle ends`() async throws {
        let (shop, resolver) = try await shop(.anyone)
        let inner = try await add(address("inner@shop.test"), .named, to: shop)
        _ = try await shop.directory.addMembers([inner.address], to: team, atMost: 9, audit: event)
        _ = try await shop.directory.addMembers(
            [team, address("boss@shop.test")],
            to: inner.address,
            atMost: 9,
            audit: event
        )
        await #expect(throws: RecipientRefusal.notPermitted) {
            try await resolver.expand(team, mayRelay: false, poster: outside("x@elsewhere.test"))
        }
        try await shop.directory.setSenders([team], of: inner.address, audit: event)
        let found = try await resolver.expand(team, mayRelay: false, poster: outside("x@elsewhere.test"))
        #expect(found.lists.count == 1)
        #expect(found.lists.first?.members.contains { $0.local.account == shop.administrator } == true)
    }

    @Test func `an announced size beyond the list's is refused`() async throws {
        let (_, resolver) = try await shop(.anyone, limit: 2_000)
        await #expect(throws: RecipientRefusal.neverFits) {
            try await resolver.expand(team, mayRelay: false, poster: outside("x@elsewhere.test"), size: 2_001)
        }
    }

    @Test func `a catch-all takes what nobody has, and nothing else`() async throws {
        let shop = try await Shop()
        let resolver = RecipientResolver(
            directory: shop.directory,
            addresses: shop.directory,
            hostname: "mail.shop.test"
        )
        try await shop.directory.setCatchAll(.deliver(ann), of: "shop.test", audit: event)
        let found = try await resolver.expand(address("whoever@shop.test"), mayRelay: false)
        #expect(found.local == [.init(account: shop.ann, address: ann)])
        await #expect(throws: RecipientRefusal.suspended) {
            try await resolver.expand(address("zoe@shop.test"), mayRelay: false)
        }
        await #expect(throws: RecipientRefusal.suspended) {
            try await resolver.expand(address("zoe+x@shop.test"), mayRelay: false)
        }
        await #expect(throws: RecipientRefusal.mailboxFull) {
            try await resolver.expand(address("bob@shop.test"), mayRelay: false)
        }
        let postmaster = try await resolver.expand(address("postmaster@shop.test"), mayRelay: false)
        #expect(postmaster.local.map(\.account) == [shop.administrator])
        await #expect(throws: RecipientRefusal.noSuchUser) {
            try await resolver.expand(address("whoever@other.test"), mayRelay: false)
        }
        // Its target is suspended: the sender hears of the address that it wrote to.
        try await shop.directory.setCatchAll(.deliver(address("zoe@shop.test")), of: "shop.test", audit: event)
        await #expect(throws: RecipientRefusal.noSuchUser) {
            try await resolver.expand(address("whoever@shop.test"), mayRelay: false)
        }
        // A target that has gone leads to itself, and the mail is refused.
        try await shop.directory.setCatchAll(.forward(address("gone@shop.test")), of: "shop.test", audit: event)
        await #expect(throws: RecipientRefusal.noSuchUser) {
            try await resolver.expand(address("whoever@shop.test"), mayRelay: false)
        }
    }

    // MARK: - Copies

    private func copy(
        _ text: String,
        isSubmitted: Bool = false,
        dns: FakeResolver? = nil,
        name: String = "The team",
        limit: Int? = nil
    ) async throws(DeliveryRefusal) -> String {
        let list = DistributionList(
            address: team,
            organisation: OrganisationID(1),
            name: name,
            posting: .members,
            maximumSize: limit,
            createdAt: Timestamp(seconds: 0)
        )
        let maker = ListCopy(signer: MarkingSigner(), policy: AuthorPolicy(resolver: dns))
        let bytes = try await maker.make(of: Array(text.utf8), for: list, isSubmitted: isSubmitted)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func dns(_ records: [String: String]) -> FakeResolver {
        var resolver = FakeResolver()
        for (name, text) in records { resolver.texts[name] = .success([text]) }
        return resolver
    }

    @Test func `a copy carries the fields of RFC 2369 and RFC 2919, and those of no other list`() async throws {
        let text = "List-Id: <old.elsewhere.test>\r\nFrom: Ann <ann@shop.test>\r\nSubject: x\r\n\r\nbody\r\n"
        let made = try await copy(text, isSubmitted: true)
        #expect(made.utf8.starts(with: "DKIM-Signature: d=shop.test".utf8))
        for line in [
            "List-Id: \"The team\" <team.shop.test>", "List-Post: <mailto:team@shop.test>",
            "List-Owner: <mailto:team-owner@shop.test>",
            "List-Unsubscribe: <mailto:team-owner@shop.test?subject=unsubscribe>", "Precedence: list",
            "Delivered-To: team@shop.test", "From: Ann <ann@shop.test>",
        ] {
            #expect(made.contains(line + "\r\n"))
        }
        #expect(!made.contains("old.elsewhere.test"))
        #expect(made.hasSuffix("Subject: x\r\n\r\nbody\r\n"))
    }

    @Test func `From names the list where the author's domain is strict, or where DNS does not tell`() async throws {
        let text = "From: =?utf-8?B?w4RubmU=?= <anne@elsewhere.test>\r\nDKIM-Signature: old\r\n\r\nx\r\n"
        for dns in [dns(["_dmarc.elsewhere.test": "v=DMARC1; p=reject"]), nil] {
            let made = try await copy(text, dns: dns)
            #expect(made.contains("From: =?utf-8?B?w4RubmUgdmlhIFRoZSB0ZWFt?= <team@shop.test>\r\n"))
            #expect(made.contains("Reply-To: anne@elsewhere.test\r\n"))
            #expect(!made.contains("<anne@elsewhere.test>") && !made.contains("DKIM-Signature: old"))
        }
        let kept = try await copy(text, dns: dns(["_dmarc.elsewhere.test": "v=DMARC1; p=none"]))
        #expect(kept.contains("<anne@elsewhere.test>") && kept.contains("DKIM-Signature: old"))
        #expect(try await copy(text, dns: dns([:])).contains("<anne@elsewhere.test>"))
        let replied = try await copy("Reply-To: <me@x.test>\r\n" + text, dns: nil)
        #expect(replied.contains("Reply-To: <me@x.test>\r\n") && !replied.contains("Reply-To: anne"))
        // A name that would end its quotes, and a header without an author.
        let odd = try await copy("From: \"a\\\"b\" <x@elsewhere.test>\r\n\r\nx\r\n", name: "T\r\n\"\u{301}")
        #expect(HeaderBlock(Array(odd.utf8)).count("from") == 1)
        #expect(HeaderBlock(Array(odd.utf8)).values("list-id").count == 1)
        #expect(try await copy("From: nobody\r\n\r\nx\r\n").contains("From: \"The team\" <team@shop.test>"))
    }

    @Test func `a strict policy is found at the domain or above it`() async throws {
        let strict = AuthorPolicy(resolver: dns(["_dmarc.elsewhere.test": "v=DMARC1; p=none; sp=quarantine"]))
        #expect(await strict.isStrict("news.elsewhere.test"))
        #expect(await !strict.isStrict("elsewhere.test"))
        #expect(await strict.isStrict("a.b.c.d.e.f.elsewhere.test"))
        #expect(await AuthorPolicy(resolver: nil).isStrict("elsewhere.test"))
    }

    static let policies = [
        PolicyRow("v=DMARC1; p=reject", true, true), PolicyRow("v=DMARC1;p=none;sp=reject", false, true),
        PolicyRow("V = dmarc1 ; P = Quarantine; sp=none", true, false), PolicyRow("v=DMARC1", false, false),
        PolicyRow("v=spf1 -all", nil, nil), PolicyRow("p=reject; v=DMARC1", nil, nil), PolicyRow("", nil, nil),
    ]

    @Test(arguments: policies) func `DMARC records are read by their tags`(_ row: PolicyRow) {
        #expect(AuthorPolicy.policy(row.record, isAbove: false) == row.own)
        #expect(AuthorPolicy.policy(row.record, isAbove: true) == row.above)
    }

    @Test func `what a list has sent, what answers by itself and what is too large is refused`() async throws {
        let from = "From: a@b.test\r\n"
        await #expect(throws: DeliveryRefusal.loop) {
            try await copy("List-Id: x <TEAM.shop.test>\r\n\(from)\r\nx\r\n")
        }
        await #expect(throws: DeliveryRefusal.loop) {
            try await copy("Delivered-To: Team@shop.test\r\n\(from)\r\nx\r\n")
        }
        await #expect(throws: DeliveryRefusal.refusedByList("Automatic answers do not go to a list")) {
            try await copy("Auto-Submitted: auto-replied (vacation)\r\n\(from)\r\nx\r\n")
        }
        await #expect(throws: DeliveryRefusal.refusedByList("The message is larger than the list takes")) {
            try await copy(from + "\r\n" + String(repeating: "x", count: 2_000) + "\r\n", limit: 2_000)
        }
        #expect(try await copy("Auto-Submitted: auto-generated\r\n\(from)\r\nx\r\n").contains("List-Id"))
    }

    @Test func `names of any length and kind become a phrase of one line or folded words`() {
        let quoted = #""Ann \"A\" \\""#
        #expect(HeaderPhrase.encoded(#"Ann "A" \"#) == Array(quoted.utf8))
        let flat = #""a  b""#
        #expect(HeaderPhrase.encoded("a\r\nb") == Array(flat.utf8))
        let long = HeaderPhrase.encoded(String(repeating: "é", count: 300))
        #expect(!long.contains { $0 >= 128 })
        #expect(EncodedWord.decode(long.filter { $0 != 13 && $0 != 10 }) == String(repeating: "é", count: 100))
        let marked = "\"\u{301}"
        #expect(EncodedWord.decode(HeaderPhrase.encoded(marked)) == marked)
    }
}
