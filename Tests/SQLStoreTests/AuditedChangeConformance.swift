import MailModel
import MailPorts
import Testing

@Suite("Port: AuditStore, changes and their lines") struct AuditedChangeConformance {
    private func scene(_ factory: StoreFactory) async throws -> AuditedChange.Scene {
        let test = try await factory.make()
        let ann = try await test.account("ann@shop.test")
        let line = AuditEvent(at: test.clock.now(), actor: "cli", action: "the.change", subject: "")
        return AuditedChange.Scene(test: test, ann: ann, line: line)
    }

    private func lines(_ scene: AuditedChange.Scene) async throws -> [AuditEvent] {
        var filter = AuditFilter()
        filter.action = scene.line.action
        return try await scene.store.auditTrail(filter, before: nil, limit: 9).map(\.event)
    }

    @Test(arguments: StoreFactory.all, AuditedChange.all)
    func `a change whose line is not taken is not made`(_ factory: StoreFactory, _ change: AuditedChange) async throws {
        let scene = try await scene(factory)
        try await change.prepare(scene)
        let before = try await change.look(scene)
        try await scene.test.alter("ALTER TABLE audit RENAME TO audit_away")
        await #expect(throws: StoreError.self) { try await change.change(scene) }
        try await scene.test.alter("ALTER TABLE audit_away RENAME TO audit")
        #expect(try await change.look(scene) == before)
        #expect(try await lines(scene).isEmpty)
        try await change.change(scene)
        #expect(try await change.look(scene) != before)
        let left = try await lines(scene)
        #expect(left.count == change.lines && left.allSatisfy { $0.actor == "cli" })
        #expect(try await scene.store.verifyAudit(known: nil).broken == nil)
    }

    @Test(arguments: StoreFactory.all) func `what changes nothing leaves no line`(_ factory: StoreFactory) async throws
    {
        let scene = try await scene(factory)
        let (store, ann, line, now) = (scene.store, scene.ann.id, scene.line, scene.now)
        await #expect(throws: StoreError.notFound) {
            try await store.removeAppPassword(AppPasswordID(9), of: ann, audit: line)
        }
        await #expect(throws: StoreError.notFound) { try await store.revokeSession("z", of: ann, audit: line) }
        await #expect(throws: StoreError.notFound) { try await store.revokeFamily(ofToken: [9], audit: line) }
        await #expect(throws: StoreError.notFound) {
            try await store.replaceRecoveryCodes(of: ann, with: [], audit: line)
        }
        #expect(try await store.revokeSessions(of: ann, except: nil, audit: line) == 0)
        #expect(try await store.spendStep(1, of: ann, audit: line) == false)
        #expect(try await store.spendRecoveryCode([1], of: ann, audit: [line]) == false)
        #expect(try await store.hold(.everything, audit: line) == 0)
        #expect(try await store.removeRetiredKeys(now: now, audit: line) == 0)
        #expect(try await store.removeClaims(expiredBefore: now, audit: line) == 0)
        try await store.removeTokenKeys(["none"], audit: line)
        try await scene.signIn()
        try await store.revokeSession("a", of: ann, audit: .test)
        try await store.revokeFamily(ofToken: [1], audit: line)
        #expect(try await lines(scene).isEmpty)
    }

    @Test(arguments: StoreFactory.all) func `lines of sessions are named after their accounts`(
        _ factory: StoreFactory
    ) async throws {
        let scene = try await scene(factory)
        try await scene.signIn()
        var line = scene.line
        line.actor = ""
        try await scene.store.revokeFamily(ofToken: [1], audit: line)
        let left = try #require(try await lines(scene).first)
        #expect(left.actor == "ann@shop.test" && left.subject == "ann@shop.test")
        var filter = AuditFilter()
        filter.organisation = scene.ann.organisation
        filter.action = "the.change"
        #expect(try await scene.store.auditTrail(filter, before: nil, limit: 9).count == 1)
    }

    @Test(arguments: StoreFactory.all) func `a line that is lost is no failure of what it tells`(
        _ factory: StoreFactory
    ) async throws {
        let scene = try await scene(factory)
        await scene.store.noteAudit(scene.line)
        #expect(try await lines(scene).count == 1)
        try await scene.test.alter("ALTER TABLE audit RENAME TO audit_away")
        await scene.store.noteAudit(scene.line)
        try await scene.test.alter("ALTER TABLE audit_away RENAME TO audit")
        #expect(try await lines(scene).count == 1)
    }
}
