import MailModel
import MailPorts

extension AuditedChange {
    static let zones: [AuditedChange] = [
        AuditedChange(
            "a zone is connected",
            change: { scene in
                _ = try await scene.store.setZoneConnection(scene.zone, replacing: nil, audit: scene.line)
            },
            look: { try await $0.zoneText }
        ),
        AuditedChange(
            "a zone is disconnected",
            prepare: { scene in
                _ = try await scene.store.setZoneConnection(scene.zone, replacing: nil, audit: .test)
            },
            change: { scene in try await scene.store.removeZoneConnection(scene.zone, audit: scene.line) },
            look: { try await $0.zoneText }
        ),
        AuditedChange(
            "records are written",
            prepare: { scene in
                try await scene.store.intendRecords([scene.record], of: scene.member, at: scene.now)
            },
            change: { scene in
                var outcome = ZoneOutcome(member: scene.member, state: ZoneState(nextAt: scene.now))
                outcome.confirmed = [scene.record]
                try await scene.store.noteZone(outcome, at: scene.now, audit: scene.line)
            },
            look: { scene in
                let written = try await scene.store.writtenRecords(of: scene.member)
                return "\(written) \(String(describing: try await scene.store.zoneState(of: scene.member)))"
            }
        ),
    ]
}

extension AuditedChange.Scene {
    fileprivate var zone: ZoneConnection {
        ZoneConnection(
            organisation: ann.organisation,
            zone: "z\(number).test",
            host: "ns.test",
            port: 53,
            keyName: "key",
            algorithm: .hmacSHA256,
            sealedSecret: [1]
        )
    }

    fileprivate var zoneText: String {
        get async throws {
            String(
                describing: try await store.zoneConnection(covering: "z\(number).test", of: ann.organisation)
            )
        }
    }

    fileprivate var member: ZoneMember {
        ZoneMember(organisation: ann.organisation, domain: "d\(number).test", state: .active)
    }

    fileprivate var record: ZoneRecord {
        ZoneRecord(set: ZoneSet("d\(number).test", .txt), ttl: 60, value: "text")
    }
}
