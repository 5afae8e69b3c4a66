import CacheMemory
import Database
import Logging
import MailModel
import MailPorts
import SQLStore
import Testing

@Suite("Port: QuotaStore") struct QuotaConformance {
    private static func audit(_ test: StoreUnderTest, _ subject: String = "shop.test") -> AuditEvent {
        AuditEvent(at: test.clock.now(), actor: "cli", action: "quota.set", subject: subject)
    }

    private static func limit(
        _ test: StoreUnderTest,
        _ subject: QuotaSubject,
        bytes: Int64? = nil,
        messages: Int64? = nil,
        soft: Int64? = nil
    ) async throws {
        let limits = QuotaLimits(hardBytes: bytes, softBytes: soft, hardMessages: messages)
        _ = try await test.store.setLimits(limits, of: subject, audit: audit(test))
    }

    @Test(arguments: StoreFactory.all) func useIsTheSumOverTheAccounts(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        let other = try await test.account("eve@other.test")
        try await test.deliver(Octets.text(100), to: [ann, bob, other])
        try await test.append([50, 70], to: inbox, of: bob)
        for subject in [QuotaSubject.domain("SHOP.test"), .organisation(ann.organisation)] {
            let standing = try await test.store.quota(of: subject)
            #expect((standing.usedBytes, standing.usedMessages, standing.accounts) == (320, 4, 2))
            #expect(standing.limits == .none)
        }
        let own = try await test.store.quota(of: .account(bob.id))
        #expect((own.usedBytes, own.usedMessages, own.name) == (220, 3, "bob@shop.test"))
        for missing in [QuotaSubject.domain("none.test"), .organisation(OrganisationID(99)), .account(AccountID(99))] {
            await #expect(throws: StoreError.notFound) { try await test.store.quota(of: missing) }
            await #expect(throws: StoreError.notFound) { try await Self.limit(test, missing, bytes: 1) }
        }
    }

    @Test(arguments: StoreFactory.all) func eachLevelLimitsInOctets(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        try await test.deliver(Octets.text(100), to: [ann, bob])
        try await Self.limit(test, .domain("shop.test"), bytes: 500)
        try await test.deliver(Octets.text(200), to: [ann])
        await #expect(throws: StoreError.levelFull(.domain)) { try await test.deliver(Octets.text(101), to: [bob]) }
        await #expect(throws: StoreError.levelFull(.domain)) { try await test.append([101], to: inbox, of: ann) }
        try await test.deliver(Octets.text(100), to: [bob])
        #expect(try await test.store.quota(of: .domain("shop.test")).usedBytes == 500)
        #expect(try await test.store.resolve(bob.primaryAddress) == .full(bob.id, .domain))
        // The organisation's limit is another one.
        try await Self.limit(test, .domain("shop.test"))
        try await Self.limit(test, .organisation(ann.organisation), bytes: 600)
        await #expect(throws: StoreError.levelFull(.organisation)) {
            try await test.deliver(Octets.text(101), to: [bob])
        }
        try await test.deliver(Octets.text(100), to: [bob])
        try await Self.limit(test, .organisation(ann.organisation))
        try await test.deliver(Octets.text(1_000), to: [bob])
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func eachLevelLimitsInMessages(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        try await Self.limit(test, .account(ann.id), messages: 2)
        try await test.append([1, 1], to: inbox, of: ann)
        await #expect(throws: StoreError.overQuota) { try await test.append([1], to: inbox, of: ann) }
        #expect(try await test.store.resolve(ann.primaryAddress) == .full(ann.id, .account))
        try await Self.limit(test, .domain("shop.test"), messages: 3)
        try await test.append([1], to: inbox, of: bob)
        await #expect(throws: StoreError.levelFull(.domain)) { try await test.append([1], to: inbox, of: bob) }
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func roomThatOthersDoNotUseIsTakenBack(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        try await test.account("ann@shop.test")
        try await Self.limit(test, .domain("shop.test"), bytes: 64_000)
        var others: [Account] = []
        for number in 0..<20 {
            let other = try await test.account("p\(number)@shop.test")
            try await test.deliver(Octets.text(10), to: [other])
            others.append(other)
        }
        // Twenty portions were granted and hardly used.
        let ann = try #require(try await test.store.account(withAddress: .sample("ann@shop.test")))
        try await test.append([63_800], to: inbox, of: ann)
        #expect(try await test.store.quota(of: .domain("shop.test")).usedBytes == 64_000)
        await #expect(throws: StoreError.levelFull(.domain)) {
            try await test.deliver(Octets.text(1), to: [others[3]])
        }
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func roomComesBackWithWhatIsDeleted(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        try await Self.limit(test, .organisation(ann.organisation), bytes: 1_000, messages: 10)
        let uids = try await test.append([400, 500], to: inbox, of: ann, flags: .deleted)
        let other = try await test.mailbox("Archive", of: ann)
        await #expect(throws: StoreError.levelFull(.organisation)) {
            try await test.store.copy(UIDRanges(ascending: uids), from: inbox, to: other.id, of: ann.id)
        }
        _ = try await test.store.move(UIDRanges(ascending: uids), from: inbox, to: other.id, of: ann.id)
        await #expect(throws: StoreError.levelFull(.organisation)) { try await test.append([101], to: inbox, of: bob) }
        _ = try await test.store.expunge(.all, in: other.id, of: ann.id)
        try await test.append([990], to: inbox, of: bob)
        try await test.store.resetAccount(bob.id)
        try await test.append([1_000], to: inbox, of: ann)
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func anAccountThatGoesLeavesItsRoom(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        _ = try await test.store.addDomain("gone.test", organisation: ann.organisation, keys: [])
        let gone = try await test.account("bob@gone.test")
        try await Self.limit(test, .organisation(ann.organisation), bytes: 1_000)
        try await Self.limit(test, .domain("gone.test"), bytes: 900)
        try await test.append([800], to: inbox, of: gone)
        let audit = Self.audit(test, "gone.test")
        _ = try await test.store.take(.delete(purgeAt: test.clock.now()), on: "gone.test", audit: audit)
        while try await test.store.purgeStep("gone.test", now: test.clock.now(), audit: audit) {}
        try await test.append([1_000], to: inbox, of: ann)
        #expect(try await test.store.verify().findings == [])
    }

    @Test(arguments: StoreFactory.all) func aLimitHoldsUnderManyWritersAtOnce(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let beside = try await test.beside?()
        var accounts: [Account] = []
        for number in 0..<12 { accounts.append(try await test.account("p\(number)@shop.test")) }
        let organisation = try #require(accounts.first).organisation
        try await Self.limit(test, .organisation(organisation), bytes: 50_000)
        let everyone = accounts
        let taken = try await withThrowingTaskGroup(of: Int64.self) { group in
            for number in 0..<240 {
                let store = number.isMultiple(of: 2) ? test.store : beside ?? test.store
                let plan = DeliveryPlan.example(
                    Octets.text(400),
                    at: test.clock.now(),
                    to: [LocalCopy(account: everyone[number % 12].id, recipient: everyone[number % 12].primaryAddress)]
                )
                let mine = everyone[number % 12].id
                group.addTask {
                    do throws(StoreError) {
                        _ = try await store.deliver(plan)
                        // Some of it goes again at once.
                        guard number % 10 == 9 else { return 400 }
                        let found = try await store.entries(in: inbox, of: mine).changed.map(\.uid)
                        let change = FlagChange(mode: .add, flags: .deleted, keywords: .none)
                        let ranges = UIDRanges(ascending: found.prefix(1))
                        _ = try await store.setFlags(
                            ranges,
                            in: inbox,
                            of: mine,
                            change: change,
                            unchangedSince: nil
                        )
                        return 400 - 400 * Int64(try await store.expunge(ranges, in: inbox, of: mine).count)
                    } catch {
                        guard case .levelFull(.organisation) = error else { throw error }
                        return 0
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        let standing = try await test.store.quota(of: .organisation(organisation))
        #expect(standing.usedBytes == taken)
        #expect(standing.usedBytes <= 50_000)
        // One after another what is left is taken to the last octet.
        let left = Int(50_000 - standing.usedBytes)
        if left > 0 { try await test.append([left], to: inbox, of: everyone[0]) }
        await #expect(throws: StoreError.levelFull(.organisation)) {
            try await test.append([1], to: inbox, of: everyone[1])
        }
        #expect(try await test.store.verify().findings == [])
        await beside?.close()
    }

    // MARK: - Telling

    private static func news(_ test: StoreUnderTest) async throws -> [String] {
        var told: [String] = []
        for one in try await test.store.quotaNews(limit: 100) {
            told.append("\(one.subject.level) \(one.untold.names.joined(separator: " "))")
            #expect(try await test.store.tell(one, by: nil, audit: audit(test)))
            #expect(try await !test.store.tell(one, by: nil, audit: audit(test)))
        }
        return told
    }

    @Test(arguments: StoreFactory.all) func eachStepIsToldOnce(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        try await Self.limit(test, .account(ann.id), bytes: 1_000, soft: 850)
        let first = try await test.append([790], to: inbox, of: ann, flags: .deleted)
        #expect(try await Self.news(test) == [])
        try await test.append([10], to: inbox, of: ann)
        #expect(try await Self.news(test) == ["account 80"])
        #expect(try await Self.news(test) == [])
        try await test.append([160], to: inbox, of: ann)
        #expect(try await Self.news(test) == ["account 90 95 soft"])
        #expect(try await test.store.quota(of: .account(ann.id)).told.names == ["80", "90", "95", "soft"])
        // Four hundredths lower is no other state.
        _ = try await test.store.expunge(UIDRanges(ascending: first), in: inbox, of: ann.id)
        try await test.append([590], to: inbox, of: ann)
        #expect(try await Self.news(test) == [])
        #expect(try await test.store.quota(of: .account(ann.id)).told.names == ["80"])
        let last = try await test.append([100], to: inbox, of: ann, flags: .deleted)
        #expect(try await Self.news(test) == ["account soft"])
        _ = try await test.store.expunge(UIDRanges(ascending: last), in: inbox, of: ann.id)
        _ = try await test.store.resetAccount(ann.id)
        #expect(try await Self.news(test) == [])
        try await test.append([800], to: inbox, of: ann)
        #expect(try await Self.news(test) == ["account 80"])
    }

    @Test(arguments: StoreFactory.all) func domainsAndOrganisationsAreTold(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let bob = try await test.account("bob@shop.test")
        try await Self.limit(test, .domain("shop.test"), bytes: 1_000)
        try await Self.limit(test, .organisation(ann.organisation), soft: 1_000)
        try await test.append([400], to: inbox, of: ann)
        try await test.append([390], to: inbox, of: bob, flags: .deleted)
        #expect(try await Self.news(test) == [])
        try await test.append([10], to: inbox, of: ann)
        #expect(try await Self.news(test) == ["organisation 80", "domain 80"])
        #expect(try await Self.news(test) == [])
        _ = try await test.store.expunge(.all, in: inbox, of: bob.id)
        #expect(try await Self.news(test) == [])
        try await test.append([540], to: inbox, of: bob)
        #expect(try await Self.news(test) == ["organisation 80 90 95", "domain 80 90 95"])
    }

    @Test(arguments: StoreFactory.all) func theMailThatTellsIsWrittenWithWhatItTells(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test", quota: 1_000)
        try await test.append([850], to: inbox, of: ann)
        let one = try #require(try await test.store.quotaNews(limit: 1).first)
        let plan = { (size: Int) in
            DeliveryPlan.example(
                Octets.text(size),
                at: test.clock.now(),
                to: [LocalCopy(account: ann.id, recipient: ann.primaryAddress)]
            )
        }
        await #expect(throws: StoreError.overQuota) {
            try await test.store.tell(one, by: plan(200), audit: Self.audit(test))
        }
        #expect(try await test.store.quota(of: .account(ann.id)).told == [])
        #expect(try await test.store.tell(one, by: plan(20), audit: Self.audit(test)))
        #expect(try await !test.store.tell(one, by: plan(20), audit: Self.audit(test)))
        #expect(try await test.store.quota(of: .account(ann.id)).usedBytes == 870)
    }
}

@Suite("Quotas are counted anew") struct QuotaRepairTests {
    let folder = TemporaryFolder()

    private func plant(_ sql: String) async throws {
        let database = try SQLiteDatabase(path: folder.path + "/oonrumail.sqlite", logger: .silent)
        let changed = try await database.write { connection throws(StoreError) in try connection.execute(sql) }
        #expect(changed > 0)
        await database.close()
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var sql: String
        var finding: String
        init(_ name: String, _ sql: String, _ finding: String) {
            (testDescription, self.sql, self.finding) = (name, sql, finding)
        }

        static let all: [Damage] = [
            Damage(
                "octets",
                "UPDATE account_counters SET used_bytes = used_bytes + 7",
                "account 1: the quota counts 7 octets"
            ),
            Damage(
                "messages",
                "UPDATE account_counters SET used_messages = 0",
                "account 1: the quota counts 0 octets and -1 messages too many"
            ),
            Damage("sum", "UPDATE quota_nodes SET granted_bytes = 1", "domain 1 has granted other"),
            Damage(
                "grant",
                "UPDATE account_counters SET granted_bytes = NULL",
                "account 1 uses more than it was granted"
            ),
        ]
    }

    @Test(arguments: Damage.all) func driftIsFoundAndCorrected(_ damage: Damage) async throws {
        let clock = TestClock()
        let audit = AuditEvent(at: clock.now(), actor: "cli", action: "quota.repair", subject: "quotas")
        let store = try await SQLStore.open(folder, clock: clock)
        let test = StoreUnderTest(store: store, feed: MemoryChangeFeed(), clock: clock, folder: folder)
        let ann = try await test.account("ann@shop.test")
        _ = try await store.setLimits(QuotaLimits(hardBytes: 10_000), of: .domain("shop.test"), audit: audit)
        try await test.append([100], to: inbox, of: ann)
        #expect(try await store.auditQuota(after: nil, limit: 10).findings == [])
        try await plant(damage.sql)
        let found = try await store.auditQuota(after: nil, limit: 10)
        #expect(found.findings.contains { $0.utf8.starts(with: damage.finding.utf8) }, "\(found)")
        #expect(found.driftBytes + found.driftMessages > 0)
        #expect(try await store.verify().findings != [])
        #expect(try await !store.repairQuota(of: nil, audit: audit).findings.isEmpty)
        #expect(try await store.auditQuota(after: nil, limit: 10).findings == [])
        #expect(try await store.verify().findings == [])
        #expect(try await store.quota(of: .account(ann.id)).usedBytes == 100)
    }
}
