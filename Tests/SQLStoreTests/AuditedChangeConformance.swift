import MailModel
import MailPorts
import Testing

@Suite("Port: AuditStore, changes and their lines") struct AuditedChangeConformance {
    private func scene(_ factory: StoreFactory) async throws -> AuditedChange.Scene {
        try await scene(0, in: try await factory.make())
    }

    private func scene(_ number: UInt8, in test: StoreUnderTest) async throws -> AuditedChange.Scene {
        let ann = try await test.account("ann\(number)@shop.test")
        let line = AuditEvent(at: test.clock.now(), actor: "cli", action: "the.change\(number)", subject: "")
        return AuditedChange.Scene(test: test, number: number, ann: ann, line: line)
    }

    private func lines(_ scene: AuditedChange.Scene) async throws -> [AuditEvent] {
        var filter = AuditFilter()
        filter.action = scene.line.action
        return try await scene.store.auditTrail(filter, before: nil, limit: 9).map(\.event)
    }

    @Test(arguments: StoreFactory.all) func `a change whose line is not taken is not made`(
        _ factory: StoreFactory
    ) async throws {
        let test = try await factory.make()
        var scenes: [(change: AuditedChange, scene: AuditedChange.Scene, before: String)] = []
        for (number, change) in AuditedChange.all.enumerated() {
            let scene = try await scene(UInt8(number + 1), in: test)
            try await change.prepare(scene)
            scenes.append((change, scene, ""))
        }
        for place in scenes.indices { scenes[place].before = try await scenes[place].change.look(scenes[place].scene) }
        try await test.alter("ALTER TABLE audit RENAME TO audit_away")
        for (change, scene, _) in scenes {
            await #expect(throws: StoreError.self, "\(change.name)") { try await change.change(scene) }
        }
        try await test.alter("ALTER TABLE audit_away RENAME TO audit")
        for (change, scene, before) in scenes {
            #expect(try await change.look(scene) == before, "\(change.name)")
            #expect(try await lines(scene).isEmpty, "\(change.name)")
        }
        for (change, scene, _) in scenes {
            let now = try await change.look(scene)
            try await change.change(scene)
            #expect(try await change.look(scene) != now, "\(change.name)")
            let left = try await lines(scene)
            #expect(left.count == change.lines && left.allSatisfy { $0.actor == "cli" }, "\(change.name)")
        }
        #expect(try await test.store.verifyAudit(known: nil).broken == nil)
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
        try await store.revokeSession(scene.family, of: ann, audit: .test)
        try await store.revokeFamily(ofToken: [0, 1], audit: line)
        #expect(try await lines(scene).isEmpty)
    }

    @Test(arguments: StoreFactory.all) func `lines of sessions are named after their accounts`(
        _ factory: StoreFactory
    ) async throws {
        let scene = try await scene(factory)
        try await scene.signIn()
        var line = scene.line
        line.actor = ""
        try await scene.store.revokeFamily(ofToken: [0, 1], audit: line)
        let left = try #require(try await lines(scene).first)
        #expect(left.actor == "ann0@shop.test" && left.subject == "ann0@shop.test")
        var filter = AuditFilter()
        filter.organisation = scene.ann.organisation
        filter.action = scene.line.action
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
