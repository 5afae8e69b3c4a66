import MailModel
import MailPorts
import Testing

@Suite struct DomainCheckConformance {
    private static let start = Timestamp(seconds: 1_800_000_000)

    private func check(_ text: String, at seconds: Int64, _ name: String = "shop.test") -> DomainCheckRecord {
        let now = Self.start.adding(seconds: seconds)
        return DomainCheckRecord(name: name, since: now, lastSeen: now, status: text, fingerprint: "mx \(text)")
    }

    private func note(
        _ store: any EveryStorePort,
        _ record: DomainCheckRecord,
        isCertain: Bool = true
    ) async throws(StoreError) -> DomainCheckRecord? {
        try await store.noteCheck(
            record,
            isCertain: isCertain,
            next: record.since.adding(seconds: 60),
            keeping: 3,
            telling: nil
        )
    }

    @Test(arguments: StoreFactory.all)
    func `states are kept, not checks, and so many of them`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        try await test.account("ann@shop.test")
        #expect(try await note(store, check("ok", at: 0)) == nil)
        #expect(try await note(store, check("ok", at: 10)) == nil)
        #expect(try await note(store, check("unreachable", at: 20), isCertain: false) == nil)
        let before = try await note(store, check("missing", at: 30))
        #expect(
            before?.status == "ok" && before?.since == Self.start && before?.lastSeen == Self.start.adding(seconds: 10)
        )
        #expect(try await store.checks(of: "SHOP.test", limit: 9).map(\.status) == ["missing", "ok"])
        for (place, state) in ["ok", "differs", "ok", "missing"].enumerated() {
            _ = try await note(store, check(state, at: Int64(100 + place)))
        }
        #expect(try await store.checks(of: "shop.test", limit: 9).map(\.status) == ["missing", "ok", "differs"])
        await #expect(throws: StoreError.notFound) { try await note(store, check("ok", at: 0, "other.test")) }
    }

    @Test(arguments: StoreFactory.all)
    func `verified domains are due at their times`(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let store = test.store
        try await test.account("ann@shop.test")
        try await test.account("ann@other.test")
        #expect(try await store.domainsToCheck(now: Self.start, limit: 9) == ["other.test", "shop.test"])
        #expect(try await store.domainsToCheck(now: Self.start, limit: 1) == ["other.test"])
        _ = try await note(store, check("ok", at: 0))
        #expect(try await store.domainsToCheck(now: Self.start.adding(seconds: 59), limit: 9) == ["other.test"])
        #expect(
            try await store.domainsToCheck(now: Self.start.adding(seconds: 60), limit: 9) == [
                "other.test", "shop.test",
            ]
        )
        #expect(try await store.checkedDomains().map { "\($0.status) \($0.count)" }.sorted() == ["ok 1", "unknown 1"])
        let audit = AuditEvent(at: Self.start, actor: "cli", action: "domain.suspend", subject: "other.test")
        _ = try await store.take(.suspend(reason: "x"), on: "other.test", audit: audit)
        #expect(try await store.domainsToCheck(now: Self.start, limit: 9).isEmpty)
    }
}
