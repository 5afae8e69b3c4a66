import Database
import MailModel
import MailPorts
import Testing

@Suite("Port: AuditStore") struct AuditConformance {
    private func event(
        _ second: Int64,
        _ action: String,
        _ subject: String,
        actor: String = "cli",
        remote: IPAddress? = nil
    ) -> AuditEvent {
        AuditEvent(at: Timestamp(seconds: second), actor: actor, action: action, subject: subject, remote: remote)
    }

    @Test(arguments: StoreFactory.all) func linesAreFoundByTheirMembersAndTenant(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let shop = try await test.account("ann@shop.test").organisation
        let mill = try await test.account("bob@mill.test").organisation
        let remote = IPAddress("2001:db8::1")
        for line in [
            event(1, "sign_in", "ann@shop.test", actor: "ann@shop.test", remote: remote),
            event(2, "sign_in.refused", "nobody@SHOP.test", actor: "-"), event(3, "sign_in", "bob@mill.test"),
            event(4, "sign_into", "shop.test"), event(5, "queue.cancel", "q1 x@away.test"),
        ] {
            try await test.store.recordAudit(line)
        }
        func seconds(
            _ before: Int64? = nil,
            limit: Int = 9,
            _ adjust: (inout AuditFilter) -> Void
        ) async throws -> [Int64] {
            var filter = AuditFilter.own
            adjust(&filter)
            return try await test.store.auditTrail(filter, before: before, limit: limit).map(\.event.at.seconds)
        }
        #expect(try await seconds { _ in } == [5, 4, 3, 2, 1])
        #expect(try await seconds { $0.organisation = shop } == [4, 2, 1])
        #expect(try await seconds { $0.organisation = mill } == [3])
        #expect(try await seconds { $0.actor = "ann@shop.test" } == [1])
        #expect(try await seconds { $0.subject = "bob@mill.test" } == [3])
        #expect(try await seconds { $0.action = "sign_in" } == [3, 2, 1])
        #expect(try await seconds { $0.action = "sign_in.refused" } == [2])
        #expect(try await seconds { $0.action = "sign_%" } == [])
        #expect(
            try await seconds { ($0.since, $0.until) = (Timestamp(seconds: 2), Timestamp(seconds: 4)) } == [3, 2]
        )
        let first = try await test.store.auditTrail(AuditFilter(), before: nil, limit: 2)
        #expect(try await seconds(first.last?.number, limit: 2) { _ in } == [3, 2])
        let oldest = try await test.store.auditTrail(AuditFilter(), before: nil, limit: 5).last
        #expect(oldest?.event.remote == remote && oldest?.organisation == shop)
    }

    @Test(arguments: StoreFactory.all) func theChainHoldsWhoeverWrites(_ factory: StoreFactory) async throws {
        let test = try await factory.make()
        let empty = try await test.store.verifyAudit(known: nil)
        #expect(empty.count == 0 && empty.head == nil && empty.broken == nil)
        let stores = [test.store, try await test.beside?() ?? test.store]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    try await stores[number % 2].recordAudit(event(Int64(number), "sign_in", "ann@shop.test"))
                }
            }
            try await group.waitForAll()
        }
        let report = try await test.store.verifyAudit(known: nil)
        #expect(report.count == 40 && report.broken == nil)
        let head = try #require(report.head)
        // More lines than one page, and a head that was noted before them.
        for number in 0..<1_100 where number % 100 == 0 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for offset in 0..<100 {
                    group.addTask {
                        try await test.store.recordAudit(event(Int64(number + offset), "sign_in", "ann@shop.test"))
                    }
                }
                try await group.waitForAll()
            }
        }
        let later = try await test.store.verifyAudit(known: head)
        #expect(later.count == 1_140 && later.broken == nil)
        var forged = head
        forged.hash[31] ^= 1
        #expect(try await test.store.verifyAudit(known: forged).broken == head.number)
        let cut = AuditHead(number: 99_999, hash: head.hash)
        #expect(try await test.store.verifyAudit(known: cut).broken == 99_999)
    }

    struct Forgery: Sendable, CustomTestStringConvertible {
        var testDescription: String { sql }
        var sql: String
        /// The first line that does not fit.
        var broken: Int64
        init(_ sql: String, _ broken: Int64) { (self.sql, self.broken) = (sql, broken) }

        static let all = [
            Forgery("UPDATE audit SET at = at + 1 WHERE audit_id = 3", 3),
            Forgery("UPDATE audit SET actor = 'clj' WHERE audit_id = 1", 1),
            Forgery("UPDATE audit SET action = 'sign_iN' WHERE audit_id = 2", 2),
            Forgery("UPDATE audit SET subject = 'bnn@shop.test' WHERE audit_id = 5", 5),
            Forgery("UPDATE audit SET remote = '192.0.2.8' WHERE audit_id = 4", 4),
            Forgery("UPDATE audit SET remote = 'nonsense' WHERE audit_id = 4", 4),
            Forgery("UPDATE audit SET remote = NULL WHERE audit_id = 4", 4),
            Forgery("UPDATE audit SET detail = '{ }' WHERE audit_id = 2", 2),
            Forgery("UPDATE audit SET organisation_id = 9 WHERE audit_id = 2", 2),
            Forgery("UPDATE audit SET chain = NULL WHERE audit_id = 3", 3),
            Forgery("UPDATE audit SET chain = zeroblob(32) WHERE audit_id = 5", 5),
            Forgery("DELETE FROM audit WHERE audit_id = 2", 3),
            Forgery("UPDATE audit SET action = 'sign_in', actor = 'clisign_in' WHERE audit_id = 3", 3),
        ]
    }

    @Test(arguments: Forgery.all) func oneChangedOctetIsFound(forgery: Forgery) async throws {
        let test = try await StoreFactory.sqlite.make()
        for number in 1...5 {
            try await test.store.recordAudit(
                event(Int64(number), "sign_in", "ann@shop.test", remote: IPAddress("192.0.2.7"))
            )
        }
        #expect(try await test.store.verifyAudit(known: nil).broken == nil)
        let database = try SQLiteDatabase(path: test.folder.path + "/oonrumail.sqlite", logger: .silent)
        try await database.write { connection throws(StoreError) in
            _ = try connection.execute(forgery.sql, [])
        }
        await database.close()
        #expect(try await test.store.verifyAudit(known: nil).broken == forgery.broken)
    }
}
