import CSVWire
import MailModel
import MailPorts
import MailTesting
import Synchronization
import Telemetry
import Testing

@testable import Addresses

/// Notes mail, or refuses it.
final class NotedMail: NoticeSending {
    private let state = Mutex<(sent: [PlatformNotice], failure: StoreError?)>(([], nil))
    var sent: [PlatformNotice] { state.withLock { $0.sent } }
    func fail(with error: StoreError?) { state.withLock { $0.failure = error } }
    func send(_ notice: PlatformNotice, now: Timestamp) async throws(StoreError) {
        let failure = state.withLock { state in
            if state.failure == nil { state.sent.append(notice) }
            return state.failure
        }
        if let failure { throw failure }
    }
}

@Suite struct BulkServiceTests {
    let store = FakeBulk()
    let directory = FakeDirectory()
    let mail = NotedMail()
    let clock = ManualClock()

    private func service(_ change: (inout BulkLimits) -> Void = { _ in }) -> BulkService {
        var limits = BulkLimits()
        limits.isTimeZone = { $0 == "Europe/Berlin" }
        change(&limits)
        return BulkService(
            store: store,
            book: directory,
            people: FakePeople(directory),
            limits: limits,
            addressLimits: AddressLimits(),
            invitations: BulkService.Invitations(
                token: { ("the token", [7]) },
                notices: mail
            ),
            limiter: FakeLimiter(),
            clock: clock
        )
    }

    private let domain = HostedDomain(
        id: DomainID(1),
        organisation: OrganisationID(1),
        name: "shop.test",
        status: .active,
        createdAt: Timestamp(seconds: 0)
    )
    private let actor = BulkActor("ann@shop.test", role: .admin, account: AccountID(5))

    private func run(
        _ text: String,
        _ kind: BulkKind = .accounts,
        _ mode: BulkImport.Mode = .whole,
        _ change: (inout BulkLimits) -> Void = { _ in }
    ) async throws(BulkFault) -> BulkReport {
        try await service(change).run(Array(text.utf8), of: kind, into: domain, mode: mode, by: actor)
    }

    private func refusals(_ report: BulkReport) -> [String] {
        report.lines.map { line in
            guard case .refused(let column, _) = line.outcome else { return "-" }
            return "\(line.line) \(column ?? "-")"
        }
    }

    struct Table: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var text: String
        var kind: BulkKind
        var why: String
        init(_ name: String, _ text: String, _ why: String, _ kind: BulkKind = .accounts) {
            (testDescription, self.text, self.kind, self.why) = (name, text, kind, why)
        }
    }

    static let tables: [Table] = [
        Table("nothing", "", "line 1: there is no header"),
        Table(
            "an unknown column",
            "address,password\nann@shop.test,x\n",
            "line 1: the column \"password\" is not known; there are address, display_name, quota_bytes, state, language, "
                + "time_zone, contact"
        ),
        Table("a column twice", "address,state,address\n", "line 1: the column address is there twice"),
        Table("no addresses", "display_name\nAnn\n", "line 1: the column address is missing"),
        Table("no targets", "address\na@shop.test\n", "line 1: the column targets is missing", .aliases),
        Table("no CSV", "address\n\"a@shop.test\n", "line 2: a quote is not closed"),
    ]

    @Test(arguments: tables) func `a table that cannot be read is refused as a whole`(_ table: Table) async {
        let fault = await #expect(throws: BulkFault.self) { try await run(table.text, table.kind) }
        #expect(fault?.text == table.why)
        #expect(store.imports.isEmpty)
    }

    @Test func `bounds hold before anything is done`() async {
        await #expect(throws: BulkFault.unreadable(line: 4, "there are more than 2 rows")) {
            try await run("address\na@shop.test\nb@shop.test\nc@shop.test\n") { $0.rows = 2 }
        }
        await #expect(throws: BulkFault.tooLarge(10)) { try await run("address\na@shop.test\n") { $0.octets = 10 } }
        await #expect(throws: BulkFault.exportedOnly(.masked)) { try await run("address\n", .masked) }
        await #expect(throws: BulkFault.self) {
            try await run("address,contact\na@shop.test,a@b.test\nb@shop.test,b@b.test\n") { $0.openInvitations = 1 }
        }
        #expect(store.imports.isEmpty && mail.sent.isEmpty)
    }

    @Test func `cells are what single changes take, and refused by line and column`() async throws {
        let accounts = try await run(
            """
            display_name,address,quota_bytes,state,language,time_zone,contact
            Ann,ann@shop.test,500,active,pt-br,Europe/Berlin,
            B,b@other.test,,,,,
            C,no address,,,,,
            D,d@shop.test,-1,,,,
            E,e@shop.test,9999999999999999999,,,,
            F,f@shop.test,,deleted,,,
            G,g@shop.test,,,de_AT,,
            H,h@shop.test,,,,Mars/Phobos,
            I,i@shop.test,,,,,i@shop.test
            J,ANN@shop.test,,,,,
            "K\u{7}",k@shop.test,,,,,

            """
        )
        #expect(
            refusals(accounts) == [
                "-", "3 address", "4 address", "5 quota_bytes", "6 quota_bytes", "7 state", "8 language", "9 time_zone",
                "10 contact", "11 address", "12 display_name",
            ]
        )
        #expect(!accounts.isApplied)
        let only = try #require(store.imports.last)
        // A row that cannot be read makes a trial of the others.
        #expect(only.mode == .trial && only.rows.count == 1)
        guard case .account(let ann) = only.rows.first else { throw StoreError.notFound }
        #expect(ann.profile.language == .set(LanguageTag("pt-BR")) && ann.quotaBytes == .set(500))
        let lists = try await run(
            """
            address,posting,maximum_size,members
            team@shop.test,members,2048,"a@x.test;b@y.test, c@z.test
            d@z.test"
            two@shop.test,nobody,,
            three@shop.test,,12,
            fo+ur@shop.test,,,
            five@shop.test,,,x
            """,
            .lists
        )
        #expect(refusals(lists) == ["-", "4 posting", "5 maximum_size", "6 address", "7 members"])
        guard case .list(let team) = store.imports.last?.rows.first else { throw StoreError.notFound }
        #expect(team.members?.map(\.description) == ["a@x.test", "b@y.test", "c@z.test", "d@z.test"])
        #expect(team.owners == nil && team.name == nil && team.maximumSize == .set(2_048))
        let aliases = try await run(
            "targets,address\na@x.test,s@shop.test\n,t@shop.test\na@x.test A@x.test,u@shop.test\n",
            .aliases
        )
        #expect(refusals(aliases) == ["-", "3 targets", "4 targets"])
    }

    @Test func `contacts of new accounts are invited when all is done, and nobody else`() async throws {
        store.answer(.unchanged, to: "b@shop.test")
        let text = "address,contact\na@shop.test,a@out.test\nb@shop.test,b@out.test\nc@shop.test,\n"
        #expect(try await run(text, .accounts, .trial).isApplied == false)
        #expect(mail.sent.isEmpty)
        let report = try await run(text)
        #expect(report.isApplied && report.lines.map(\.isInvited) == [true, nil, nil])
        #expect(mail.sent.map(\.recipient.description) == ["a@out.test"])
        #expect(mail.sent.first?.text.utf8.split(separator: 10).contains { $0.elementsEqual("the token".utf8) } == true)
        let bulk = try #require(store.imports.last)
        #expect(bulk.mode == .whole && bulk.account == AccountID(5))
        store.answer(.refused(column: "address", "taken"), to: "c@shop.test")
        let refused = try await run(text)
        #expect(!refused.isApplied && mail.sent.count == 1)
        mail.fail(with: .unavailable(reportID: "x"))
        #expect(try await run(text, .accounts, .partial).lines.map(\.isInvited) == [false, nil, nil])
    }

    @Test func `what is exported and read again is the same`() async throws {
        var random = SystemRandomNumberGenerator()
        let parts = ["=1+1", "\"", ",", "'", "+", "-", "@", " ", ";", "ü", "\u{301}", "日本", "😀", "\u{FEFF}", "x"]
        let rows = (0..<200).map { number in
            let name = (0..<Int.random(in: 0...6, using: &random)).map { _ in parts.randomElement(using: &random) ?? ""
            }
            let local = ["=", "+", "-", "'", "a"].randomElement(using: &random) ?? ""
            return BulkAccountRow(
                address: .sample("\(local)\(1_000 + number)@shop.test"),
                displayName: name.joined(),
                quotaBytes: Bool.random(using: &random) ? Int64.random(in: 0...1 << 40, using: &random) : nil,
                status: Bool.random(using: &random) ? .active : .suspended,
                language: Bool.random(using: &random) ? "pt-BR" : nil,
                timeZone: Bool.random(using: &random) ? "Europe/Berlin" : nil
            )
        }.sorted { $0.address.canonical < $1.address.canonical }
        store.put(accounts: rows)
        var text: [UInt8] = []
        var after: String?
        repeat {
            let page = try await service().export(
                .accounts,
                of: "shop.test",
                after: after,
                limit: 70,
                header: after == nil
            )
            text += page.bytes
            after = page.next
        } while after != nil
        let report = try await service().run(text, of: .accounts, into: domain, mode: .whole, by: actor)
        #expect(report.refused.isEmpty)
        let read = try #require(store.imports.last).rows.map { row -> BulkAccountRow? in
            guard case .account(let account) = row else { return nil }
            return BulkAccountRow(
                address: account.address,
                displayName: account.displayName ?? "",
                quotaBytes: account.quotaBytes.applied(to: nil),
                status: account.status ?? .deleted,
                language: account.profile.language.applied(to: nil)?.description,
                timeZone: account.profile.timeZone.applied(to: nil)
            )
        }
        #expect(read == rows)
        #expect(read.map { Array(($0?.displayName ?? "").utf8) } == rows.map { Array($0.displayName.utf8) })
    }
}

extension EmailAddress {
    static func sample(_ text: String) -> EmailAddress {
        guard let address = EmailAddress(text) else { preconditionFailure("\(text) is no address") }
        return address
    }
}
